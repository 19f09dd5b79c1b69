package record

import "errors"

// ErrBusy is a store that takes nothing for a while: whoever sends waits and
// sends again.
var ErrBusy = errors.New("the store of logs cannot keep up; send it again in a moment")

// Batch is lines on their way into the store: kept all together or not at all.
type Batch struct {
	Records []Record
	// Marks say where lines lie in their streams, one for each of Records; nil
	// for lines of senders that do not count. A line at or before the last mark of
	// its stream is known and not kept again.
	Marks []Mark
}

// Mark is a place in a stream.
type Mark struct {
	// Stream names the content of one file, journal or container of one server,
	// so that what replaces a file is another stream.
	Stream string
	// Offset is that of the line's first byte, or what else grows from line to
	// line.
	Offset int64
}

// Outcome says what became of a line of a batch.
type Outcome uint8

// What becomes of lines.
const (
	Stored    Outcome = iota
	Known             // its mark says that it was here before
	Duplicate         // its index and id are taken
)

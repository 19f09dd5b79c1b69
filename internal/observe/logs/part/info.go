package part

import (
	"errors"
	"fmt"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Info is what all lines of a file have in common.
type Info struct {
	Owner record.Owner
	Class string
	Day   string // of the lines' time, in UTC, as 2006-01-02; the caller sees to it
}

// Meta says of a file what a store needs to know of each of its files: it is
// small.
type Meta struct {
	Info
	Lines            int64
	MinTime, MaxTime int64 // nanoseconds, both ends in it
	MinSeq, MaxSeq   uint64
	Groups           int   // row groups
	Bytes            int64 // of the file
	FilterBytes      int64 // of them for filters
}

// FieldInfo is a field of a file.
type FieldInfo struct {
	Name string
	Kind record.Kind // that most of its values have
	// Lines is how many lines have it, roughly where Column is false.
	Lines  int64
	Column bool // it has a column of its own
}

// The errors that a caller may ask about.
var (
	// ErrDamaged is a file that is not as it was written. The text names the
	// file and the place.
	ErrDamaged = errors.New("the file is damaged; set it aside and restore it from a backup")
	// ErrVersion is a file of a form that this program does not know.
	ErrVersion = errors.New("the file was written by a newer version; update this one")
	// ErrOrder is a line that does not come behind the one before.
	ErrOrder = errors.New("lines must come in the order of service, time and number")
)

func damaged(path string, at int64, format string, args ...any) error {
	return fmt.Errorf("%s: byte %d: %s: %w", path, at, fmt.Sprintf(format, args...), ErrDamaged)
}

// The limits of a file.
const (
	// MaxColumns is how many fields have a column of their own.
	MaxColumns = 200

	maxName  = 200  // bytes of a column's name
	maxNames = 4096 // names of fields without a column that a file lists
)

// The limits of lines.
const (
	// MaxLine is how many bytes of text a line has at most.
	MaxLine = 64 << 20
	// maxChunk is how large the pages of a column in a row group can be: the text
	// of a group, a line, and their lengths.
	maxChunk = 256 << 20
)

// ErrTooLarge is a line of more than MaxLine.
var ErrTooLarge = fmt.Errorf("a line has at most %d bytes", MaxLine)

// limits are how large row groups and pages become.
type limits struct {
	groupRows int
	// A group ends where a service ends, once it has this many rows: filters
	// tell services apart.
	groupLeast int
	pageRows   int
	// The text of a group and of a page, but for its last line.
	groupBytes, pageBytes int
}

var usual = limits{groupRows: 40_960, groupLeast: 8192, pageRows: 8192, groupBytes: 32 << 20, pageBytes: 4 << 20}

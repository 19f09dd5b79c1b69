package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Message is a JSON body of the protocol.
type Message interface {
	// Check says what is wrong with the message, in a sentence.
	Check() error
}

// ErrTooLarge says that a body is larger than its route allows; answer 413.
var ErrTooLarge = errors.New("the body is larger than this route takes")

// Decode reads one message of at most limit bytes and checks it. Fields it
// does not know are passed over, so that a newer sender is understood.
func Decode(body io.Reader, limit int64, m Message) error {
	b, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return fmt.Errorf("read the body: %w", err)
	}
	if int64(len(b)) > limit {
		return ErrTooLarge
	}
	if err := json.Unmarshal(b, m); err != nil {
		return fmt.Errorf("read the body as JSON: %w", err)
	}
	return m.Check()
}

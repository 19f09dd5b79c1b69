package wire

import (
	"bytes"
	"encoding/json"
)

// HashBody returns the hash of a fact's body, the same however it is indented.
func HashBody(body json.RawMessage) string {
	var b bytes.Buffer
	if err := json.Compact(&b, body); err != nil {
		return Fingerprint(body)
	}
	return Fingerprint(b.Bytes())
}

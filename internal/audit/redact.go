package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// redacted stands for the value of a secret that reached the details.
const redacted = "[not kept]"

// secretWords are what a key that names a secret contains.
var secretWords = []string{"password", "passphrase", "token", "secret", "privatekey"}

// encodeDetails returns the details as JSON without secrets and without what
// a database cannot hold.
func encodeDetails(details map[string]any) (string, error) {
	if len(details) == 0 {
		return "{}", nil
	}
	raw, err := json.Marshal(details)
	if err != nil {
		return "", fmt.Errorf("encode details: %w", err)
	}
	// Decoding again turns structs, named maps and raw JSON into plain values,
	// in which every key can be looked at.
	plain, err := decodeDetails(string(raw))
	if err != nil {
		return "", err
	}
	out, err := json.Marshal(redact(plain))
	if err != nil {
		return "", fmt.Errorf("encode details: %w", err)
	}
	return string(out), nil
}

func decodeDetails(s string) (map[string]any, error) {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber() // so that no digit of a large number is lost
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("decode details: %w", err)
	}
	return m, nil
}

func redact(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			if namesSecret(k) {
				v[k] = redacted
			} else {
				v[k] = redact(inner)
			}
		}
	case []any:
		for i := range v {
			v[i] = redact(v[i])
		}
	}
	return v
}

func namesSecret(key string) bool {
	key = strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(key))
	for _, w := range secretWords {
		if strings.Contains(key, w) {
			return true
		}
	}
	return false
}

// clean drops what PostgreSQL refuses in a text, so that no input of a
// stranger can keep an entry from being recorded.
func clean(s string) string {
	return string(bytes.ReplaceAll(bytes.ToValidUTF8([]byte(s), []byte("\uFFFD")), []byte{0}, nil))
}

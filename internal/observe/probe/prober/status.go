package prober

import (
	"fmt"
	"strconv"
	"strings"
)

// StatusRange is a range of HTTP status codes, both ends included.
type StatusRange struct{ From, To int }

var anySuccess = []StatusRange{{200, 299}}

// ParseStatus reads "200", "200-299" or "2xx".
func ParseStatus(s string) (StatusRange, error) {
	wrong := fmt.Errorf("%q is no HTTP status; write one like 200, a range like 200-299 or a class like 2xx", s)
	if len(s) == 3 && strings.EqualFold(s[1:], "xx") {
		if s[0] < '1' || s[0] > '5' {
			return StatusRange{}, wrong
		}
		class := int(s[0]-'0') * 100
		return StatusRange{class, class + 99}, nil
	}
	from, to, isRange := strings.Cut(s, "-")
	if !isRange {
		to = from
	}
	r := StatusRange{}
	var ok bool
	if r.From, ok = statusCode(from); !ok {
		return StatusRange{}, wrong
	}
	if r.To, ok = statusCode(to); !ok || r.To < r.From {
		return StatusRange{}, wrong
	}
	return r, nil
}

func statusCode(s string) (int, bool) {
	s = strings.TrimSpace(s)
	if len(s) != 3 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 100 && n <= 599
}

// String writes what ParseStatus reads.
func (r StatusRange) String() string {
	if r.From == r.To {
		return strconv.Itoa(r.From)
	}
	return fmt.Sprintf("%d-%d", r.From, r.To)
}

// MarshalText writes the range as String does.
func (r StatusRange) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads the range as ParseStatus does.
func (r *StatusRange) UnmarshalText(b []byte) (err error) {
	*r, err = ParseStatus(string(b))
	return err
}

func statusAllowed(code int, allowed []StatusRange) bool {
	for _, r := range allowed {
		if code >= r.From && code <= r.To {
			return true
		}
	}
	return false
}

// statusList writes ranges as a sentence needs them: "200, 204 or 300-399".
func statusList(ranges []StatusRange) string {
	words := make([]string, len(ranges))
	for i, r := range ranges {
		words[i] = r.String()
	}
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

package record

import (
	"cmp"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// Kind says what a value is.
type Kind uint8

// The kinds of values.
const (
	None   Kind = iota
	String      // text
	Int         // a whole number
	Float       // any other number
	Bool
	Moment // a time, nanoseconds since 1970
	JSON   // what flattens to no field: an array of objects, null beside values; its text
)

// Value is one value: small, comparable with ==, without a pointer of its own.
type Value struct {
	Kind Kind
	Num  int64 // of Int, Moment; 0 or 1 of Bool; the bits of Float
	Str  string
}

// StringValue, IntValue, FloatValue, BoolValue, TimeValue and JSONValue make values.
func StringValue(s string) Value { return Value{Kind: String, Str: s} }

// IntValue is a whole number.
func IntValue(n int64) Value { return Value{Kind: Int, Num: n} }

// FloatValue is a number; a whole one is an Int, so that 200 and 200.0 are one.
func FloatValue(f float64) Value {
	if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return IntValue(int64(f))
	}
	return Value{Kind: Float, Num: int64(math.Float64bits(f))} //nolint:gosec // bits, not a number
}

// BoolValue is true or false.
func BoolValue(b bool) Value {
	if b {
		return Value{Kind: Bool, Num: 1}
	}
	return Value{Kind: Bool}
}

// TimeValue is a time in nanoseconds since 1970.
func TimeValue(ns int64) Value { return Value{Kind: Moment, Num: ns} }

// JSONValue is JSON that stays as it is.
func JSONValue(text string) Value { return Value{Kind: JSON, Str: text} }

// Float returns a number as a float; ok is false for what is none. Text that
// reads as a number is not one.
func (v Value) Float() (f float64, ok bool) {
	switch v.Kind {
	case Int, Moment:
		return float64(v.Num), true
	case Float:
		return math.Float64frombits(uint64(v.Num)), true //nolint:gosec // bits, not a number
	case Bool:
		return float64(v.Num), true
	}
	return 0, false
}

// Text is the value as people write it and as text matches see it.
func (v Value) Text() string {
	switch v.Kind {
	case String, JSON:
		return v.Str
	case Int:
		return strconv.FormatInt(v.Num, 10)
	case Float:
		f, _ := v.Float()
		return strconv.FormatFloat(f, 'g', -1, 64)
	case Bool:
		return strconv.FormatBool(v.Num != 0)
	case Moment:
		return time.Unix(0, v.Num).UTC().Format(TimeFormat)
	}
	return ""
}

// TimeFormat is how times are written: Elasticsearch's date_nanos.
const TimeFormat = "2006-01-02T15:04:05.999999999Z07:00"

// AppendJSON writes the value as JSON.
func (v Value) AppendJSON(b []byte) []byte {
	switch v.Kind {
	case String:
		return AppendString(b, v.Str)
	case JSON:
		return append(b, v.Str...)
	case Moment:
		return AppendString(b, v.Text())
	case None:
		return append(b, "null"...)
	}
	return append(b, v.Text()...)
}

// AppendString writes text as a JSON string; bytes that are no UTF-8 become
// U+FFFD, as everywhere in JSON.
func AppendString(b []byte, s string) []byte {
	plain := true
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			plain = false
			break
		}
	}
	if plain {
		b = append(b, '"')
		b = append(b, s...)
		return append(b, '"')
	}
	quoted, err := json.Marshal(s)
	if err != nil { // a string always marshals
		return append(b, `""`...)
	}
	return append(b, quoted...)
}

// Compare orders values: numbers and booleans by size, then times, then text
// byte by byte. It is total, so that sorting is stable over every kind.
func (v Value) Compare(w Value) int {
	if c := cmp.Compare(v.rank(), w.rank()); c != 0 {
		return c
	}
	if v.Kind == Int && w.Kind == Int || v.Kind == Moment {
		return cmp.Compare(v.Num, w.Num)
	}
	if a, ok := v.Float(); ok {
		b, _ := w.Float()
		return cmp.Compare(a, b)
	}
	return strings.Compare(v.Str, w.Str)
}

func (v Value) rank() int {
	switch v.Kind {
	case Int, Float, Bool:
		return 1
	case Moment:
		return 2
	case String, JSON:
		return 3
	}
	return 0
}

// Clone copies the value with its text.
func (v Value) Clone() Value {
	v.Str = strings.Clone(v.Str)
	return v
}

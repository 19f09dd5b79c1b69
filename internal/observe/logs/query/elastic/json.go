package elastic

import (
	"math"
	"strconv"
	"strings"

	"github.com/valyala/fastjson"

	"github.com/vigie-ops/vigie/internal/observe/logs/query/querytext"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// each visits the members of an object in their order and stops at an error.
// what says whose object it is.
func (r *reader) each(what string, v *fastjson.Value, f func(key string, v *fastjson.Value) error) error {
	o, err := v.Object()
	if err != nil {
		return r.at(malformed("[%s] expected [START_OBJECT] but found [%s]", what, tokenOf(v)), what)
	}
	o.Visit(func(key []byte, v *fastjson.Value) {
		if err == nil {
			err = f(valid(string(key)), v)
		}
	})
	return err
}

// list is an array, or what stands alone as if it was one of one.
func list(v *fastjson.Value) []*fastjson.Value {
	if all, err := v.Array(); err == nil {
		return all
	}
	return []*fastjson.Value{v}
}

func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// text is a string, or a number or boolean as it is written.
func text(v *fastjson.Value) string {
	if b, err := v.StringBytes(); err == nil {
		return valid(string(b))
	}
	return string(v.MarshalTo(nil))
}

// isScalar says whether a value is a string, a number or a boolean.
func isScalar(v *fastjson.Value) bool {
	switch v.Type() {
	case fastjson.TypeObject, fastjson.TypeArray, fastjson.TypeNull:
		return false
	}
	return true
}

// scalar is a value of a line; null is of kind None.
func scalar(v *fastjson.Value) record.Value {
	switch v.Type() {
	case fastjson.TypeString:
		return record.StringValue(text(v))
	case fastjson.TypeTrue, fastjson.TypeFalse:
		return record.BoolValue(v.Type() == fastjson.TypeTrue)
	case fastjson.TypeNumber:
		if n, err := v.Int64(); err == nil {
			return record.IntValue(n)
		}
		raw := text(v)
		if f, err := strconv.ParseFloat(raw, 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
			return record.FloatValue(f)
		}
		return record.StringValue(raw)
	}
	return record.Value{}
}

// integer is a whole number, also one that is written as a string.
func (r *reader) integer(name string, v *fastjson.Value) (int, error) {
	raw := text(v)
	n, err := strconv.Atoi(raw)
	if err != nil {
		f, ferr := strconv.ParseFloat(raw, 64)
		if ferr != nil || f != math.Trunc(f) || math.Abs(f) > 1<<31 {
			return 0, r.at(refuse("Failed to parse int parameter [%s] with value [%.40s]", name, raw), name)
		}
		n = int(f)
	}
	return n, nil
}

// boolean is true or false, also one that is written as a string.
func (r *reader) boolean(name string, v *fastjson.Value) (bool, error) {
	switch text(v) {
	case "true":
		return true, nil
	case "false", `""`, "":
		return false, nil
	}
	return false, r.at(refuse("Failed to parse value [%.40s] of [%s] as only [true] or [false] are allowed.", text(v), name), name)
}

// names is a string or an array of strings.
func (r *reader) names(what string, v *fastjson.Value) ([]string, error) {
	var out []string
	for _, one := range list(v) {
		if !isScalar(one) {
			return nil, r.at(malformed("[%s] expected [VALUE_STRING] but found [%s]", what, tokenOf(one)), what)
		}
		out = append(out, text(one))
	}
	return out, nil
}

// field is the name of a field without .keyword.
func field(name string) string { return querytext.Field(name).Field }

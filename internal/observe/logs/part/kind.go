package part

import (
	"math"
	"unicode/utf8"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// kind is the type of a column. It lies in files.
type kind byte

const (
	kindText kind = iota + 1
	kindJSON
	kindInt
	kindFloat // numbers, whole ones among them
	kindBool
	kindTime
	kindBytes // the column _exact
)

// bytewise says whether a column holds byte strings.
func (k kind) bytewise() bool { return k == kindText || k == kindJSON || k == kindBytes }

// textual says whether a column's words are looked for in any field.
func (k kind) textual() bool { return k == kindText || k == kindJSON }

// packs says whether pages of the column can be so.
func (k kind) packs(e encoding) bool {
	switch e {
	case encDict:
		return k != kindBool && k != kindBytes
	case encText:
		return k.bytewise()
	case encDelta:
		return k == kindInt || k == kindTime
	case encPlain:
		return k == kindFloat || k == kindBool
	}
	return false
}

// fits says whether a column gives a value back as it was.
func (k kind) fits(v record.Value) bool {
	switch k {
	case kindText:
		return v.Kind == record.String && v.Num == 0 && utf8.ValidString(v.Str)
	case kindJSON:
		return v.Kind == record.JSON && v.Num == 0 && utf8.ValidString(v.Str)
	case kindInt:
		return v.Kind == record.Int && v.Str == ""
	case kindFloat:
		bits, ok := floatBits(v)
		return ok && floatOf(bits) == v
	case kindBool:
		return v.Kind == record.Bool && v.Num&^1 == 0 && v.Str == ""
	case kindTime:
		return v.Kind == record.Moment && v.Str == ""
	}
	return false
}

// floatBits is a number as a column of floats has it.
func floatBits(v record.Value) (int64, bool) {
	switch v.Kind {
	case record.Float:
		return v.Num, true
	case record.Int:
		return int64(math.Float64bits(float64(v.Num))), true //nolint:gosec // bits, not a number
	}
	return 0, false
}

// floatOf is a number of a column of floats.
func floatOf(bits int64) record.Value {
	return record.FloatValue(math.Float64frombits(uint64(bits))) //nolint:gosec // bits, not a number
}

// value is what a number of the column stands for.
func (k kind) value(n int64) record.Value {
	if k == kindFloat {
		return floatOf(n)
	}
	return record.Value{Kind: k.record(), Num: n}
}

// record is the kind of the values of a column, of kindFloat of those that are
// not whole.
func (k kind) record() record.Kind {
	switch k {
	case kindText:
		return record.String
	case kindJSON:
		return record.JSON
	case kindInt:
		return record.Int
	case kindFloat:
		return record.Float
	case kindBool:
		return record.Bool
	case kindTime:
		return record.Moment
	}
	return record.None
}

package query

import (
	"slices"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Index is what is known of many lines without looking at them.
type Index interface {
	// Word is false when no message and no text of a line has the word of the token.
	Word(token uint64) bool
	// Value is false when no line has the value of the token in the field.
	Value(field string, token uint64) bool
	// Has is false when no line has the field.
	Has(field string) bool
	// Bounds returns the smallest and the largest value of a field of which all
	// values are numbers, or all are times; ok is false for all others.
	Bounds(field string) (least, most record.Value, ok bool)
}

// Plan tells without looking at lines where they cannot be.
type Plan struct{ need need }

// NewPlan prepares a filter.
func NewPlan(f Filter) *Plan { return &Plan{needOf(f)} }

// Possible is false when no line of those that the index tells of can match.
func (p *Plan) Possible(ix Index) bool { return p.need.possible(ix) }

// NeedsValue says whether the plan ever asks an index for a value of a field.
func (p *Plan) NeedsValue() bool { return needsValue(p.need) }

func needsValue(n need) bool {
	switch n := n.(type) {
	case needValue:
		return true
	case needAll:
		return slices.ContainsFunc(n, needsValue)
	case needOne:
		return slices.ContainsFunc(n, needsValue)
	case needSome:
		return slices.ContainsFunc(n.of, needsValue)
	}
	return false
}

// need is what must hold for a line to match.
type need interface{ possible(ix Index) bool }

type (
	needAny  struct{}
	needNone struct{}
	needAll  []need
	needOne  []need
	needSome struct {
		n  int
		of []need
	}
	needWords struct {
		field  string // empty where any will do
		tokens []uint64
	}
	needValue struct {
		field  string
		tokens []uint64 // one of them
	}
	needField string
	needRange struct{ r Range }
)

func needOf(f Filter) need {
	switch f := f.(type) {
	case All:
		return needAny{}
	case None:
		return needNone{}
	case And:
		all := make(needAll, len(f))
		for i, sub := range f {
			all[i] = needOf(sub)
		}
		return all
	case Or:
		return oneOf(f)
	case AtLeast:
		return needSome{f.N, oneOf(f.Of)}
	case Not:
		if _, ok := f.Filter.(All); ok {
			return needNone{}
		}
		return needAny{}
	case Words:
		return wordsNeed(f)
	case Equal:
		if f.Fold {
			return fieldNeed(f.Field)
		}
		return valueNeed(f.Field, []record.Value{f.Value})
	case OneOf:
		return valueNeed(f.Field, f.Values)
	case Pattern:
		return fieldNeed(f.Field)
	case Range:
		return needRange{f}
	case Exists:
		return fieldNeed(f.Field)
	}
	return needAny{}
}

func oneOf(filters []Filter) needOne {
	one := make(needOne, len(filters))
	for i, sub := range filters {
		one[i] = needOf(sub)
	}
	return one
}

func fieldNeed(field string) need {
	if field == AnyField || record.Reserved(field) {
		return needAny{}
	}
	return needField(field)
}

func wordsNeed(f Words) need {
	if len(f.Words) == 0 {
		return needNone{}
	}
	w := needWords{}
	if f.Field != AnyField && !record.Reserved(f.Field) {
		w.field = f.Field
	}
	if f.Field != AnyField && f.Field != record.Message {
		// Numbers have words, too, and leave no marks of words.
		return fieldNeed(f.Field)
	}
	for i, word := range f.Words {
		if i == len(f.Words)-1 && f.Prefix {
			break
		}
		w.tokens = append(w.tokens, WordToken(word))
	}
	return w
}

func valueNeed(field string, values []record.Value) need {
	if field == AnyField || record.Reserved(field) {
		return needAny{}
	}
	v := needValue{field: field}
	for _, one := range values {
		_, time := momentOf(one)
		token, ok := ValueToken(field, one)
		if time || !ok {
			return needField(field)
		}
		v.tokens = append(v.tokens, token)
	}
	return v
}

func (needAny) possible(Index) bool  { return true }
func (needNone) possible(Index) bool { return false }

func (n needAll) possible(ix Index) bool {
	for _, sub := range n {
		if !sub.possible(ix) {
			return false
		}
	}
	return true
}

func (n needOne) possible(ix Index) bool {
	for _, sub := range n {
		if sub.possible(ix) {
			return true
		}
	}
	return false
}

func (n needSome) possible(ix Index) bool {
	left := n.n
	for _, sub := range n.of {
		if left <= 0 {
			break
		}
		if sub.possible(ix) {
			left--
		}
	}
	return left <= 0
}

func (n needWords) possible(ix Index) bool {
	if n.field != "" && !ix.Has(n.field) {
		return false
	}
	for _, t := range n.tokens {
		if !ix.Word(t) {
			return false
		}
	}
	return true
}

func (n needValue) possible(ix Index) bool {
	if !ix.Has(n.field) {
		return false
	}
	for _, t := range n.tokens {
		if ix.Value(n.field, t) {
			return true
		}
	}
	return false
}

func (n needField) possible(ix Index) bool { return ix.Has(string(n)) }

func (n needRange) possible(ix Index) bool {
	field := n.r.Field
	if !record.Reserved(field) && !ix.Has(field) {
		return false
	}
	least, most, ok := ix.Bounds(field)
	if !ok {
		return true
	}
	if c, ok := compareBound(most, n.r.From); n.r.From.Kind != record.None && ok && (c < 0 || c == 0 && n.r.FromOpen) {
		return false
	}
	if c, ok := compareBound(least, n.r.To); n.r.To.Kind != record.None && ok && (c > 0 || c == 0 && n.r.ToOpen) {
		return false
	}
	return true
}

package query

import (
	"cmp"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// newestFirst is the order of who asks for none.
var newestFirst = []Sort{{Field: record.Time, Desc: true}}

// order compares hits by the keys of a request and then by the lines' numbers,
// in the direction of the first key, so that no two are the same.
type order []Sort

func orderOf(r *Request) order {
	if len(r.Sort) == 0 {
		return newestFirst
	}
	return r.Sort
}

// key is the place of a hit in an order.
type key struct {
	values []record.Value
	seq    uint64
}

// compareKey compares values of one sort key; those that are missing come last
// unless the key says first, in both directions.
func (s Sort) compare(a, b record.Value) int {
	if (a.Kind == record.None) != (b.Kind == record.None) {
		if (a.Kind == record.None) == (s.Missing == "_first") {
			return -1
		}
		return 1
	}
	c := a.Compare(b)
	if s.Desc {
		return -c
	}
	return c
}

func (o order) compare(a, b key) int {
	for i, s := range o {
		if c := s.compare(a.values[i], b.values[i]); c != 0 {
			return c
		}
	}
	return o.compareSeq(a.seq, b.seq)
}

func (o order) compareSeq(a, b uint64) int {
	c := cmp.Compare(a, b)
	if o[0].Desc {
		return -c
	}
	return c
}

// behind says whether a hit comes behind the last one that was seen: After of a
// request, which holds a value for each key and, for exactness, the number.
func (o order) behind(k key, after []record.Value) bool {
	if len(after) == 0 {
		return true
	}
	for i, s := range o {
		if i >= len(after) {
			return false
		}
		if c := s.compare(k.values[i], after[i]); c != 0 {
			return c > 0
		}
	}
	if len(after) <= len(o) {
		return false
	}
	return o.compareSeq(k.seq, uint64(after[len(o)].Num)) > 0 //nolint:gosec // a number that was handed out
}

// sortValues are the values of a hit by which it lies where it lies: its keys
// and its number. Handed back as After they continue behind it.
func (k key) sortValues() []record.Value {
	return append(append([]record.Value{}, k.values...), record.IntValue(int64(k.seq))) //nolint:gosec // counts from one
}

// sortValue is the value of a line by which it is sorted: its first.
func sortValue(r *record.Record, field string) record.Value {
	v, _ := r.Get(field)
	return v
}

package logstore

import (
	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// marks tell of the lines of a chunk which values they may have: a Bloom filter
// of 32 KiB with two bits a value, for a chunk of a megabyte. Words have none:
// to find them would cost more than to look for those that are asked for.
type marks struct{ bits [1 << 12]uint64 }

func (m *marks) places(token uint64) (word1, bit1, word2, bit2 uint64) {
	const mask = 1<<18 - 1
	a, b := token&mask, token>>32&mask
	return a >> 6, 1 << (a & 63), b >> 6, 1 << (b & 63)
}

func (m *marks) add(token uint64) {
	w1, b1, w2, b2 := m.places(token)
	m.bits[w1] |= b1
	m.bits[w2] |= b2
}

// Value implements query.Index.
func (m *marks) Value(_ string, token uint64) bool {
	w1, b1, w2, b2 := m.places(token)
	return m.bits[w1]&b1 != 0 && m.bits[w2]&b2 != 0
}

// Word implements query.Index.
func (m *marks) Word(uint64) bool { return true }

// Has implements query.Index.
func (m *marks) Has(string) bool { return true }

// Bounds implements query.Index.
func (m *marks) Bounds(string) (least, most record.Value, ok bool) { return least, most, false }

var _ query.Index = (*marks)(nil)

// possible is false when no line of the view can match. The marks of a chunk
// that gets no more lines are made when they are first asked for.
func (v *view) possible(plan *query.Plan) bool {
	if v.closed == nil || !plan.NeedsValue() {
		return true
	}
	m := v.closed.marks.Load()
	if m == nil {
		m = &marks{}
		for row := range v.lines {
			p := v.peek(row)
			p.Fields(func(name string, value record.Value) bool {
				if token, ok := query.ValueToken(name, value); ok {
					m.add(token)
				}
				return true
			})
		}
		if v.failed != nil {
			return true // it is told where the lines are read
		}
		v.closed.marks.Store(m)
	}
	return plan.Possible(m)
}

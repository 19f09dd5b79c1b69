package querytext

import (
	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// TimeBounds takes the bounds of the lines' time out of a filter, so that a store
// opens only files that lie in them: those that stand alone or are joined by and.
// The lines of rest with from <= time < to are those of the filter; zero is open.
func TimeBounds(f query.Filter) (rest query.Filter, from, to int64) {
	var b bounds
	rest = b.take(f)
	return rest, b.from, b.to
}

type bounds struct{ from, to int64 }

func (b *bounds) take(f query.Filter) query.Filter {
	switch f := f.(type) {
	case query.And:
		var left query.And
		for _, sub := range f {
			sub = b.take(sub)
			if _, all := sub.(query.All); !all {
				left = append(left, sub)
			}
		}
		switch len(left) {
		case 0:
			return query.All{}
		case 1:
			return left[0]
		}
		return left
	case query.Range:
		if b.within(f) {
			return query.All{}
		}
	case query.Equal:
		if f.Value.Kind == record.Moment && b.within(query.Range{Field: f.Field, From: f.Value, To: f.Value}) {
			return query.All{}
		}
	}
	return f
}

// within narrows the bounds by a range; false if it is about something else.
func (b *bounds) within(r query.Range) bool {
	ok := func(v record.Value) bool { return v.Kind == record.None || v.Kind == record.Moment && v.Num > 0 }
	if r.Field != record.Time || !ok(r.From) || !ok(r.To) {
		return false
	}
	if r.From.Kind != record.None {
		from := r.From.Num
		if r.FromOpen {
			from++
		}
		b.from = max(b.from, from)
	}
	if r.To.Kind != record.None {
		to := r.To.Num
		if !r.ToOpen {
			to++
		}
		if b.to == 0 || to < b.to {
			b.to = to
		}
	}
	return true
}

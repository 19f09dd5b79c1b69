package elastic

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/valyala/fastjson"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// rangeShape is one of the buckets of a range aggregation. They are filters, which
// have their order by their names.
type rangeShape struct {
	key      string
	from, to record.Value // the bounds; None is open
}

func (r *reader) rangeAgg(a *query.Agg, s *shape, key string, v *fastjson.Value) (err error) {
	switch key {
	case "ranges":
		s.ranges = []rangeShape{}
		for _, one := range list(v) {
			if err := r.clausesOf(1); err != nil {
				return err
			}
			out := rangeShape{}
			err := r.each(key, one, func(key string, v *fastjson.Value) error {
				switch key {
				case "from":
					out.from = scalar(v)
				case "to":
					out.to = scalar(v)
				case "key":
					out.key = text(v)
				default:
					return r.unsupported(s, key)
				}
				return nil
			})
			if err != nil {
				return err
			}
			s.ranges = append(s.ranges, out)
		}
	case "keyed":
		s.keyed, err = r.boolean(key, v)
	case "time_zone":
		s.zone, err = r.zone(v)
	default:
		return r.metric(a, s, key, v)
	}
	return err
}

// placeRanges makes filters of ranges, when all that belongs to them was read.
func (r *reader) placeRanges(a *query.Agg, s *shape) error {
	if a.Field == "" || len(s.ranges) == 0 {
		return r.at(refuse("No [ranges] specified for the [%s] aggregation", s.name), s.name)
	}
	for i := range s.ranges {
		one := &s.ranges[i]
		for _, v := range []*record.Value{&one.from, &one.to} {
			if v.Kind == record.None {
				continue
			}
			if s.time {
				span, err := r.time(s.name, *v, s.format, s.zone)
				if err != nil {
					return err
				}
				*v = record.TimeValue(span.From)
			} else if v.Kind == record.String {
				n, ok := number(v.Str)
				if !ok {
					return r.at(refuse("[%s] has a bound that is no number: %.40s", s.name, v.Str), s.name)
				}
				*v = n
			}
		}
		if one.key == "" {
			one.key = s.boundText(one.from) + "-" + s.boundText(one.to)
		}
	}
	slices.SortStableFunc(s.ranges, func(a, b rangeShape) int {
		if c := a.from.Compare(b.from); c != 0 {
			return c
		}
		return cmp.Or(boolInt(a.to.Kind == record.None)-boolInt(b.to.Kind == record.None), a.to.Compare(b.to))
	})
	for i, one := range s.ranges {
		f := query.Filter(query.Range{Field: a.Field, From: one.from, To: one.to, ToOpen: one.to.Kind != record.None})
		a.Filters[fmt.Sprintf("%06d", i)] = f
	}
	a.Field = ""
	return nil
}

func (s *shape) boundText(v record.Value) string {
	switch v.Kind {
	case record.None:
		return "*"
	case record.Moment:
		return writeTime(v.Num, s.format, s.zone)
	}
	f, _ := v.Float()
	return string(appendDouble(nil, f))
}

func (s *shape) appendRanges(b []byte, r *query.AggResult, ex *Extras) []byte {
	b = append(b, `"buckets":`...)
	b = append(b, "[{"[boolInt(s.keyed)])
	for i := range s.ranges {
		if i >= len(r.Buckets) {
			break
		}
		one := s.ranges[i]
		var key []byte
		if s.keyed {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(record.AppendString(b, one.key), ':')
		} else {
			key = append(record.AppendString(append(key, `"key":`...), one.key), ',')
		}
		key = s.appendBound(key, "from", one.from)
		key = s.appendBound(key, "to", one.to)
		b = s.appendBucket(b, i*boolInt(!s.keyed), key, &r.Buckets[i], ex)
	}
	return append(b, "]}"[boolInt(s.keyed)])
}

func (s *shape) appendBound(b []byte, name string, v record.Value) []byte {
	switch v.Kind {
	case record.None:
		return b
	case record.Moment:
		b = s.appendNumber(b, name, float64(millis(v.Num)), true)
	default:
		f, _ := v.Float()
		b = s.appendNumber(b, name, f, true)
	}
	return append(b, ',')
}

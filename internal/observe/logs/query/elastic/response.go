package elastic

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Response writes the answer to a search. An answer that is partial has one
// failed shard of two, and says that it timed out: clients look at one or the
// other.
//
// The sort values of a hit are those of the sort keys and the line's number, and
// search_after wants them back as they are. Times are milliseconds, or text where
// they are finer.
func Response(r *query.Result, ex *Extras) []byte {
	b := make([]byte, 0, 512+1024*len(r.Hits))
	b = append(b, '{')
	if ex.ScrollID != "" {
		b = append(b, `"_scroll_id":`...)
		b = append(record.AppendString(b, ex.ScrollID), ',')
	}
	b = append(b, `"took":`...)
	b = strconv.AppendInt(b, r.Took.Milliseconds(), 10)
	if r.Partial == "" {
		b = append(b, `,"timed_out":false,"_shards":{"total":1,"successful":1,"skipped":0,"failed":0}`...)
	} else {
		b = append(b, `,"timed_out":true,"_shards":{"total":2,"successful":1,"skipped":0,"failed":1,"failures":[{"shard":1,"index":`...)
		b = record.AppendString(b, ex.index)
		b = append(b, `,"reason":{"type":"partial_result","reason":`...)
		b = record.AppendString(b, r.Partial)
		b = append(b, "}}]}"...)
	}
	if ex.PIT != "" {
		b = append(b, `,"pit_id":`...)
		b = record.AppendString(b, ex.PIT)
	}
	b = append(b, `,"hits":`...)
	b = ex.fetch.appendHits(b, r.Hits, r.Total, r.TotalOver, ex)
	if len(ex.aggs) > 0 {
		b = append(b, `,"aggregations":{`...)
		b = appendAggs(b, ex.aggs, r.Aggs, ex)
		b = append(b, '}')
	}
	return append(b, '}')
}

// CountResponse writes the answer to a _count.
func CountResponse(r *query.Result) []byte {
	b := append([]byte(nil), `{"count":`...)
	b = strconv.AppendInt(b, r.Total, 10)
	if r.Partial != "" {
		return append(b, `,"_shards":{"total":2,"successful":1,"skipped":0,"failed":1}}`...)
	}
	return append(b, `,"_shards":{"total":1,"successful":1,"skipped":0,"failed":0}}`...)
}

func (f *fetch) appendHits(b []byte, hits []query.Hit, total int64, over bool, ex *Extras) []byte {
	b = append(b, '{')
	if ex.total {
		if ex.TotalAsInt {
			b = append(b, `"total":`...)
			b = strconv.AppendInt(b, total, 10)
		} else {
			b = append(b, `"total":{"value":`...)
			b = strconv.AppendInt(b, total, 10)
			relation := "eq"
			if over {
				relation = "gte"
			}
			b = append(b, `,"relation":"`+relation+`"}`...)
		}
		b = append(b, ',')
	}
	score := "1.0"
	if f.sorted || len(hits) == 0 {
		score = "null"
	}
	b = append(b, `"max_score":`+score+`,"hits":[`...)
	var all []record.Field
	for i := range hits {
		if i > 0 {
			b = append(b, ',')
		}
		b, all = f.appendHit(b, &hits[i], ex, all[:0])
	}
	return append(b, "]}"...)
}

// appendHit writes a hit. It hands back the room it was given for fields.
func (f *fetch) appendHit(b []byte, h *query.Hit, ex *Extras, all []record.Field) ([]byte, []record.Field) {
	index := ex.index
	if h.Index != "" {
		index = h.Index
	}
	b = append(b, `{"_index":`...)
	b = record.AppendString(b, index)
	if !f.noID {
		b = append(b, `,"_id":`...)
		b = record.AppendString(b, h.DocumentID())
	}
	if f.version {
		b = append(b, `,"_version":1`...)
	}
	if f.seqNo {
		b = append(b, `,"_seq_no":`...)
		b = strconv.AppendUint(b, h.Seq, 10)
		b = append(b, `,"_primary_term":1`...)
	}
	if f.sorted {
		b = append(b, `,"_score":null`...)
	} else {
		b = append(b, `,"_score":1.0`...)
	}
	if f.source || len(f.fields) > 0 {
		all = fieldsOf(all, &h.Record)
	}
	if f.source {
		some := all
		if len(f.includes)+len(f.excludes) > 0 {
			some = slices.DeleteFunc(slices.Clone(all), func(one record.Field) bool { return !f.wants(one.Name) })
		}
		b = append(b, `,"_source":`...)
		var raw []byte
		if ex.Raw != nil && len(f.includes)+len(f.excludes) == 0 {
			raw = ex.Raw(&h.Record)
		}
		if raw != nil {
			b = append(b, raw...)
		} else {
			b = appendSource(b, some)
		}
	}
	b = f.appendFields(b, all)
	if f.sorted && len(h.Sort) > 0 {
		b = append(b, `,"sort":[`...)
		for i, v := range h.Sort {
			if i > 0 {
				b = append(b, ',')
			}
			shape := sortShape{}
			if i < len(f.sorts) {
				shape = f.sorts[i]
			}
			b = appendSortValue(b, v, shape)
		}
		b = append(b, ']')
	}
	if len(h.Highlight) > 0 {
		b = append(b, `,"highlight":{`...)
		for i, name := range slices.Sorted(maps.Keys(h.Highlight)) {
			if i > 0 {
				b = append(b, ',')
			}
			b = record.AppendString(b, name)
			b = append(b, `:[`...)
			for k, fragment := range h.Highlight[name] {
				if k > 0 {
					b = append(b, ',')
				}
				b = record.AppendString(b, fragment)
			}
			b = append(b, ']')
		}
		b = append(b, '}')
	}
	return append(b, '}'), all
}

func appendSortValue(b []byte, v record.Value, shape sortShape) []byte {
	if v.Kind != record.Moment {
		return appendValue(b, v)
	}
	if v.Num%1e6 != 0 {
		return record.AppendString(b, writeTime(v.Num, "strict_date_optional_time_nanos", nil))
	}
	if shape.format != "" {
		return record.AppendString(b, writeTime(v.Num, shape.format, nil))
	}
	return strconv.AppendInt(b, v.Num/1e6, 10)
}

// appendAggs writes the answers of aggregations in the order they were asked for.
func appendAggs(b []byte, shapes []shape, all map[string]query.AggResult, ex *Extras) []byte {
	for i := range shapes {
		s := &shapes[i]
		if i > 0 {
			b = append(b, ',')
		}
		r := all[s.name]
		name := s.name
		if ex.TypedKeys {
			name = typed(s, &r) + "#" + name
		}
		b = record.AppendString(b, name)
		b = append(b, ":{"...)
		if s.meta != nil {
			b = append(b, `"meta":`...)
			b = append(b, s.meta...)
			b = append(b, ',')
		}
		b = s.append(b, &r, ex)
		b = append(b, '}')
	}
	return b
}

// typed is what an aggregation is called in typed keys.
func typed(s *shape, r *query.AggResult) string {
	switch s.kind {
	case "percentiles":
		return "tdigest_percentiles"
	case "terms":
		if len(r.Buckets) == 0 {
			return "sterms"
		}
		switch r.Buckets[0].Key.Kind {
		case record.Int, record.Bool, record.Moment:
			return "lterms"
		case record.Float:
			return "dterms"
		}
		return "sterms"
	}
	return s.kind
}

func (s *shape) append(b []byte, r *query.AggResult, ex *Extras) []byte {
	switch s.kind {
	case "terms":
		b = append(b, `"doc_count_error_upper_bound":`...)
		b = strconv.AppendInt(b, r.Uncertain, 10)
		b = append(b, `,"sum_other_doc_count":`...)
		b = strconv.AppendInt(b, r.Other, 10)
		b = append(b, `,"buckets":[`...)
		for i := range r.Buckets {
			b = s.appendBucket(b, i, s.appendTerm(nil, r.Buckets[i].Key), &r.Buckets[i], ex)
		}
		return append(b, ']')
	case "date_histogram":
		return s.appendHistogram(b, r, ex)
	case "filter", "missing":
		var one query.Bucket
		if len(r.Buckets) > 0 {
			one = r.Buckets[0]
		}
		return s.appendCount(b, &one, ex)
	case "filters":
		return s.appendFilters(b, r, ex)
	case "range", "date_range":
		return s.appendRanges(b, r, ex)
	case "top_hits":
		b = append(b, `"hits":`...)
		return s.fetch.appendHits(b, r.Hits, r.Total, false, &Extras{index: ex.index, total: true, TotalAsInt: ex.TotalAsInt})
	case "percentiles":
		return s.appendPercentiles(b, r)
	case "stats":
		b = append(b, `"count":`...)
		b = strconv.AppendInt(b, r.Count, 10)
		for _, one := range []struct {
			name string
			f    float64
			ok   bool
		}{{"min", r.Min, r.Count > 0}, {"max", r.Max, r.Count > 0}, {"avg", r.Avg, r.Count > 0}, {"sum", r.Sum, true}} {
			b = s.appendNumber(append(b, ','), one.name, one.f, one.ok)
		}
		return b
	case "cardinality", "value_count":
		b = append(b, `"value":`...)
		return strconv.AppendInt(b, int64(r.Value), 10)
	}
	return s.appendNumber(b, "value", r.Value, r.HasValue || s.kind == "sum")
}

// appendNumber writes a value and, if it is a time, the same as text.
func (s *shape) appendNumber(b []byte, name string, f float64, ok bool) []byte {
	b = append(b, `"`+name+`":`...)
	if !ok {
		return append(b, "null"...)
	}
	b = appendDouble(b, f)
	if s.time && name != "sum" && math.Abs(f) < 9e12 {
		b = append(b, `,"`+name+`_as_string":`...)
		b = record.AppendString(b, writeTime(int64(f)*1e6, s.format, s.zone))
	}
	return b
}

// appendDouble writes a number that is not whole by its kind, as Java does.
func appendDouble(b []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(b, "null"...)
	}
	at := len(b)
	format := byte('g')
	if math.Abs(f) < 1e15 && math.Abs(f) > 1e-5 {
		format = 'f'
	}
	b = strconv.AppendFloat(b, f, format, -1, 64)
	if !strings.ContainsAny(string(b[at:]), ".e") {
		b = append(b, ".0"...)
	}
	return b
}

// appendCount writes what is in every bucket.
func (s *shape) appendCount(b []byte, one *query.Bucket, ex *Extras) []byte {
	b = append(b, `"doc_count":`...)
	b = strconv.AppendInt(b, one.Count, 10)
	if len(s.subs) > 0 {
		b = appendAggs(append(b, ','), s.subs, one.Aggs, ex)
	}
	return b
}

func (s *shape) appendBucket(b []byte, i int, key []byte, one *query.Bucket, ex *Extras) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	b = append(b, '{')
	b = append(b, key...)
	return append(s.appendCount(b, one, ex), '}')
}

func (s *shape) appendTerm(b []byte, v record.Value) []byte {
	b = append(b, `"key":`...)
	switch v.Kind {
	case record.Bool:
		b = strconv.AppendInt(b, v.Num, 10)
		return append(b, `,"key_as_string":"`+v.Text()+`",`...)
	case record.Moment:
		b = strconv.AppendInt(b, millis(v.Num), 10)
		b = append(b, `,"key_as_string":`...)
		b = record.AppendString(b, writeTime(v.Num, s.format, s.zone))
		return append(b, ',')
	case record.JSON:
		return append(record.AppendString(b, v.Str), ',')
	}
	return append(appendValue(b, v), ',')
}

// millis is a time in milliseconds, rounded down.
func millis(ns int64) int64 {
	ms := ns / 1e6
	if ns%1e6 < 0 {
		ms--
	}
	return ms
}

func (s *shape) appendHistogram(b []byte, r *query.AggResult, ex *Extras) []byte {
	b = append(b, `"buckets":`...)
	b = append(b, "[{"[boolInt(s.keyed)])
	for i := range r.Buckets {
		one := &r.Buckets[i]
		asText := writeTime(one.Key.Num, s.format, s.zone)
		if s.keyed {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(record.AppendString(b, asText), ':')
		}
		key := append([]byte(nil), `"key_as_string":`...)
		key = record.AppendString(key, asText)
		key = append(key, `,"key":`...)
		key = append(strconv.AppendInt(key, millis(one.Key.Num), 10), ',')
		b = s.appendBucket(b, i*boolInt(!s.keyed), key, one, ex)
	}
	return append(b, "]}"[boolInt(s.keyed)])
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (s *shape) appendFilters(b []byte, r *query.AggResult, ex *Extras) []byte {
	b = append(b, `"buckets":`...)
	if s.format != "" { // a list, with names or without
		b = append(b, '[')
		for i := range r.Buckets {
			var key []byte
			if s.format == "list" {
				key = append(record.AppendString(append(key, `"key":`...), r.Buckets[i].Name), ',')
			}
			b = s.appendBucket(b, i, key, &r.Buckets[i], ex)
		}
		return append(b, ']')
	}
	b = append(b, '{')
	for i := range r.Buckets {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(record.AppendString(b, r.Buckets[i].Name), ':')
		b = s.appendBucket(b, 0, nil, &r.Buckets[i], ex)
	}
	return append(b, '}')
}

func (s *shape) appendPercentiles(b []byte, r *query.AggResult) []byte {
	b = append(b, `"values":`...)
	b = append(b, "[{"[boolInt(s.keyed)])
	for i, p := range r.Percentiles {
		if i > 0 {
			b = append(b, ',')
		}
		if s.keyed {
			b = append(b, '"')
			b = append(appendDouble(b, p.Percent), `":`...)
		} else {
			b = append(b, `{"key":`...)
			b = append(appendDouble(b, p.Percent), `,"value":`...)
		}
		if r.HasValue {
			b = appendDouble(b, p.Value)
		} else {
			b = append(b, "null"...)
		}
		if !s.keyed {
			b = append(b, '}')
		}
	}
	return append(b, "]}"[boolInt(s.keyed)])
}

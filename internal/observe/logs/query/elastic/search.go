package elastic

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fastjson"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/querytext"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Extras is what of a search is about how the answer is written.
type Extras struct {
	// TypedKeys writes the names of aggregations with their kinds, as ?typed_keys asks.
	TypedKeys bool
	// TotalAsInt writes hits.total as a number, as ?rest_total_hits_as_int asks.
	TotalAsInt bool
	// ScrollID stands in the answer to a search that scrolls; empty for none.
	ScrollID string
	// PIT is the point in time that the search is about; empty for none.
	PIT string
	// KeepAlive is how long it shall live on; 0 if that is not said.
	KeepAlive time.Duration
	// Raw is the source of a document that is handed out as it was sent; nil for
	// lines. It may be nil itself.
	Raw func(*record.Record) []byte

	index string
	total bool // hits.total is wanted
	fetch fetch
	aggs  []shape
}

// Search reads the body of a _search. An error is an *Error.
func Search(body []byte, o Options) (query.Request, *Extras, error) {
	r, v, err := newReader(body, o)
	if err != nil {
		return query.Request{}, nil, err
	}
	req, ex, err := r.search(v)
	if err != nil {
		return query.Request{}, nil, asked(err)
	}
	return req, ex, nil
}

// asked is an error about a body: whatever it is, asking again does not help.
func asked(err error) *Error {
	e := AsError(err)
	if e.Status >= http.StatusInternalServerError {
		return refuse("%s", err)
	}
	return e
}

// Query reads a body that has only a query: those of _count and _delete_by_query.
// The bounds of time are in the request, as with Search; hits are not wanted.
func Query(body []byte, o Options) (query.Request, error) {
	r, v, err := newReader(body, o)
	if err != nil {
		return query.Request{}, err
	}
	var f query.Filter = query.All{}
	err = r.each("query", v, func(key string, v *fastjson.Value) (err error) {
		switch key {
		case "query":
			f, err = r.query(v)
		case "conflicts", "max_docs", "slice", "size", "sort":
		default:
			err = r.at(malformed("request does not support [%s]", key), key)
		}
		return err
	})
	if err != nil {
		return query.Request{}, asked(err)
	}
	req := query.Request{}
	req.Filter, req.From, req.To = querytext.TimeBounds(f)
	if err := query.Check(req.Filter); err != nil {
		return query.Request{}, asked(err)
	}
	return req, nil
}

// search reads the members of a search.
func (r *reader) search(v *fastjson.Value) (query.Request, *Extras, error) {
	req := query.Request{Size: 10, TotalUpTo: 10_000}
	ex := &Extras{index: r.o.Index, total: true, fetch: fetch{source: true}}
	var f, post query.Filter = query.All{}, nil
	var after *fastjson.Value
	err := r.each("search", v, func(key string, v *fastjson.Value) (err error) {
		if v.Type() == fastjson.TypeNull {
			return nil
		}
		switch key {
		case "query":
			f, err = r.query(v)
		case "post_filter":
			post, err = r.query(v)
		case "size":
			req.Size, err = r.natural(key, v)
		case "from":
			req.Skip, err = r.natural(key, v)
		case "sort":
			req.Sort, ex.fetch.sorts, err = r.sorts(v)
			ex.fetch.sorted = len(req.Sort) > 0
		case "search_after":
			after = v
		case "track_total_hits":
			err = r.trackTotal(v, &req, ex)
		case "timeout":
			req.Timeout, err = r.duration(key, v)
		case "aggs", "aggregations":
			req.Aggs, ex.aggs, err = r.aggs(v)
		case "highlight":
			req.Highlight, err = r.highlight(v)
		case "_source", "fields", "docvalue_fields", "stored_fields", "version", "seq_no_primary_term":
			err = ex.fetch.read(r, key, v)
		case "pit":
			err = r.each(key, v, func(key string, v *fastjson.Value) (err error) {
				switch key {
				case "id":
					ex.PIT = text(v)
				case "keep_alive":
					ex.KeepAlive, err = r.duration(key, v)
				}
				return err
			})
		case "script_fields", "runtime_mappings":
			if o, err := v.Object(); err != nil || o.Len() > 0 {
				return r.at(refuse("[%s] are not supported here", key), key)
			}
		case "collapse", "rescore", "suggest", "knn", "slice", "rank", "retriever", "sub_searches":
			return r.at(refuse("[%s] is not supported here", key), key)
		case "track_scores", "terminate_after", "explain", "profile", "min_score", "indices_boost", "stats", "ext", "preference", "batched_reduce_size", "ignore_unavailable", "index":
		default:
			return r.at(malformed("Unknown key for a %s in [%s].%s", tokenOf(v), key, suggest(key, topKeys)), key)
		}
		return err
	})
	if err != nil {
		return req, nil, err
	}
	if post != nil {
		if len(req.Aggs) > 0 {
			return req, nil, refuse("[post_filter] is not supported beside aggregations; use a filter aggregation")
		}
		f = query.And{f, post}
	}
	if req.Size+req.Skip > query.MaxHits {
		return req, nil, refuse("Result window is too large, from + size must be less than or equal to: [%d] but was [%d]. Continue behind the last hit with search_after instead.", query.MaxHits, req.Size+req.Skip)
	}
	if after != nil {
		if req.After, err = r.searchAfter(after, &req); err != nil {
			return req, nil, err
		}
	}
	req.Filter, req.From, req.To = querytext.TimeBounds(f)
	if !ex.fetch.source && len(ex.fetch.fields) == 0 && req.Highlight == nil {
		req.Fields = []string{}
	}
	if _, err := query.NewCollector(req); err != nil { // what no searcher can answer
		return req, nil, err
	}
	return req, ex, nil
}

var topKeys = strings.Fields("query size from sort search_after track_total_hits timeout aggs aggregations highlight _source fields docvalue_fields stored_fields version pit post_filter")

func (r *reader) natural(name string, v *fastjson.Value) (int, error) {
	n, err := r.integer(name, v)
	if err == nil && n < 0 {
		err = r.at(refuse("[%s] parameter cannot be negative, found [%d]", name, n), name)
	}
	return n, err
}

func (r *reader) trackTotal(v *fastjson.Value, req *query.Request, ex *Extras) error {
	switch text(v) {
	case "true":
		req.TotalUpTo = 0
		return nil
	case "false":
		req.TotalUpTo, ex.total = 1, false
		return nil
	}
	n, err := r.integer("track_total_hits", v)
	switch {
	case err != nil:
	case n == -1:
		req.TotalUpTo, ex.total = 1, false
	case n < -1:
		err = r.at(refuse("[track_total_hits] parameter must be positive or equals to -1, got %d", n), "track_total_hits")
	case n == math.MaxInt32:
		req.TotalUpTo = 0
	case n == 0:
		req.TotalUpTo = 1
	default:
		req.TotalUpTo = int64(n)
	}
	return err
}

var units = map[string]time.Duration{"nanos": 1, "micros": time.Microsecond, "ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "H": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}

// duration reads 30s, 500ms, 1m; -1 is none.
func (r *reader) duration(name string, v *fastjson.Value) (time.Duration, error) {
	s := text(v)
	if s == "-1" || s == "0" {
		return 0, nil
	}
	d, ok := parseDuration(s)
	if !ok || d < 0 {
		return 0, r.at(refuse("failed to parse setting [%s] with value [%.40s] as a time value: unit is missing or unrecognized", name, s), name)
	}
	return d, nil
}

func parseDuration(s string) (time.Duration, bool) {
	name := strings.TrimLeft(strings.TrimLeft(s, "+-"), "0123456789")
	unit, ok := units[name]
	n, err := strconv.ParseInt(strings.TrimSuffix(s, name), 10, 64)
	if !ok || err != nil || n > math.MaxInt64/int64(unit) || n < -math.MaxInt64/int64(unit) {
		return 0, false
	}
	return time.Duration(n) * unit, true
}

// sortShape is how the values of a sort key are written.
type sortShape struct {
	time   bool
	format string
}

// sorts reads a sort in all its shapes: a name, {name: order}, {name: {order,
// missing, …}}, or an array of those.
func (r *reader) sorts(v *fastjson.Value) (out []query.Sort, shapes []sortShape, err error) {
	add := func(name string, v *fastjson.Value) error {
		s := query.Sort{Field: field(name), Desc: name == "_score"}
		shape := sortShape{}
		order := func(v *fastjson.Value) error {
			switch strings.ToLower(text(v)) {
			case "asc":
				s.Desc = false
			case "desc":
				s.Desc = true
			default:
				return r.at(refuse("No enum constant org.elasticsearch.search.sort.SortOrder.%.40s", strings.ToUpper(text(v))), name)
			}
			return nil
		}
		var err error
		switch {
		case name == "_script" || name == "_geo_distance":
			return r.at(refuse("sorting by [%s] is not supported here", name), name)
		case v == nil:
		case v.Type() == fastjson.TypeObject:
			err = r.each(name, v, func(key string, v *fastjson.Value) error {
				switch key {
				case "order":
					return order(v)
				case "missing":
					if s.Missing = text(v); s.Missing != "_first" && s.Missing != "_last" {
						return r.at(refuse("[missing] is _first or _last here, not [%.40s]", s.Missing), key)
					}
				case "format":
					shape.format = text(v)
				case "unmapped_type", "numeric_type", "mode", "nested":
				default:
					return r.at(malformed("[field_sort] unknown field [%s]", key), key)
				}
				return nil
			})
		default:
			err = order(v)
		}
		if err != nil || name == "_score" { // there is none
			return err
		}
		if name == "_doc" || name == "_shard_doc" {
			s.Field = record.Seq
		}
		shape.time = s.Field == record.Time || s.Field == record.Ingested
		out, shapes = append(out, s), append(shapes, shape)
		return nil
	}
	for _, one := range list(v) {
		switch one.Type() {
		case fastjson.TypeString:
			name, order, _ := strings.Cut(text(one), ":")
			if err = add(name, nil); err == nil && order == "desc" && len(out) > 0 {
				out[len(out)-1].Desc = true
			}
		case fastjson.TypeObject:
			err = r.each("sort", one, add)
		default:
			err = r.at(malformed("malformed sort format, within the sort array, an object, or an actual string are allowed"), "sort")
		}
		if err == nil && len(out) > 20 {
			err = refuse("there are more than 20 sort keys")
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return out, shapes, nil
}

// searchAfter reads the sort values of the last hit seen: those of the sort keys
// and, as answers have it, the line's number.
func (r *reader) searchAfter(v *fastjson.Value, req *query.Request) ([]record.Value, error) {
	all, err := v.Array()
	if err != nil {
		return nil, r.at(malformed("Unknown key for a %s in [search_after].", tokenOf(v)), "search_after")
	}
	if req.Skip > 0 {
		return nil, r.at(refuse("`from` parameter must be set to 0 when `search_after` is used"), "from")
	}
	sorts := req.Sort
	if len(sorts) == 0 {
		return nil, r.at(refuse("Sort must contain at least one field."), "search_after")
	}
	if len(all) != len(sorts) && len(all) != len(sorts)+1 {
		return nil, r.at(refuse("search_after has %d value(s) but sort has %d.", len(all), len(sorts)), "search_after")
	}
	var out []record.Value
	for i, one := range all {
		value := scalar(one)
		if value.Kind == record.None && one.Type() != fastjson.TypeNull {
			return nil, r.at(malformed("Expected [VALUE_STRING] or [VALUE_NUMBER] or [VALUE_BOOLEAN] or [VALUE_NULL] but found [%s] inside search_after.", tokenOf(one)), "search_after")
		}
		if i == len(sorts) || sorts[i].Field == record.Seq {
			if value.Kind != record.Int || value.Num < 0 {
				return nil, r.at(refuse("the last value of search_after is the number that the hit had there, not [%.40s]", text(one)), "search_after")
			}
		} else if f := sorts[i].Field; (f == record.Time || f == record.Ingested) && value.Kind != record.None {
			s, err := r.time(f, value, "", nil)
			if err != nil {
				return nil, err
			}
			value = record.TimeValue(s.From)
		}
		out = append(out, value)
	}
	return out, nil
}

func (r *reader) highlight(v *fastjson.Value) (*query.Highlight, error) {
	h := &query.Highlight{Pre: "<em>", Post: "</em>", Size: 100, Number: 5}
	any := false
	one := func(key string, v *fastjson.Value) (err error) {
		switch key {
		case "pre_tags", "post_tags":
			var tags []string
			if tags, err = r.names(key, v); len(tags) > 0 && key == "pre_tags" {
				h.Pre = tags[0]
			} else if len(tags) > 0 {
				h.Post = tags[0]
			}
		case "fragment_size":
			h.Size, err = r.natural(key, v)
		case "number_of_fragments":
			h.Number, err = r.natural(key, v)
		}
		return err
	}
	fields := func(key string, v *fastjson.Value) error {
		if strings.Contains(key, "*") {
			any = true
		} else {
			h.Fields = append(h.Fields, field(key))
		}
		return r.each(key, v, one)
	}
	err := r.each("highlight", v, func(key string, v *fastjson.Value) error {
		if key != "fields" {
			return one(key, v)
		}
		for _, v := range list(v) {
			if err := r.each("fields", v, fields); err != nil {
				return err
			}
		}
		return nil
	})
	if any {
		h.Fields = nil
	}
	if h.Number == 0 || h.Size > 1<<20 { // the whole value
		h.Size, h.Number = 0, 1
	}
	return h, err
}

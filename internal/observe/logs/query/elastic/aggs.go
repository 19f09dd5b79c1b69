package elastic

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fastjson"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/querytext"
)

// shape is how the answer of an aggregation is written.
type shape struct {
	name   string
	kind   string // as Elasticsearch calls it
	time   bool   // its field holds times
	format string
	zone   *time.Location
	keyed  bool
	meta   []byte
	fetch  *fetch // of top_hits
	ranges []rangeShape
	subs   []shape
}

// maxAggs bounds aggregations, those in others included.
const maxAggs = 200

// aggKinds are the aggregations that are understood.
var aggKinds = map[string]func(r *reader, a *query.Agg, s *shape, key string, v *fastjson.Value) error{
	"date_histogram": (*reader).dateHistogram, "terms": (*reader).termsAgg, "top_hits": (*reader).topHits, "percentiles": (*reader).percentiles,
	"filters": (*reader).filtersAgg, "filter": nil, "missing": (*reader).missing,
	"range": (*reader).rangeAgg, "date_range": (*reader).rangeAgg,
	"cardinality": (*reader).metric, "value_count": (*reader).metric, "min": (*reader).metric, "max": (*reader).metric, "avg": (*reader).metric, "sum": (*reader).metric, "stats": (*reader).metric,
}

func (r *reader) aggs(v *fastjson.Value) (map[string]query.Agg, []shape, error) {
	out := map[string]query.Agg{}
	var shapes []shape
	err := r.each("aggs", v, func(name string, v *fastjson.Value) error {
		if strings.ContainsAny(name, "[]>") {
			return r.at(malformed("Invalid aggregation name [%s]. Aggregation names can contain any character except '[', ']', and '>'", name), name)
		}
		if _, ok := out[name]; ok {
			return r.at(refuse("Two sibling aggregations cannot have the same name: [%s]", name), name)
		}
		if r.clauses++; r.clauses > maxAggs+query.MaxClauses || len(out) >= maxAggs {
			return refuse("there are more than %d aggregations", maxAggs)
		}
		a, s, err := r.agg(name, v)
		out[name], shapes = a, append(shapes, s)
		return err
	})
	return out, shapes, err
}

func (r *reader) agg(name string, v *fastjson.Value) (a query.Agg, s shape, err error) {
	if r.depth++; r.depth > maxDepth {
		return a, s, refuse("aggregations are nested too deep")
	}
	defer func() { r.depth-- }()
	s.name = name
	err = r.each(name, v, func(key string, v *fastjson.Value) (err error) {
		switch key {
		case "aggs", "aggregations":
			a.Subs, s.subs, err = r.aggs(v)
			return err
		case "meta":
			s.meta = v.MarshalTo(nil)
			return nil
		}
		read, ok := aggKinds[key]
		if !ok {
			return r.unknownAgg(key)
		}
		if s.kind != "" {
			return r.at(malformed("Found two aggregation type definitions in [%s]: [%s] and [%s]", name, s.kind, key), key)
		}
		s.kind, a.Kind = key, query.AggKind(key)
		if key == "filter" {
			f, err := r.query(v)
			a.Kind, a.Filters = query.Filters, map[string]query.Filter{"filter": f}
			return err
		}
		if err := r.defaults(&a, &s, key); err != nil {
			return err
		}
		return r.each(key, v, func(key string, v *fastjson.Value) error { return read(r, &a, &s, key, v) })
	})
	if err != nil {
		return a, s, err
	}
	if s.kind == "" {
		return a, s, r.at(malformed("Missing definition for aggregation [%s]", name), name)
	}
	return a, s, r.complete(&a, &s)
}

func (r *reader) defaults(a *query.Agg, s *shape, kind string) error {
	switch kind {
	case "percentiles":
		s.keyed = true
		a.Percents = []float64{1, 5, 25, 50, 75, 95, 99}
	case "top_hits":
		s.fetch = &fetch{source: true}
		a.Top = &query.Request{Size: 3}
	case "filters":
		a.Filters = map[string]query.Filter{}
	case "missing":
		a.Kind = query.Filters
	case "range", "date_range":
		a.Kind, a.Filters = query.Filters, map[string]query.Filter{}
		s.time = kind == "date_range"
	}
	return nil
}

// complete checks what was read of an aggregation.
func (r *reader) complete(a *query.Agg, s *shape) error {
	switch a.Kind {
	case query.DateHistogram:
		if a.Interval == 0 && a.Calendar == "" {
			return r.at(refuse("Invalid interval specified, must be non-null and non-empty"), s.name)
		}
	case query.Filters:
		if s.ranges != nil {
			return r.placeRanges(a, s)
		}
		if len(a.Filters) == 0 {
			return r.at(refuse("[%s] needs filters", s.name), s.name)
		}
		return nil
	case query.TopHits:
		return nil
	}
	if a.Field == "" {
		return r.at(refuse("Required one of fields [field, script], but none were specified."), s.name)
	}
	s.time = querytext.IsTime(a.Field)
	return nil
}

func (r *reader) unknownAgg(kind string) error {
	for o := range strings.FieldsSeq("adjacency_matrix auto_date_histogram avg_bucket boxplot bucket_script bucket_selector bucket_sort categorize_text children composite cumulative_cardinality cumulative_sum derivative diversified_sampler extended_stats extended_stats_bucket frequent_item_sets geo_bounds geo_centroid geo_distance geohash_grid geotile_grid global histogram inference ip_prefix ip_range matrix_stats max_bucket median_absolute_deviation min_bucket moving_avg moving_fn moving_percentiles multi_terms nested normalize parent percentile_ranks percentiles_bucket random_sampler rare_terms rate reverse_nested sampler scripted_metric serial_diff significant_terms significant_text stats_bucket string_stats sum_bucket t_test time_series top_metrics variable_width_histogram weighted_avg") {
		if o == kind {
			return r.at(refuse("the aggregation [%s] is not supported here", kind), kind)
		}
	}
	names := make([]string, 0, len(aggKinds))
	for k := range aggKinds {
		names = append(names, k)
	}
	return r.at(malformed("Unknown aggregation type [%s]%s", kind, suggest(kind, names)), kind)
}

// common reads what most aggregations have; false for what it does not know.
func (r *reader) common(a *query.Agg, s *shape, key string, v *fastjson.Value) (bool, error) {
	switch key {
	case "field":
		a.Field = field(text(v))
	case "missing":
		a.Missing = scalar(v)
	case "format":
		s.format = text(v)
	case "script":
		return true, r.at(refuse("scripts are not supported here"), key)
	case "value_type", "precision_threshold", "rehash", "execution_hint", "hdr", "tdigest", "compression", "collect_mode", "shard_size", "shard_min_doc_count", "show_term_doc_count_error", "sigma":
	default:
		return false, nil
	}
	return true, nil
}

func (r *reader) unsupported(s *shape, key string) error {
	return r.at(malformed("[%s] unknown field [%s]", s.kind, key), key)
}

func (r *reader) metric(a *query.Agg, s *shape, key string, v *fastjson.Value) error {
	ok, err := r.common(a, s, key, v)
	if !ok {
		return r.unsupported(s, key)
	}
	return err
}

func (r *reader) missing(a *query.Agg, s *shape, key string, v *fastjson.Value) error {
	if key == "field" {
		a.Filters = map[string]query.Filter{"missing": query.Not{Filter: query.Exists{Field: field(text(v))}}}
	}
	return nil
}

func (r *reader) percentiles(a *query.Agg, s *shape, key string, v *fastjson.Value) (err error) {
	switch key {
	case "percents":
		a.Percents = nil
		for _, one := range list(v) {
			f, err := strconv.ParseFloat(text(one), 64)
			if err != nil || !(f >= 0 && f <= 100) {
				return r.at(refuse("percent must be in [0,100], got [%.40s]: [percentiles]", text(one)), key)
			}
			a.Percents = append(a.Percents, f)
		}
		if len(a.Percents) == 0 || len(a.Percents) > 100 {
			return r.at(refuse("[percents] must not be empty: [percentiles]"), key)
		}
		return nil
	case "keyed":
		s.keyed, err = r.boolean(key, v)
		return err
	}
	return r.metric(a, s, key, v)
}

// calendar are the words of calendar intervals.
var calendar = map[string]string{
	"1s": "second", "second": "second", "1m": "minute", "minute": "minute", "1h": "hour", "hour": "hour", "1d": "day", "day": "day", "1w": "week", "week": "week",
	"1M": "month", "month": "month", "1q": "quarter", "quarter": "quarter", "1y": "year", "year": "year",
}

func (r *reader) dateHistogram(a *query.Agg, s *shape, key string, v *fastjson.Value) (err error) {
	switch key {
	case "interval", "fixed_interval", "calendar_interval":
		word := text(v)
		unit, isCalendar := calendar[word]
		d, isFixed := parseDuration(word)
		switch {
		case key == "calendar_interval" && isCalendar, key == "interval" && isCalendar && !(isFixed && d < 24*time.Hour):
			a.Calendar = unit
		case key == "calendar_interval":
			return r.at(refuse("The supplied interval [%.40s] could not be parsed as a calendar interval.", word), key)
		case !isFixed || d < time.Millisecond:
			return r.at(refuse("failed to parse setting [date_histogram.fixedInterval] with value [%.40s] as a time value: unit is missing or unrecognized", word), key)
		default:
			a.Interval = d
		}
	case "time_zone":
		a.Zone, err = r.zone(v)
		s.zone = a.Zone
	case "offset":
		raw := text(v)
		d, ok := parseDuration(raw)
		if n, nerr := strconv.ParseInt(raw, 10, 32); nerr == nil {
			d, ok = time.Duration(n)*time.Millisecond, true
		}
		if !ok {
			return r.at(refuse("[offset] cannot be read: %.40s", raw), key)
		}
		a.Offset = d
	case "min_doc_count":
		var n int
		n, err = r.natural(key, v)
		a.MinCount = int64(n)
	case "keyed":
		s.keyed, err = r.boolean(key, v)
	case "extended_bounds":
		return r.each(key, v, func(key string, v *fastjson.Value) error {
			if v.Type() == fastjson.TypeNull {
				return nil
			}
			span, err := r.time(s.name, scalar(v), s.format, a.Zone)
			switch key {
			case "min":
				a.BoundsFrom = span.From
			case "max":
				a.BoundsTo = span.From
			}
			return err
		})
	case "hard_bounds":
	case "order":
		a.Order, err = r.order(v)
	default:
		return r.metric(a, s, key, v)
	}
	return err
}

func (r *reader) order(v *fastjson.Value) (out []query.AggOrder, err error) {
	for _, one := range list(v) {
		err := r.each("order", one, func(key string, v *fastjson.Value) error {
			o := query.AggOrder{By: strings.TrimSuffix(key, ".value")}
			switch key {
			case "_term", "_time":
				o.By = "_key"
			}
			switch strings.ToLower(text(v)) {
			case "asc":
			case "desc":
				o.Desc = true
			default:
				return r.at(malformed("Unknown order direction [%.40s]", text(v)), key)
			}
			out = append(out, o)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r *reader) termsAgg(a *query.Agg, s *shape, key string, v *fastjson.Value) (err error) {
	switch key {
	case "size":
		if a.Size, err = r.integer(key, v); err == nil && a.Size <= 0 {
			err = r.at(refuse("[size] must be greater than 0. Found [%d] in [%s]", a.Size, s.name), key)
		}
		a.Size = min(a.Size, query.MaxHits)
	case "min_doc_count":
		var n int
		n, err = r.natural(key, v)
		a.MinCount = int64(max(n, 1))
	case "order":
		a.Order, err = r.order(v)
	case "include":
		a.Include, err = r.choice(key, v)
	case "exclude":
		a.Exclude, err = r.choice(key, v)
	default:
		return r.metric(a, s, key, v)
	}
	return err
}

// choice reads which terms are included: an expression, or a list of values.
func (r *reader) choice(name string, v *fastjson.Value) (*query.Pattern, error) {
	if v.Type() == fastjson.TypeObject {
		return nil, r.at(refuse("partitions are not supported here"), name)
	}
	what := text(v)
	if all, err := v.Array(); err == nil {
		var quoted []string
		for _, one := range all {
			quoted = append(quoted, regexp.QuoteMeta(text(one)))
		}
		what = strings.Join(quoted, "|")
	}
	p, err := query.NewPattern("", query.Regexp, what, false)
	return &p, err
}

func (r *reader) filtersAgg(a *query.Agg, s *shape, key string, v *fastjson.Value) (err error) {
	switch key {
	case "filters":
		if v.Type() == fastjson.TypeArray {
			for i, one := range list(v) {
				f, err := r.query(one)
				if err != nil {
					return err
				}
				a.Filters[fmt.Sprintf("%04d", i)] = f
			}
			s.format = "anonymous"
			return nil
		}
		return r.each(key, v, func(name string, v *fastjson.Value) (err error) {
			a.Filters[name], err = r.query(v)
			return err
		})
	case "other_bucket":
		var on bool
		if on, err = r.boolean(key, v); on && a.Other == "" {
			a.Other = "_other_"
		}
	case "other_bucket_key":
		a.Other = text(v)
	case "keyed":
		var keyed bool
		if keyed, err = r.boolean(key, v); !keyed {
			s.format = "list"
		}
	default:
		return r.unsupported(s, key)
	}
	return err
}

func (r *reader) topHits(a *query.Agg, s *shape, key string, v *fastjson.Value) (err error) {
	switch key {
	case "size":
		a.Top.Size, err = r.natural(key, v)
	case "from":
		a.Top.Skip, err = r.natural(key, v)
	case "sort":
		a.Top.Sort, s.fetch.sorts, err = r.sorts(v)
		s.fetch.sorted = len(a.Top.Sort) > 0
	case "_source", "fields", "docvalue_fields", "stored_fields", "version", "seq_no_primary_term":
		err = s.fetch.read(r, key, v)
	case "highlight":
		a.Top.Highlight, err = r.highlight(v)
	case "explain", "track_scores":
	case "script_fields":
		if o, err := v.Object(); err != nil || o.Len() > 0 {
			return r.at(refuse("scripts are not supported here"), key)
		}
	default:
		return r.unsupported(s, key)
	}
	return err
}

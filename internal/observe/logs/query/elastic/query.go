package elastic

import (
	"strconv"
	"strings"

	"github.com/valyala/fastjson"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// kinds are the queries that are understood. The name of each is handed to it.
var kinds map[string]func(r *reader, name string, v *fastjson.Value) (query.Filter, error)

func init() { // the kinds know the map they are in
	kinds = map[string]func(r *reader, name string, v *fastjson.Value) (query.Filter, error){
		"bool": (*reader).boolQuery, "constant_score": (*reader).inner, "function_score": (*reader).inner, "boosting": (*reader).inner, "dis_max": (*reader).disMax,
		"match_all":  func(*reader, string, *fastjson.Value) (query.Filter, error) { return query.All{}, nil },
		"match_none": func(*reader, string, *fastjson.Value) (query.Filter, error) { return query.None{}, nil },
		"match":      (*reader).match, "match_phrase": (*reader).match, "match_phrase_prefix": (*reader).match, "match_bool_prefix": (*reader).match,
		"multi_match": (*reader).multiMatch, "combined_fields": (*reader).multiMatch,
		"query_string": (*reader).queryString, "simple_query_string": (*reader).queryString,
		"term": (*reader).term, "terms": (*reader).terms, "prefix": (*reader).term, "wildcard": (*reader).term, "regexp": (*reader).term,
		"range": (*reader).rangeQuery, "exists": (*reader).exists, "ids": (*reader).ids,
	}
}

// others are queries that Elasticsearch has and this house has not.
var others = strings.Fields("fuzzy nested has_child has_parent parent_id script script_score geo_distance geo_bounding_box geo_shape geo_polygon shape more_like_this percolate rank_feature distance_feature pinned wrapper intervals knn terms_set span_term span_near span_or span_not span_first span_multi span_containing span_within text_expansion semantic sparse_vector rule")

const maxDepth = 40

// query reads one query.
func (r *reader) query(v *fastjson.Value) (query.Filter, error) {
	o, err := v.Object()
	if err != nil {
		return nil, malformed("[_na] query malformed, must start with start_object")
	}
	if r.depth++; r.depth > maxDepth {
		return nil, refuse("The nested depth of the query exceeds the maximum nested depth for queries set in [indices.query.bool.max_nested_depth]: %d", maxDepth)
	}
	defer func() { r.depth-- }()
	if r.clauses++; r.clauses > query.MaxClauses {
		return nil, refuse("the query has more than %d clauses", query.MaxClauses)
	}
	var f query.Filter
	n := 0
	first := ""
	err = nil
	o.Visit(func(key []byte, v *fastjson.Value) {
		name := valid(string(key))
		if n++; n > 1 && err == nil {
			err = r.at(malformed("[%s] malformed query, expected [END_OBJECT] but found [FIELD_NAME]", first), name)
		}
		if err != nil {
			return
		}
		first = name
		read := kinds[name]
		if read == nil {
			err = r.unknown(name)
			return
		}
		f, err = read(r, name, v)
	})
	if n == 0 {
		return nil, malformed("query malformed, empty clause found")
	}
	return f, err
}

func (r *reader) unknown(name string) error {
	for _, o := range others {
		if o == name {
			return r.at(refuse("[%s] queries are not supported here", name), name)
		}
	}
	names := make([]string, 0, len(kinds))
	for k := range kinds {
		names = append(names, k)
	}
	return r.at(malformed("unknown query [%s]%s", name, suggest(name, names)), name)
}

// queries reads one query or several.
func (r *reader) queries(v *fastjson.Value) ([]query.Filter, error) {
	var out []query.Filter
	for _, one := range list(v) {
		f, err := r.query(one)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

func (r *reader) boolQuery(name string, v *fastjson.Value) (query.Filter, error) {
	var all query.And
	var should []query.Filter
	var least *fastjson.Value
	must, hasShould := false, false
	err := r.each(name, v, func(key string, v *fastjson.Value) error {
		switch key {
		case "must", "filter":
			fs, err := r.queries(v)
			all = append(all, fs...)
			must = must || len(fs) > 0
			return err
		case "must_not", "mustNot":
			fs, err := r.queries(v)
			for _, f := range fs {
				all = append(all, query.Not{Filter: f})
			}
			return err
		case "should":
			fs, err := r.queries(v)
			should = append(should, fs...)
			hasShould = len(should) > 0
			return err
		case "minimum_should_match":
			least = v
		case "boost", "_name", "adjust_pure_negative":
		default:
			return r.at(malformed("[bool] query does not support [%s]", key), key)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	n := 1
	if must {
		n = 0
	}
	if least != nil {
		if n, err = r.atLeast(least, len(should)); err != nil {
			return nil, err
		}
		if len(all) == 0 {
			n = max(n, 1) // one of those that stand alone must match
		}
	}
	if hasShould && n > 0 {
		all = append(all, some(n, should))
	}
	return both(all), nil
}

// both joins filters that must all match.
func both(all query.And) query.Filter {
	switch len(all) {
	case 0:
		return query.All{}
	case 1:
		return all[0]
	}
	return all
}

// some joins filters of which n must match.
func some(n int, all []query.Filter) query.Filter {
	switch {
	case n <= 0:
		return query.All{}
	case n > len(all):
		return query.None{}
	case len(all) == 1:
		return all[0]
	case n == len(all):
		return query.And(all)
	case n == 1:
		return query.Or(all)
	}
	return query.AtLeast{N: n, Of: all}
}

// atLeast reads minimum_should_match of a number of clauses: 2, -1, 75%, -25%,
// 3<90%.
func (r *reader) atLeast(v *fastjson.Value, total int) (int, error) {
	spec := strings.ReplaceAll(text(v), " ", "")
	fail := r.at(refuse("[minimum_should_match] cannot be read: %.40s", spec), "minimum_should_match")
	for {
		bound, rest, ok := strings.Cut(spec, "<")
		if !ok {
			break
		}
		n, err := strconv.Atoi(bound)
		if err != nil {
			return 0, fail
		}
		if total <= n {
			return total, nil
		}
		spec = rest
	}
	share, percent := strings.CutSuffix(spec, "%")
	n, err := strconv.Atoi(share)
	if err != nil || n > 1e6 || n < -1e6 {
		return 0, fail
	}
	if percent {
		n = total * n / 100
	}
	if n < 0 || strings.HasPrefix(share, "-") {
		n = max(0, total+n)
	}
	return n, nil
}

// inner is a query that only changes the score of another.
func (r *reader) inner(name string, v *fastjson.Value) (query.Filter, error) {
	var f query.Filter = query.All{}
	found := false
	err := r.each(name, v, func(key string, v *fastjson.Value) (err error) {
		switch key {
		case "filter", "query", "positive":
			found = true
			f, err = r.query(v)
		}
		return err
	})
	if err == nil && !found && name != "function_score" {
		err = r.at(malformed("[%s] requires a 'filter' element", name), name)
	}
	return f, err
}

func (r *reader) disMax(name string, v *fastjson.Value) (query.Filter, error) {
	var all []query.Filter
	err := r.each(name, v, func(key string, v *fastjson.Value) (err error) {
		if key == "queries" {
			all, err = r.queries(v)
		}
		return err
	})
	return some(1, all), err
}

func (r *reader) exists(name string, v *fastjson.Value) (query.Filter, error) {
	f := query.Exists{}
	err := r.each(name, v, func(key string, v *fastjson.Value) error {
		if key == "field" {
			f.Field = field(text(v))
		}
		return nil
	})
	if err == nil && f.Field == "" {
		err = r.at(malformed("[exists] must be provided with a [field]"), name)
	}
	return f, err
}

func (r *reader) ids(name string, v *fastjson.Value) (query.Filter, error) {
	f := query.OneOf{Field: record.ID}
	err := r.each(name, v, func(key string, v *fastjson.Value) error {
		if key != "values" {
			return nil
		}
		all, err := r.names("ids", v)
		for _, one := range all {
			f.Values = append(f.Values, record.StringValue(one))
		}
		return err
	})
	return f, err
}

// suggest is a question whether a name that is close to one that is not known was
// meant.
func suggest(name string, known []string) string {
	best, least := "", min(3, len(name)/3+1)
	for _, k := range known {
		if d := distance(name, k); d < least || d == least && best != "" && k < best {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return " did you mean [" + best + "]?"
}

// distance is how many letters must be changed, added or left out (Levenshtein).
func distance(a, b string) int {
	if len(a) > 40 || len(b) > 40 {
		return 40
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

package elastic

import (
	"strconv"
	"strings"

	"github.com/valyala/fastjson"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/querytext"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// one reads {"field": value} or {"field": {"query": value, …}}: the field, the
// value, and what else stands there. value is what the member is called.
func (r *reader) one(name string, v *fastjson.Value, value []string) (in querytext.Target, val *fastjson.Value, more map[string]*fastjson.Value, err error) {
	n := 0
	more = map[string]*fastjson.Value{}
	err = r.each(name, v, func(key string, v *fastjson.Value) error {
		if key == "boost" || key == "_name" {
			return nil
		}
		if n++; n > 1 {
			return r.at(malformed("[%s] query doesn't support multiple fields, found [%s] and [%s]", name, in.Field, key), key)
		}
		in, val = querytext.Field(key), v
		if v.Type() != fastjson.TypeObject {
			return nil
		}
		val = nil
		return r.each(key, v, func(key string, v *fastjson.Value) error {
			for _, name := range value {
				if key == name {
					val = v
					return nil
				}
			}
			more[key] = v
			return nil
		})
	})
	if err == nil && n == 0 {
		err = r.at(malformed("[%s] query malformed, no start_object after query name", name), name)
	}
	if err == nil && (val == nil || !isScalar(val)) {
		err = r.at(refuse("[%s] needs a value for [%s]", name, in.Field), in.Field)
	}
	return in, val, more, err
}

// strict refuses what is not known of a query, and what would change its answer.
func (r *reader) strict(name string, more map[string]*fastjson.Value, known string) error {
	for key, v := range more {
		switch {
		case key == "fuzziness" && text(v) != "0":
			return r.at(refuse("[%s] with [fuzziness] is not supported here: words are the same or not", name), key)
		case strings.Contains(" "+known+" boost _name ", " "+key+" "):
		default:
			return r.at(malformed("[%s] query does not support [%s]", name, key), key)
		}
	}
	return nil
}

const matchOptions = "operator minimum_should_match fuzziness prefix_length max_expansions fuzzy_transpositions fuzzy_rewrite lenient zero_terms_query auto_generate_synonyms_phrase_query analyzer slop cutoff_frequency"

func (r *reader) match(name string, v *fastjson.Value) (query.Filter, error) {
	in, val, more, err := r.one(name, v, []string{"query"})
	if err != nil {
		return nil, err
	}
	if err := r.strict(name, more, matchOptions); err != nil {
		return nil, err
	}
	m := matching{r: r, val: val, least: more["minimum_should_match"], zero: more["zero_terms_query"] != nil && text(more["zero_terms_query"]) == "all"}
	if m.and, err = r.operator("operator", more["operator"]); err != nil {
		return nil, err
	}
	if s := more["slop"]; s != nil {
		if m.slop, err = r.integer("slop", s); err != nil {
			return nil, err
		}
	}
	switch name {
	case "match_phrase":
		m.phrase = true
	case "match_phrase_prefix":
		m.phrase, m.prefix = true, true
	case "match_bool_prefix":
		m.prefix = true
	}
	return m.in(in, false)
}

// operator says whether it is and.
func (r *reader) operator(name string, v *fastjson.Value) (bool, error) {
	if v == nil {
		return false, nil
	}
	switch strings.ToLower(text(v)) {
	case "and":
		return true, nil
	case "or":
		return false, nil
	}
	return false, r.at(refuse("operator needs to be either [and] or [or], but not [%.40s]", text(v)), name)
}

// matching is a text that is looked for.
type matching struct {
	r      *reader
	val    *fastjson.Value
	and    bool
	phrase bool
	prefix bool // the last word is a beginning
	slop   int
	least  *fastjson.Value
	zero   bool // everything matches a text without words
}

// in looks for the text in a field. With together, the words must stand in one
// value; where there is only one field that makes no difference.
func (m matching) in(in querytext.Target, together bool) (query.Filter, error) {
	if !in.Text {
		if m.prefix {
			return query.NewPattern(in.Field, query.Prefix, text(m.val), false)
		}
		return m.r.equal(in, m.val, false)
	}
	w := query.NewWords(in.Field, text(m.val))
	n := len(w.Words)
	switch {
	case n == 0 && m.zero:
		return query.All{}, nil
	case n == 0:
		return query.None{}, nil
	case n == 1 || m.phrase || m.and && together:
		w.Prefix, w.Phrase = m.prefix, n > 1 && m.phrase
		if w.Phrase {
			w.Slop = max(0, min(m.slop, 1000))
		}
		return w, nil
	}
	if err := m.r.clausesOf(n); err != nil {
		return nil, err
	}
	each := make([]query.Filter, n)
	for i, word := range w.Words {
		each[i] = query.Words{Field: in.Field, Words: []string{word}, Prefix: m.prefix && i == n-1}
	}
	least := 1
	if m.and {
		least = n
	} else if m.least != nil {
		var err error
		if least, err = m.r.atLeast(m.least, n); err != nil {
			return nil, err
		}
	}
	return some(max(least, 1), each), nil
}

// fieldsOf reads fields with boosts; one with a wildcard is any field of text.
func (r *reader) fieldsOf(v *fastjson.Value) ([]string, error) {
	all, err := r.names("fields", v)
	var out []string
	for _, name := range all {
		name, _, _ = strings.Cut(name, "^")
		if strings.Contains(name, "*") {
			return []string{query.AnyField}, err
		}
		out = append(out, name)
	}
	if len(out) > maxFields {
		return nil, r.at(refuse("field expansion matches too many fields, limit: %d, got: %d", maxFields, len(out)), "fields")
	}
	return out, err
}

// maxFields bounds the fields that a text is looked for in.
const maxFields = 100

// clausesOf takes parts of a query into account; there are that many for each of
// them that is read.
func (r *reader) clausesOf(n int) error {
	if r.clauses += n; r.clauses > query.MaxClauses {
		return &Error{Status: 400, Type: "too_many_clauses", Reason: "maxClauseCount is set to " + strconv.Itoa(query.MaxClauses)}
	}
	return nil
}

func (r *reader) multiMatch(name string, v *fastjson.Value) (query.Filter, error) {
	m := matching{r: r}
	fields := []string{query.AnyField}
	more := map[string]*fastjson.Value{}
	err := r.each(name, v, func(key string, v *fastjson.Value) (err error) {
		switch key {
		case "query":
			m.val = v
		case "fields":
			if fields, err = r.fieldsOf(v); err == nil && len(fields) == 0 {
				fields = []string{query.AnyField}
			}
		case "operator":
			m.and, err = r.operator(key, v)
		case "slop":
			m.slop, err = r.integer(key, v)
		case "minimum_should_match":
			m.least = v
		case "type":
			switch text(v) {
			case "phrase":
				m.phrase = true
			case "phrase_prefix":
				m.phrase, m.prefix = true, true
			case "bool_prefix":
				m.prefix = true
			case "best_fields", "most_fields", "cross_fields":
			default:
				return r.at(refuse("[multi_match] cannot parse [type] value [%.40s]. Available types are [best_fields, most_fields, cross_fields, phrase, phrase_prefix, bool_prefix]", text(v)), key)
			}
		default:
			more[key] = v
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := r.strict(name, more, matchOptions+" tie_breaker"); err != nil {
		return nil, err
	}
	if m.val == nil || !isScalar(m.val) {
		return nil, r.at(malformed("No text specified for multi_match query"), name)
	}
	var any []query.Filter
	for _, one := range fields {
		in := querytext.Field(one)
		if querytext.IsTime(in.Field) && !in.Text && !querytimes(m.val) {
			continue // lenient: a word is no time
		}
		f, err := m.in(in, true)
		if err != nil {
			return nil, err
		}
		any = append(any, f)
	}
	return some(1, any), nil
}

// querytimes says whether a value may be a time.
func querytimes(v *fastjson.Value) bool {
	s := text(v)
	return s != "" && (s[0] >= '0' && s[0] <= '9' || strings.HasPrefix(s, "now"))
}

func (r *reader) queryString(name string, v *fastjson.Value) (query.Filter, error) {
	o := querytext.Options{Now: r.o.Now, Or: true}
	var what string
	found := false
	err := r.each(name, v, func(key string, v *fastjson.Value) (err error) {
		switch key {
		case "query":
			what, found = text(v), isScalar(v)
		case "default_field":
			o.Fields, err = r.fieldsOf(v)
		case "fields":
			o.Fields, err = r.fieldsOf(v)
		case "default_operator":
			var and bool
			and, err = r.operator(key, v)
			o.Or = !and
		case "time_zone":
			o.Zone, err = r.zone(v)
		case "analyze_wildcard", "lenient", "boost", "_name", "allow_leading_wildcard", "analyzer", "quote_analyzer", "quote_field_suffix", "auto_generate_synonyms_phrase_query", "enable_position_increments", "escape", "fuzziness", "fuzzy_max_expansions", "fuzzy_prefix_length", "fuzzy_transpositions", "fuzzy_rewrite", "max_determinized_states", "minimum_should_match", "phrase_slop", "rewrite", "tie_breaker", "type", "flags":
		default:
			return r.at(malformed("[%s] query does not support [%s]", name, key), key)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, r.at(malformed("[%s] must be provided with a [query]", name), name)
	}
	// A part has a letter and a space.
	if err := r.clausesOf(min(len(what)/2, querytext.MaxClauses) * max(len(o.Fields), 1)); err != nil {
		return nil, err
	}
	if name == "simple_query_string" {
		return querytext.Simple(what, o), nil
	}
	f, err := querytext.Parse(what, o)
	if err != nil {
		return nil, &Error{Status: 400, Type: "query_shard_exception", Reason: "Failed to parse query [" + what + "]: " + err.Error()}
	}
	return f, nil
}

// equal takes a value of a field that is no text.
func (r *reader) equal(in querytext.Target, v *fastjson.Value, fold bool) (query.Filter, error) {
	value := scalar(v)
	switch {
	case querytext.IsTime(in.Field):
		s, err := r.time(in.Field, value, "", nil)
		if err != nil {
			return nil, err
		}
		return querytext.During(in.Field, s), nil
	case in.Field == record.Index && strings.ContainsAny(value.Text(), "*?"):
		return query.NewPattern(in.Field, query.Wildcard, value.Text(), false)
	case value.Kind == record.String:
		value.Str = querytext.Keyword(in.Field, value.Str)
	}
	return query.Equal{Field: in.Field, Value: value, Fold: fold}, nil
}

// term reads the queries of one value: term, prefix, wildcard and regexp.
func (r *reader) term(name string, v *fastjson.Value) (query.Filter, error) {
	in, val, more, err := r.one(name, v, []string{"value", name})
	if err != nil {
		return nil, err
	}
	if err := r.strict(name, more, "case_insensitive rewrite flags flags_value max_determinized_states"); err != nil {
		return nil, err
	}
	fold := false
	if c := more["case_insensitive"]; c != nil {
		if fold, err = r.boolean("case_insensitive", c); err != nil {
			return nil, err
		}
	}
	fold = fold || in.Field == record.Level && name != "term" // levels have one case
	what := text(val)
	switch name {
	case "term":
		if in.Text {
			w := query.NewWords(in.Field, what)
			return w, nil
		}
		return r.equal(in, val, fold)
	case "prefix":
		if in.Text {
			return querytext.Glob(in.Field, wild(what)+"*")
		}
		return query.NewPattern(in.Field, query.Prefix, what, fold)
	case "wildcard":
		switch {
		case strings.Trim(what, "*") == "" && what != "":
			return query.Exists{Field: in.Field}, nil
		case what == "":
			return query.Equal{Field: in.Field, Value: record.StringValue("")}, nil
		case in.Text:
			return querytext.Glob(in.Field, what)
		}
		return query.NewPattern(in.Field, query.Wildcard, what, fold)
	}
	if in.Text { // a word of it
		const between = `[^\p{L}\p{Nd}\p{M}_]`
		return query.NewPattern(in.Field, query.Regexp, "(?:.*"+between+")?(?:"+what+")(?:"+between+".*)?", true)
	}
	return query.NewPattern(in.Field, query.Regexp, what, fold)
}

// wild is a text as a pattern of itself.
func wild(s string) string { return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`).Replace(s) }

func (r *reader) terms(name string, v *fastjson.Value) (query.Filter, error) {
	var f query.Filter
	err := r.each(name, v, func(key string, v *fastjson.Value) error {
		if key == "boost" || key == "_name" {
			return nil
		}
		if f != nil {
			return r.at(malformed("[terms] query does not support multiple fields"), key)
		}
		if v.Type() == fastjson.TypeObject {
			return r.at(refuse("[terms] lookups are not supported here"), key)
		}
		if v.Type() != fastjson.TypeArray {
			return r.at(malformed("[terms] query does not support [%s]", key), key)
		}
		in := querytext.Field(key)
		one := query.OneOf{Field: in.Field}
		var any query.Or
		for _, v := range list(v) {
			if !isScalar(v) {
				return r.at(malformed("No value specified for terms query"), key)
			}
			if in.Text {
				if err := r.clausesOf(1); err != nil {
					return err
				}
				any = append(any, query.NewWords(in.Field, text(v)))
				continue
			}
			f, err := r.equal(in, v, false)
			if err != nil {
				return err
			}
			any = append(any, f)
			if e, ok := f.(query.Equal); ok {
				one.Values = append(one.Values, e.Value)
			}
		}
		f = any
		if len(one.Values) == len(any) {
			f = one
		}
		return nil
	})
	if err == nil && f == nil {
		err = r.at(malformed("[terms] query requires a field name, followed by array of terms or a document lookup specification"), name)
	}
	return f, err
}

// number is a text as a number.
func number(s string) (record.Value, bool) {
	if s == "" || strings.Trim(s, "0123456789+-.eE") != "" {
		return record.Value{}, false
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return record.IntValue(n), true
	}
	f, err := strconv.ParseFloat(s, 64)
	return record.FloatValue(f), err == nil
}

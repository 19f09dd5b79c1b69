package elasticapi

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/elastic"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// fields are the kinds of the fields of a sample of the lines.
func (a *api) fields(r *http.Request, indices string) (map[string]record.Kind, error) {
	now := a.o.Now()
	res, err := a.answer(r, query.Sample(query.Request{From: now.Add(-seen).UnixNano()}), indices)
	if err != nil {
		return nil, err
	}
	out := map[string]record.Kind{record.Time: record.Moment, record.Message: record.String, record.Ingested: record.Moment, record.OwnerField: record.String, record.Class: record.String}
	query.SampleOf(res, func(line *record.Record) {
		for _, f := range line.Fields {
			if k, ok := out[f.Name]; ok && k != f.Value.Kind {
				out[f.Name] = record.String
				if k == record.Int && f.Value.Kind == record.Float || k == record.Float && f.Value.Kind == record.Int {
					out[f.Name] = record.Float
				}
				continue
			}
			out[f.Name] = f.Value.Kind
		}
	})
	return out, nil
}

// typeOf is what Elasticsearch calls a kind of field.
func typeOf(field string, k record.Kind) string {
	switch k {
	case record.Int:
		return "long"
	case record.Float:
		return "double"
	case record.Bool:
		return "boolean"
	case record.Moment:
		return "date"
	}
	if field == record.Message || strings.HasSuffix(field, ".message") {
		return "text"
	}
	return "keyword"
}

func (a *api) fieldCaps(w http.ResponseWriter, r *http.Request) error {
	indices := r.PathValue("index")
	fields, err := a.fields(r, indices)
	if err != nil {
		return err
	}
	want := strings.Split(cmp.Or(r.URL.Query().Get("fields"), "*"), ",")
	out := map[string]any{}
	for name, kind := range fields {
		if !slices.ContainsFunc(want, func(p string) bool { return glob(p, name) }) {
			continue
		}
		t := typeOf(name, kind)
		out[name] = map[string]any{t: map[string]any{"type": t, "metadata_field": false, "searchable": true, "aggregatable": t != "text"}}
	}
	names, err := a.indices(r)
	if err != nil {
		return err
	}
	return writeJSON(w, map[string]any{"indices": slices.Sorted(maps.Keys(names)), "fields": out})
}

func glob(pattern, name string) bool {
	p, err := query.NewPattern("x", query.Wildcard, pattern, false)
	return err == nil && p.Regexp.MatchString(name)
}

// indices are the names of indices with how many lines each has.
func (a *api) indices(r *http.Request) (map[string]int64, error) {
	now := a.o.Now()
	res, err := a.answer(r, query.Request{From: now.Add(-seen).UnixNano(), Aggs: map[string]query.Agg{
		"i": {Kind: query.Terms, Field: record.Index, Size: 1000, Missing: record.StringValue(unnamed)},
	}}, "")
	if err != nil {
		return nil, err
	}
	out := map[string]int64{}
	for _, b := range res.Aggs["i"].Buckets {
		out[b.Key.Text()] = b.Count
	}
	if kept := a.documents(r); kept != nil {
		docs, err := kept.All(r.Context(), func(string) bool { return true })
		if err != nil {
			return nil, err
		}
		for i := range docs {
			out[docs[i].Index]++
		}
	}
	return out, nil
}

func (a *api) mapping(w http.ResponseWriter, r *http.Request) error {
	names, err := a.indices(r)
	if err != nil {
		return err
	}
	asked := r.PathValue("index")
	if strings.HasPrefix(asked, "_") && asked != "_all" { // the name of another interface, not of an index
		return &elastic.Error{Status: http.StatusBadRequest, Type: "illegal_argument_exception", Reason: "no handler found for uri [" + r.URL.Path + "] and method [" + r.Method + "]"}
	}
	match := func(string) bool { return true }
	if asked != "" {
		match = matching(asked)
	}
	var out []string
	for n := range names {
		if match(n) {
			out = append(out, n)
		}
	}
	if kept := a.documents(r); len(out) == 0 && kept != nil && kept.Has(asked) && !strings.ContainsAny(asked, "*,") {
		out = []string{asked} // it is there before its first document
	}
	if len(out) == 0 && asked != "" && !strings.ContainsAny(asked, "*,") {
		return &elastic.Error{Status: http.StatusNotFound, Type: "index_not_found_exception", Reason: "no such index [" + asked + "]"}
	}
	if r.Method == http.MethodHead {
		return nil
	}
	fields, err := a.fields(r, asked)
	if err != nil {
		return err
	}
	properties := map[string]any{}
	for name, kind := range fields {
		nest(properties, strings.Split(name, "."), typeOf(name, kind))
	}
	answer := map[string]any{}
	for _, n := range out {
		answer[n] = map[string]any{"mappings": map[string]any{"properties": properties}}
		if !strings.HasSuffix(r.URL.Path, "/_mapping") {
			answer[n] = map[string]any{"aliases": map[string]any{}, "mappings": map[string]any{"properties": properties}, "settings": map[string]any{"index": map[string]any{"number_of_shards": "1", "number_of_replicas": "0"}}}
		}
	}
	return writeJSON(w, answer)
}

// nest puts a field into the tree of a mapping. Where a name is a field and an
// object at once, the object goes first.
func nest(into map[string]any, path []string, kind string) {
	name := path[0]
	if len(path) == 1 {
		if _, ok := into[name]; !ok {
			into[name] = map[string]any{"type": kind}
		}
		return
	}
	node, _ := into[name].(map[string]any)
	if node == nil || node["properties"] == nil {
		node = map[string]any{"properties": map[string]any{}}
		into[name] = node
	}
	nest(node["properties"].(map[string]any), path[1:], kind)
}

func (a *api) catIndices(w http.ResponseWriter, r *http.Request) error {
	names, err := a.indices(r)
	if err != nil {
		return err
	}
	match := func(string) bool { return true }
	if asked := r.PathValue("index"); asked != "" {
		match = matching(asked)
	}
	type row struct {
		Health string `json:"health"`
		Status string `json:"status"`
		Index  string `json:"index"`
		Docs   string `json:"docs.count"`
	}
	rows := []row{}
	for _, n := range slices.Sorted(maps.Keys(names)) {
		if match(n) {
			rows = append(rows, row{"green", "open", n, strconv.FormatInt(names[n], 10)})
		}
	}
	if r.URL.Query().Get("format") == "json" || strings.Contains(r.Header.Get("Accept"), "json") {
		return writeJSON(w, rows)
	}
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	var b strings.Builder
	for _, one := range rows {
		b.WriteString(one.Health + " " + one.Status + " " + one.Index + " " + one.Docs + "\n")
	}
	return write(w, []byte(b.String()))
}

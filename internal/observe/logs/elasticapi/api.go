// Package elasticapi answers programs that search an Elasticsearch: Kibana-like
// dashboards, Grafana, ElastAlert, the official clients. What they may see is
// what their token may read.
package elasticapi

import (
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/elastic"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/querytext"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Options are what the interface answers from.
type Options struct {
	Store query.Searcher
	// Documents keeps indices whose documents change: those that programs write
	// their own state to. Nil has none.
	Documents Documents
	// MayWrite lets through who may write documents, and Write answers what is
	// written to other indices. Both are there where Documents are.
	MayWrite func(http.HandlerFunc) http.HandlerFunc
	Write    http.Handler
	// Owners says whose lines the one who asks may see; nil is everybody's.
	Owners func(r *http.Request) func(record.Owner) bool
	Now    func() time.Time
}

// Documents are indices of few documents that are written, read and deleted.
type Documents interface {
	// Has says whether an index is one of them.
	Has(index string) bool
	// All returns the documents of the indices that match, oldest first.
	All(ctx context.Context, match func(index string) bool) ([]record.Record, error)
	// Body is a document as it was sent.
	Body(*record.Record) []byte
	// Put keeps a document, in the place of one with its id unless it is to be
	// new; without an id it gets one.
	Put(ctx context.Context, index, id string, body []byte, isNew bool) (r record.Record, version int64, err error)
	Delete(ctx context.Context, docs []record.Record) error
}

type api struct{ o Options }

// unnamed stands for the index of lines whose sender named none.
const unnamed = "vigie"

// Register adds the paths to a mux, each behind guard, which lets through who
// may read.
func Register(mux *http.ServeMux, guard func(http.HandlerFunc) http.HandlerFunc, o Options) {
	if o.Now == nil {
		o.Now = time.Now
	}
	a := &api{o}
	behind := func(guard func(http.HandlerFunc) http.HandlerFunc, f func(w http.ResponseWriter, r *http.Request) error, patterns ...string) {
		h := guard(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Elastic-Product", "Elasticsearch")
			w.Header().Set("Content-Type", "application/json")
			if err := f(w, r); err != nil {
				e := elastic.AsError(err)
				w.WriteHeader(e.Status)
				if r.Method != http.MethodHead {
					_, _ = w.Write(e.Body()) // of a client that went away nobody wants to know
				}
			}
		})
		for _, p := range patterns {
			mux.HandleFunc(p, h)
		}
	}
	handle := func(f func(w http.ResponseWriter, r *http.Request) error, patterns ...string) {
		behind(guard, f, patterns...)
	}
	both := func(paths ...string) (out []string) {
		for _, p := range paths {
			out = append(out, "GET "+p, "POST "+p)
		}
		return out
	}
	handle(a.search, both("/_search", "/{index}/_search")...)
	handle(a.scroll, both("/_search/scroll", "/_search/scroll/{id}")...)
	handle(a.endScroll, "DELETE /_search/scroll", "DELETE /_search/scroll/{id}")
	handle(a.msearch, both("/_msearch", "/{index}/_msearch")...)
	handle(a.count, both("/_count", "/{index}/_count")...)
	handle(a.openPIT, "POST /{index}/_pit")
	handle(a.closePIT, "DELETE /_pit")
	handle(a.fieldCaps, both("/_field_caps", "/{index}/_field_caps")...)
	handle(a.mapping, "GET /_mapping", "GET /{index}/_mapping", "GET /{index}") // GET is HEAD, too
	handle(a.catIndices, "GET /_cat/indices", "GET /_cat/indices/{index}")
	handle(a.document, "GET /{index}/_doc/{id}", "GET /{index}/_source/{id}")
	deletes := guard
	if o.Documents != nil {
		a.registerDocuments(mux, o)
		deletes = func(f http.HandlerFunc) http.HandlerFunc { return guard(o.MayWrite(f)) }
	}
	behind(deletes, a.deleteByQuery, "POST /{index}/_delete_by_query")
	handle(acknowledged, "PUT /{index}", "PUT /{index}/_mapping", "PUT /{index}/_settings")
	handle(refreshed, both("/_refresh", "/{index}/_refresh")...)
	handle(health, "GET /_cluster/health", "GET /_cluster/health/{index}")
}

func (a *api) options() elastic.Options { return elastic.Options{Now: a.o.Now(), Index: unnamed} }

// body reads a request whole; gzip is what clients compress with.
func body(r *http.Request) ([]byte, error) {
	var from io.Reader = http.MaxBytesReader(nil, r.Body, elastic.MaxBody)
	switch e := strings.ToLower(r.Header.Get("Content-Encoding")); e {
	case "", "identity":
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(from)
		if err != nil {
			return nil, &elastic.Error{Status: http.StatusBadRequest, Type: "parse_exception", Reason: "the request says that it is gzip and is not"}
		}
		from = z
	default:
		return nil, &elastic.Error{Status: http.StatusUnsupportedMediaType, Type: "media_type_header_exception", Reason: "the request is compressed with " + strconv.Quote(e) + "; gzip is known"}
	}
	b, err := io.ReadAll(io.LimitReader(from, elastic.MaxBody+1))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large), len(b) > elastic.MaxBody:
		return nil, &elastic.Error{Status: http.StatusRequestEntityTooLarge, Type: "content_too_long_exception", Reason: "the request is too large: " + strconv.Itoa(elastic.MaxBody) + " bytes are the most"}
	case err != nil:
		return nil, &elastic.Error{Status: http.StatusBadRequest, Type: "parse_exception", Reason: "the request ends too early or is no whole gzip"}
	}
	return b, nil
}

func write(w http.ResponseWriter, b []byte) error {
	_, _ = w.Write(b) // of a client that went away nobody wants to know
	return nil
}

func writeJSON(w http.ResponseWriter, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return write(w, b)
}

// limited is a request with the indices of its address, and whose lines may be
// seen.
func (a *api) limited(r *http.Request, req query.Request, indices string) query.Request {
	if indices != "" && indices != "_all" && indices != "*" {
		req.Filter = query.And{elastic.Indices(indices, a.options()), cmp.Or[query.Filter](req.Filter, query.All{})}
	}
	req.Owners = a.o.Owners(r)
	return req
}

// documents are those that the one who asks may see: none for who may see the
// lines of some owners alone, since documents quote lines of all.
func (a *api) documents(r *http.Request) Documents {
	if a.o.Documents == nil || a.o.Owners(r) != nil {
		return nil
	}
	return a.o.Documents
}

// searcher answers a request for indices: from the store, or from the documents
// where all of them are.
func (a *api) searcher(r *http.Request, indices string) (query.Searcher, error) {
	kept := a.documents(r)
	if kept == nil || indices == "" {
		return a.o.Store, nil
	}
	for one := range strings.SplitSeq(indices, ",") {
		if !kept.Has(strings.TrimSuffix(one, "*")) {
			return a.o.Store, nil
		}
	}
	docs, err := kept.All(r.Context(), matching(indices))
	return query.Naive(docs), err
}

// matching says of the name of an index whether an address names it.
func matching(indices string) func(string) bool {
	f := elastic.Indices(indices, elastic.Options{Index: unnamed})
	return func(index string) bool { return query.Match(f, &record.Record{Index: index}) }
}

func (a *api) answer(r *http.Request, req query.Request, indices string) (*query.Result, error) {
	s, err := a.searcher(r, indices)
	if err != nil {
		return nil, err
	}
	req = a.limited(r, req, indices)
	if _, ok := s.(query.Naive); ok {
		req.Owners = nil // documents belong to no one
	}
	res, err := s.Search(r.Context(), req)
	if err != nil {
		if r.Context().Err() != nil {
			return nil, err
		}
		return nil, &elastic.Error{Status: http.StatusBadRequest, Type: "illegal_argument_exception", Reason: err.Error()}
	}
	return res, nil
}

var errNoContext = &elastic.Error{Status: http.StatusNotFound, Type: "search_context_missing_exception", Reason: "No search context found for this id"}

// fromQuery takes what of a search stands in its address.
func fromQuery(r *http.Request, req *query.Request, ex *elastic.Extras, now time.Time) error {
	q := r.URL.Query()
	ex.TypedKeys = truth(q.Get("typed_keys"))
	ex.TotalAsInt = truth(q.Get("rest_total_hits_as_int"))
	for name, to := range map[string]*int{"size": &req.Size, "from": &req.Skip} {
		if s := q.Get(name); s != "" {
			n, err := strconv.Atoi(s)
			if err != nil || n < 0 {
				return &elastic.Error{Status: http.StatusBadRequest, Type: "illegal_argument_exception", Reason: "Failed to parse int parameter [" + name + "] with value [" + s + "]"}
			}
			*to = n
		}
	}
	if text := q.Get("q"); text != "" {
		f, err := querytext.Parse(text, querytext.Options{Now: now, Or: true})
		if err != nil {
			return &elastic.Error{Status: http.StatusBadRequest, Type: "query_shard_exception", Reason: "Failed to parse query [" + text + "]: " + err.Error()}
		}
		req.Filter = query.And{f, cmp.Or[query.Filter](req.Filter, query.All{})}
	}
	if s := q.Get("sort"); s != "" && len(req.Sort) == 0 {
		for one := range strings.SplitSeq(s, ",") {
			field, dir, _ := strings.Cut(one, ":")
			if field != "_score" && field != "_doc" {
				req.Sort = append(req.Sort, query.Sort{Field: strings.TrimSuffix(field, ".keyword"), Desc: dir == "desc"})
			}
		}
	}
	return nil
}

func truth(s string) bool { return s == "true" || s == "1" }

func (a *api) search(w http.ResponseWriter, r *http.Request) error {
	b, err := body(r)
	if err != nil {
		return err
	}
	req, ex, err := elastic.Search(b, a.options())
	if err != nil {
		return err
	}
	if err := fromQuery(r, &req, ex, a.o.Now()); err != nil {
		return err
	}
	indices := r.PathValue("index")
	alive, err := keepAlive(r.URL.Query().Get("scroll"))
	if err != nil {
		return err
	}
	if ex.PIT != "" {
		p, err := a.placeOf(ex.PIT)
		if err != nil {
			return err
		}
		indices, req = p.Index, until(req, p.Until)
		if ex.KeepAlive > 0 {
			p.Ends = a.o.Now().Add(ex.KeepAlive).Unix()
			ex.PIT = p.id()
		}
	}
	p := place{Index: indices, Until: a.o.Now().UnixNano()}
	if alive > 0 {
		req = until(req, p.Until)
	}
	res, err := a.answer(r, req, indices)
	if err != nil {
		return err
	}
	if alive > 0 {
		if p.Body, err = scrolled(b, req); err != nil {
			return err
		}
		p.Ends = a.o.Now().Add(alive).Unix()
		if n := len(res.Hits); n > 0 {
			p.After = res.Hits[n-1].Sort
		}
		ex.ScrollID = p.id()
	}
	return write(w, a.response(res, ex))
}

// response writes an answer; documents are written as they were sent.
func (a *api) response(res *query.Result, ex *elastic.Extras) []byte {
	if a.o.Documents != nil {
		ex.Raw = func(r *record.Record) []byte {
			if r.Index == "" || !a.o.Documents.Has(r.Index) {
				return nil
			}
			return a.o.Documents.Body(r)
		}
	}
	return elastic.Response(res, ex)
}

func (a *api) msearch(w http.ResponseWriter, r *http.Request) error {
	b, err := body(r)
	if err != nil {
		return err
	}
	parts, err := elastic.Parts(b)
	if err != nil {
		return err
	}
	began := a.o.Now()
	out := []byte(`{"responses":[`)
	for i, part := range parts {
		if i > 0 {
			out = append(out, ',')
		}
		one, err := func() ([]byte, error) {
			req, ex, err := elastic.Search(part.Body, a.options())
			if err != nil {
				return nil, err
			}
			ex.TypedKeys, ex.TotalAsInt = truth(r.URL.Query().Get("typed_keys")), truth(r.URL.Query().Get("rest_total_hits_as_int"))
			res, err := a.answer(r, req, cmp.Or(part.Index, r.PathValue("index")))
			if err != nil {
				return nil, err
			}
			return a.response(res, ex), nil
		}()
		if err != nil {
			out = append(out, elastic.AsError(err).Body()...)
			continue
		}
		out = append(out, one[:len(one)-1]...)
		out = append(out, `,"status":200}`...)
	}
	out = append(out, `],"took":`...)
	out = strconv.AppendInt(out, a.o.Now().Sub(began).Milliseconds(), 10)
	return write(w, append(out, '}'))
}

func (a *api) count(w http.ResponseWriter, r *http.Request) error {
	b, err := body(r)
	if err != nil {
		return err
	}
	req, err := elastic.Query(b, a.options())
	if err != nil {
		return err
	}
	var ex elastic.Extras
	if err := fromQuery(r, &req, &ex, a.o.Now()); err != nil {
		return err
	}
	req.Size = 0
	res, err := a.answer(r, req, r.PathValue("index"))
	if err != nil {
		return err
	}
	return write(w, elastic.CountResponse(res))
}

// seen is how far back fields and indices are looked for.
const seen = 60 * 24 * time.Hour

func (a *api) document(w http.ResponseWriter, r *http.Request) error {
	index, id := r.PathValue("index"), r.PathValue("id")
	res, err := a.answer(r, query.Request{Filter: query.Equal{Field: record.ID, Value: record.StringValue(id)}, Size: 1, TotalUpTo: 1}, index)
	if err != nil {
		return err
	}
	source := strings.Contains(r.URL.Path, "/_source/")
	if len(res.Hits) == 0 {
		if source {
			return &elastic.Error{Status: http.StatusNotFound, Type: "resource_not_found_exception", Reason: "Document not found [" + index + "]/[" + id + "]"}
		}
		w.WriteHeader(http.StatusNotFound)
		return writeJSON(w, map[string]any{"_index": index, "_id": id, "found": false})
	}
	if r.Method == http.MethodHead {
		return nil
	}
	doc := elastic.Source(&res.Hits[0].Record)
	if kept := a.documents(r); kept != nil && kept.Has(index) {
		doc = kept.Body(&res.Hits[0].Record)
	}
	if source {
		return write(w, doc)
	}
	return writeJSON(w, map[string]any{"_index": index, "_id": id, "_version": 1, "_seq_no": res.Hits[0].Seq, "_primary_term": 1, "found": true, "_source": json.RawMessage(doc)})
}

func acknowledged(w http.ResponseWriter, r *http.Request) error {
	return writeJSON(w, map[string]any{"acknowledged": true, "shards_acknowledged": true, "index": r.PathValue("index")})
}

func refreshed(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, map[string]any{"_shards": map[string]any{"total": 1, "successful": 1, "failed": 0}})
}

func health(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, map[string]any{
		"cluster_name": "vigie", "status": "green", "timed_out": false, "number_of_nodes": 1, "number_of_data_nodes": 1, "active_primary_shards": 1, "active_shards": 1,
		"relocating_shards": 0, "initializing_shards": 0, "unassigned_shards": 0, "active_shards_percent_as_number": 100.0,
	})
}

package elasticapi

import (
	"bytes"
	"cmp"
	"net/http"
	"strings"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/elastic"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

var errLimited error = &elastic.Error{Status: http.StatusForbidden, Type: "security_exception", Reason: "this token is limited to owners, and documents belong to none"}

// registerDocuments adds what changes documents. What is sent to another index
// is a line.
func (a *api) registerDocuments(mux *http.ServeMux, o Options) {
	handle := func(f func(w http.ResponseWriter, r *http.Request) error, patterns ...string) {
		h := o.MayWrite(func(w http.ResponseWriter, r *http.Request) {
			if !o.Documents.Has(r.PathValue("index")) {
				o.Write.ServeHTTP(w, r)
				return
			}
			w.Header().Set("X-Elastic-Product", "Elasticsearch")
			w.Header().Set("Content-Type", "application/json")
			err := errLimited
			if a.documents(r) != nil {
				err = f(w, r)
			}
			if err != nil {
				e := elastic.AsError(err)
				w.WriteHeader(e.Status)
				_, _ = w.Write(e.Body()) // of a client that went away nobody wants to know
			}
		})
		for _, p := range patterns {
			mux.HandleFunc(p, h)
		}
	}
	handle(a.put, "POST /{index}/_doc", "POST /{index}/_doc/{$}", "POST /{index}/_doc/{id}", "PUT /{index}/_doc/{id}", "POST /{index}/_create/{id}", "PUT /{index}/_create/{id}")
	handle(a.remove, "DELETE /{index}/_doc/{id}")
	handle(a.removeIndex, "DELETE /{index}")
}

func (a *api) put(w http.ResponseWriter, r *http.Request) error {
	index, id := r.PathValue("index"), r.PathValue("id")
	b, err := body(r)
	if err != nil {
		return err
	}
	if b = bytes.TrimSpace(b); len(b) == 0 {
		return &elastic.Error{Status: http.StatusBadRequest, Type: "parse_exception", Reason: "request body is required"}
	}
	isNew := strings.Contains(r.URL.Path, "/_create/") || r.URL.Query().Get("op_type") == "create"
	doc, version, err := a.o.Documents.Put(r.Context(), index, id, b, isNew)
	if err != nil {
		return err
	}
	result, status := "created", http.StatusCreated
	if version > 1 {
		result, status = "updated", http.StatusOK
	}
	w.WriteHeader(status)
	return writeJSON(w, map[string]any{
		"_index": index, "_id": doc.ID, "_version": version, "result": result, "_seq_no": doc.Seq, "_primary_term": 1, "_shards": map[string]any{"total": 1, "successful": 1, "failed": 0},
	})
}

func (a *api) remove(w http.ResponseWriter, r *http.Request) error {
	index, id := r.PathValue("index"), r.PathValue("id")
	docs, err := a.o.Documents.All(r.Context(), func(i string) bool { return i == index })
	if err != nil {
		return err
	}
	result := "not_found"
	for i := range docs {
		if docs[i].ID == id {
			if err := a.o.Documents.Delete(r.Context(), docs[i:i+1]); err != nil {
				return err
			}
			result = "deleted"
		}
	}
	if result == "not_found" {
		w.WriteHeader(http.StatusNotFound)
	}
	return writeJSON(w, map[string]any{"_index": index, "_id": id, "_version": 1, "result": result, "_shards": map[string]any{"total": 1, "successful": 1, "failed": 0}})
}

func (a *api) removeIndex(w http.ResponseWriter, r *http.Request) error {
	index := r.PathValue("index")
	docs, err := a.o.Documents.All(r.Context(), func(i string) bool { return i == index })
	if err != nil {
		return err
	}
	if err := a.o.Documents.Delete(r.Context(), docs); err != nil {
		return err
	}
	return writeJSON(w, map[string]any{"acknowledged": true})
}

// deleteByQuery deletes documents. Lines of logs are not deleted so.
func (a *api) deleteByQuery(w http.ResponseWriter, r *http.Request) error {
	index := r.PathValue("index")
	s, err := a.searcher(r, index)
	if err != nil {
		return err
	}
	docs, ok := s.(query.Naive)
	if !ok {
		return &elastic.Error{Status: http.StatusBadRequest, Type: "illegal_argument_exception", Reason: "lines of logs are not deleted one by one; log_policy says how long they are kept, and `vigie logs erase` deletes all of an owner"}
	}
	b, err := body(r)
	if err != nil {
		return err
	}
	req, err := elastic.Query(b, a.options())
	if err != nil {
		return err
	}
	var gone []record.Record
	for i := range docs {
		if (req.From == 0 || docs[i].Time >= req.From) && (req.To == 0 || docs[i].Time < req.To) && query.Match(cmp.Or[query.Filter](req.Filter, query.All{}), &docs[i]) {
			gone = append(gone, docs[i])
		}
	}
	if err := a.o.Documents.Delete(r.Context(), gone); err != nil {
		return err
	}
	return writeJSON(w, map[string]any{"took": 1, "timed_out": false, "total": len(gone), "deleted": len(gone), "batches": 1, "version_conflicts": 0, "noops": 0, "failures": []any{}})
}

package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fastjson"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Elasticsearch answers what shippers write to an Elasticsearch: _bulk, _doc and
// _create. The paths are those of Elasticsearch's REST API.
func (in *Intake) Elasticsearch() http.Handler {
	mux := http.NewServeMux()
	for _, m := range []string{"POST ", "PUT "} {
		mux.HandleFunc(m+"/_bulk", in.bulk)
		mux.HandleFunc(m+"/{index}/_bulk", in.bulk)
		mux.HandleFunc(m+"/{index}/_doc/{id}", in.document)
		mux.HandleFunc(m+"/{index}/_create/{id}", in.document)
	}
	mux.HandleFunc("POST /{index}/_doc", in.document)
	mux.HandleFunc("POST /{index}/_doc/{$}", in.document)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern == "" {
			Unknown(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// Unknown answers what is not supported, as Elasticsearch answers what it does
// not know.
func Unknown(w http.ResponseWriter, r *http.Request) {
	(&ElasticError{http.StatusBadRequest, "illegal_argument_exception", fmt.Sprintf("no handler found for uri [%.200s] and method [%.20s]; this is a store of logs that answers searches and takes documents", r.URL.Path, r.Method)}).Write(w)
}

// ElasticError is an error as Elasticsearch shapes them.
type ElasticError struct {
	Status       int
	Type, Reason string
}

func (e *ElasticError) Error() string { return e.Reason }

// Write answers with the error.
func (e *ElasticError) Write(w http.ResponseWriter) {
	one := map[string]any{"type": e.Type, "reason": e.Reason}
	body, err := json.Marshal(map[string]any{"error": map[string]any{"root_cause": []any{one}, "type": e.Type, "reason": e.Reason}, "status": e.Status})
	if err != nil {
		panic("ingest: " + err.Error()) // texts can be written
	}
	ElasticHeader(w)
	if e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	w.WriteHeader(e.Status)
	_, _ = w.Write(body) // of a sender that went away nobody wants to know
}

// ElasticHeader sets what every answer of an Elasticsearch has; clients refuse
// to go on without.
func ElasticHeader(w http.ResponseWriter) {
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	w.Header().Set("Content-Type", "application/json")
}

func elasticError(err error) *ElasticError {
	var e *ElasticError
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, errTooLarge):
		return &ElasticError{http.StatusRequestEntityTooLarge, "content_too_long_exception", err.Error()}
	case errors.Is(err, ErrBusy):
		return &ElasticError{http.StatusTooManyRequests, "es_rejected_execution_exception", err.Error()}
	case errors.Is(err, record.ErrNoObject), errors.Is(err, record.ErrTime), errors.Is(err, record.ErrReserved):
		return &ElasticError{http.StatusBadRequest, "document_parsing_exception", err.Error()}
	case errors.Is(err, record.ErrTooDeep), errors.Is(err, record.ErrManyFields), errors.Is(err, record.ErrLongName):
		return &ElasticError{http.StatusBadRequest, "illegal_argument_exception", err.Error()}
	case errors.Is(err, errOwner):
		return &ElasticError{http.StatusForbidden, "security_exception", err.Error()}
	case errors.Is(err, errGarbled), errors.Is(err, errEncoding):
		return &ElasticError{http.StatusBadRequest, "illegal_argument_exception", err.Error()}
	}
	return &ElasticError{http.StatusServiceUnavailable, "unavailable_shards_exception", err.Error()}
}

// item is a document of a bulk and what becomes of it.
type item struct {
	op, index, id string
	doc           []byte
	line          int // of the request, for errors
	fail          *ElasticError
	seq           uint64
	outcome       record.Outcome
	at            int // in the batch; -1 where it is not in one
}

// at once is how many documents go to the store together: more would hold more
// memory and fsync hardly less often.
const atOnce = 1000

// bulk answers POST /_bulk: 200 with an item for each document in its order,
// and errors: true if any failed. A request of which the lines make no sense is
// refused whole, before anything of it is kept.
func (in *Intake) bulk(w http.ResponseWriter, r *http.Request) {
	began := in.o.Now()
	body, err := in.body(w, r)
	if err != nil {
		elasticError(err).Write(w)
		return
	}
	items, err := in.split(body, r.PathValue("index"))
	if err != nil {
		elasticError(err).Write(w)
		return
	}
	b := batcher{in: in, ctx: r.Context(), now: in.o.Now(), sender: From(r.Context())}
	for len(items) > b.done {
		b.some(items[b.done:min(len(items), b.done+atOnce)])
	}
	in.o.Count("elasticsearch", b.taken, b.known, b.refused)
	out := make([]byte, 0, 64+170*len(items))
	out = append(out, `{"took":`...)
	out = strconv.AppendInt(out, in.o.Now().Sub(began).Milliseconds(), 10)
	out = append(out, `,"errors":`...)
	out = strconv.AppendBool(out, b.failed)
	out = append(out, `,"items":[`...)
	for i := range items {
		if i > 0 {
			out = append(out, ',')
		}
		out = items[i].appendJSON(out)
	}
	out = append(out, "]}"...)
	ElasticHeader(w)
	_, _ = w.Write(out) // it is kept; a sender that went away sends it again
}

// split reads the lines of a bulk into its documents.
func (in *Intake) split(body []byte, path string) ([]item, error) {
	var items []item
	var p fastjson.Parser
	malformed := func(n int, format string, args ...any) error {
		return &ElasticError{http.StatusBadRequest, "illegal_argument_exception", fmt.Sprintf("Malformed action/metadata line [%d], ", n) + fmt.Sprintf(format, args...)}
	}
	n := 0
	next := func() (line []byte, ok bool) {
		for len(body) > 0 { // rsyslog puts an empty line behind each document
			n++
			line, body, _ = bytes.Cut(body, []byte("\n"))
			if line = bytes.TrimSpace(line); len(line) > 0 {
				return line, true
			}
		}
		return nil, false
	}
	for {
		line, ok := next()
		if !ok {
			break
		}
		v, err := p.ParseBytes(line)
		if err != nil {
			return nil, malformed(n, "it is no JSON")
		}
		o, err := v.Object()
		if err != nil || o.Len() != 1 {
			return nil, malformed(n, "expected an object with one of create, index, update, delete")
		}
		one := item{index: path, line: n, at: -1}
		var meta *fastjson.Value
		o.Visit(func(key []byte, v *fastjson.Value) { one.op, meta = string(key), v })
		switch one.op {
		case "create", "index", "update", "delete":
		default:
			return nil, malformed(n, "expected one of create, index, update, delete but found [%.40s]", one.op)
		}
		if meta.Type() != fastjson.TypeObject {
			return nil, malformed(n, "expected an object behind [%s]", one.op)
		}
		if s := meta.GetStringBytes("_index"); len(s) > 0 {
			one.index = string(s)
		}
		if id := meta.Get("_id"); id != nil && id.Type() != fastjson.TypeNull {
			if b, err := id.StringBytes(); err == nil {
				one.id = string(b)
			} else {
				one.id = id.String()
			}
			if one.id == "" || len(one.id) > 512 {
				one.fail = &ElasticError{http.StatusBadRequest, "illegal_argument_exception", "_id has 1 to 512 bytes; leave it out to have one made"}
			}
		}
		if one.op != "delete" {
			if one.doc, ok = next(); !ok {
				return nil, malformed(n, "a document is missing behind it")
			}
		}
		if one.fail == nil {
			one.fail = checkIndex(one.index)
		}
		if one.op == "update" || one.op == "delete" {
			one.fail = &ElasticError{http.StatusBadRequest, "illegal_argument_exception", "logs are not changed: [" + one.op + "] is not supported, send create or index"}
		}
		items = append(items, one)
	}
	if len(items) == 0 {
		return nil, &ElasticError{http.StatusBadRequest, "parse_exception", "request body is required"}
	}
	return items, nil
}

// checkIndex says what is wrong with the name of an index, as Elasticsearch
// does.
func checkIndex(name string) *ElasticError {
	invalid := func(why string) *ElasticError {
		return &ElasticError{http.StatusBadRequest, "invalid_index_name_exception", fmt.Sprintf("Invalid index name [%.100s], %s", name, why)}
	}
	switch {
	case name == "":
		return &ElasticError{http.StatusBadRequest, "action_request_validation_exception", "Validation Failed: 1: index is missing;"}
	case len(name) > 255:
		return invalid("index name is too long")
	case strings.ToLower(name) != name:
		return invalid("must be lowercase")
	case strings.ContainsAny(name, "\\/*?\"<>| ,#:") || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0xFFFD }):
		return invalid(`must not contain the following characters [' ','"','*','\','<','|',',','>','/','?','#',':']`)
	case strings.ContainsRune("_-+", rune(name[0])):
		return invalid("must not start with '_', '-', or '+'")
	case name == "." || name == "..":
		return invalid("must not be '.' or '..'")
	}
	return nil
}

// slab is memory for the documents of a batch: a parser for each, since it
// holds the text of its line.
type slab struct {
	parsers [atOnce]fastjson.Parser
	lines   [atOnce]record.Record
}

var slabs = sync.Pool{New: func() any { return &slab{} }}

// batcher takes the documents of a request to the store, some at a time.
type batcher struct {
	in     *Intake
	ctx    context.Context //nolint:containedctx // it lives as long as one request
	sender Sender
	now    time.Time
	*slab

	done                  int // items seen
	taken, known, refused int
	failed                bool
}

func (b *batcher) some(items []item) {
	b.slab = slabs.Get().(*slab)
	defer slabs.Put(b.slab)
	n := 0
	for i := range items {
		one := &items[i]
		if one.fail == nil {
			if err := b.in.read(&b.parsers[n], one, &b.lines[n]); err != nil {
				one.fail = elasticError(err)
			} else if err := b.in.prepare(b.sender, &b.lines[n], b.now); err != nil {
				one.fail = elasticError(err)
			}
		}
		if one.fail != nil {
			b.refused++
			b.failed = true
			continue
		}
		one.at = n
		n++
	}
	b.done += len(items)
	if n == 0 {
		return
	}
	outcomes, err := b.in.o.To.Append(b.ctx, record.Batch{Records: b.lines[:n]})
	for i := range items {
		one := &items[i]
		if one.at < 0 {
			continue
		}
		if err != nil {
			one.fail = elasticError(err)
			b.refused++
			b.failed = true
			continue
		}
		one.seq, one.outcome = b.lines[one.at].Seq, outcomes[one.at]
		if one.id == "" {
			one.id = b.lines[one.at].DocumentID()
		}
		switch {
		case one.outcome == record.Stored:
			b.taken++
		case one.op == "create":
			one.fail = &ElasticError{http.StatusConflict, "version_conflict_engine_exception", fmt.Sprintf("[%s]: version conflict, document already exists", one.id)}
			b.known++
			b.failed = true
		default:
			b.known++
		}
	}
	if err != nil {
		b.in.o.Log.WarnContext(b.ctx, "lines of a shipper were not kept", "sender", b.sender.Name, "lines", n, "err", err)
	}
}

// read takes a document in as a line.
func (in *Intake) read(p *fastjson.Parser, one *item, r *record.Record) error {
	if len(one.doc) > in.o.Line {
		return &ElasticError{http.StatusBadRequest, "illegal_argument_exception", fmt.Sprintf("the document has %d bytes, at most %d", len(one.doc), in.o.Line)}
	}
	v, err := p.ParseBytes(one.doc)
	if err != nil {
		reason := err.Error()
		return &ElasticError{http.StatusBadRequest, "document_parsing_exception", "failed to parse: the source is no JSON: " + strings.ToValidUTF8(reason[:min(len(reason), 200)], "\uFFFD")}
	}
	if err := record.Document(v, in.o.Limits, r); err != nil {
		return err
	}
	r.Index, r.ID = one.index, one.id
	return nil
}

// appendJSON writes what became of a document.
func (one *item) appendJSON(b []byte) []byte {
	b = append(b, `{"`...)
	b = append(b, one.op...)
	b = append(b, `":{"_index":`...)
	b = record.AppendString(b, one.index)
	if one.id != "" {
		b = append(b, `,"_id":`...)
		b = record.AppendString(b, one.id)
	}
	if f := one.fail; f != nil {
		b = append(b, `,"status":`...)
		b = strconv.AppendInt(b, int64(f.Status), 10)
		b = append(b, `,"error":{"type":`...)
		b = record.AppendString(b, f.Type)
		b = append(b, `,"reason":`...)
		b = record.AppendString(b, f.Reason)
		return append(b, "}}}"...)
	}
	result, status := "created", http.StatusCreated
	if one.outcome != record.Stored {
		result, status = "noop", http.StatusOK
	}
	b = append(b, `,"_version":1,"result":"`...)
	b = append(b, result...)
	b = append(b, `","_shards":{"total":1,"successful":1,"failed":0},"_seq_no":`...)
	b = strconv.AppendUint(b, one.seq, 10)
	b = append(b, `,"_primary_term":1,"status":`...)
	b = strconv.AppendInt(b, int64(status), 10)
	return append(b, "}}"...)
}

// document answers the writing of one document.
func (in *Intake) document(w http.ResponseWriter, r *http.Request) {
	body, err := in.body(w, r)
	if err != nil {
		elasticError(err).Write(w)
		return
	}
	one := item{op: "index", index: r.PathValue("index"), id: r.PathValue("id"), doc: bytes.TrimSpace(body), at: -1}
	if strings.Contains(r.URL.Path, "/_create/") || r.URL.Query().Get("op_type") == "create" {
		one.op = "create"
	}
	switch {
	case len(one.doc) == 0:
		one.fail = &ElasticError{http.StatusBadRequest, "parse_exception", "request body is required"}
	case len(one.id) > 512:
		one.fail = &ElasticError{http.StatusBadRequest, "illegal_argument_exception", "_id has 1 to 512 bytes; leave it out to have one made"}
	default:
		one.fail = checkIndex(one.index)
	}
	items := []item{one}
	b := batcher{in: in, ctx: r.Context(), now: in.o.Now(), sender: From(r.Context())}
	b.some(items)
	in.o.Count("elasticsearch", b.taken, b.known, b.refused)
	if one = items[0]; one.fail != nil {
		one.fail.Write(w)
		return
	}
	// The answer is the item without its wrapping and status.
	out := one.appendJSON(nil)
	out = out[len(`{"":`)+len(one.op) : len(out)-1]
	out = append(out[:bytes.LastIndex(out, []byte(`,"status":`))], '}')
	ElasticHeader(w)
	if one.outcome == record.Stored {
		w.Header().Set("Location", "/"+one.index+"/_doc/"+one.id)
		w.WriteHeader(http.StatusCreated)
	}
	_, _ = w.Write(out)
}

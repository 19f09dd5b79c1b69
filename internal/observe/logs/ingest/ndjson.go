package ingest

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// ndjsonAnswer says what became of the lines of a request.
type ndjsonAnswer struct {
	Taken   int           `json:"taken"`
	Known   int           `json:"known"` // had an _id that was taken
	Refused int           `json:"refused"`
	Errors  []ndjsonError `json:"errors"` // the first hundred
}

type ndjsonError struct {
	Line   int    `json:"line"` // from 1
	Reason string `json:"reason"`
}

// NDJSON answers a POST of lines that are a JSON object each; ?index= names
// what they are kept under. The status is 200 where all were taken and 400
// where one was refused, with the number of its line; the others are kept.
func (in *Intake) NDJSON(w http.ResponseWriter, r *http.Request) {
	body, err := in.body(w, r)
	if err != nil {
		http.Error(w, err.Error(), statusOf(err))
		return
	}
	index := r.URL.Query().Get("index")
	if index != "" {
		if e := checkIndex(index); e != nil {
			http.Error(w, e.Reason, http.StatusBadRequest)
			return
		}
	}
	var items []item
	for n := 1; len(body) > 0; n++ {
		var line []byte
		line, body, _ = bytes.Cut(body, []byte("\n"))
		if line = bytes.TrimSpace(line); len(line) > 0 {
			items = append(items, item{op: "index", index: index, doc: line, line: n, at: -1})
		}
	}
	b := batcher{in: in, ctx: r.Context(), now: in.o.Now(), sender: From(r.Context())}
	for len(items) > b.done {
		b.some(items[b.done:min(len(items), b.done+atOnce)])
	}
	in.o.Count("ndjson", b.taken, b.known, b.refused)
	out := ndjsonAnswer{Taken: b.taken, Known: b.known, Refused: b.refused, Errors: []ndjsonError{}}
	status := http.StatusOK
	for _, one := range items {
		if one.fail == nil {
			continue
		}
		status = max(status, one.fail.Status)
		if len(out.Errors) < 100 {
			out.Errors = append(out.Errors, ndjsonError{one.line, one.fail.Reason})
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(out) // of a sender that went away nobody wants to know
}

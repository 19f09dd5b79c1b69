package console

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/vigie-ops/vigie/internal/ui"
)

// Problem is an error that a person or a program is told (RFC 9457).
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

func (p *Problem) Error() string { return p.Title + ": " + p.Detail }

// NotFound says that something does not exist.
func NotFound(detail string) *Problem {
	return &Problem{Status: http.StatusNotFound, Title: "Not found", Detail: detail}
}

// Invalid says what is wrong with what was sent.
func Invalid(detail string) *Problem {
	return &Problem{Status: http.StatusUnprocessableEntity, Title: "That cannot be done", Detail: detail}
}

var errInternal = &Problem{Status: http.StatusInternalServerError, Title: "Internal error", Detail: "The hub could not answer. Its log says why; trying again in a moment may help."}

// problemOf finds what to tell of an error.
func problemOf(err error) Problem {
	var p *Problem
	if errors.As(err, &p) {
		return *p
	}
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return Problem{Status: http.StatusRequestEntityTooLarge, Title: "Too large", Detail: "What was sent is larger than this address takes."}
	}
	return *errInternal
}

func (p Problem) write(w http.ResponseWriter, r *http.Request) {
	if wantsJSON(r) {
		if p.Type == "" {
			p.Type = "about:blank"
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(p.Status)
		_ = json.NewEncoder(w).Encode(p) // the reader went away; there is nobody to tell
		return
	}
	_ = ui.Render(w, r, p.Status, problemPage(p))
}

// wantsJSON says whether a program asks: by its address, or by what it accepts.
func wantsJSON(r *http.Request) bool {
	if strings.HasPrefix(r.URL.Path, "/api/") || r.URL.Path == "/events" {
		return true
	}
	accept := r.Header.Get("Accept")
	return strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/html")
}

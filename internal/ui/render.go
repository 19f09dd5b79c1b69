package ui

import (
	"bytes"
	"fmt"
	"net/http"

	"github.com/a-h/templ"
)

// FragmentHeader names the element a live page wants anew.
const FragmentHeader = "X-Fragment"

// Render writes a page, or only the Live part of it that the request names.
// The page is made before a byte is sent, so that after an error the caller
// can still answer with something else.
func Render(w http.ResponseWriter, r *http.Request, status int, page templ.Component) error {
	var b bytes.Buffer
	id := r.Header.Get(FragmentHeader)
	if id != "" {
		if err := templ.RenderFragments(r.Context(), &b, page, id); err != nil {
			return fmt.Errorf("render part %q: %w", id, err)
		}
	} else if err := page.Render(r.Context(), &b); err != nil {
		return fmt.Errorf("render page: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", ContentSecurityPolicy)
	h.Add("Vary", FragmentHeader)
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // a browser that went away needs no answer
	return nil
}

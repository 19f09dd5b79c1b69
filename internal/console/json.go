package console

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/vigie-ops/vigie/internal/lib/id"
)

// Items is a page of a list in the API.
type Items[T any] struct {
	Items []T     `json:"items"`
	Next  *string `json:"next"` // cursor of the following page; null at the end
}

// WriteItems answers with a page of a list; next is "" at the end.
func WriteItems[T any](w http.ResponseWriter, items []T, next string) error {
	if items == nil {
		items = []T{}
	}
	page := Items[T]{Items: items}
	if next != "" {
		page.Next = &next
	}
	return WriteJSON(w, page)
}

// ReadJSON takes a body of one JSON value, in which an unknown name is a mistake:
// a program that misspells limit would act on everything.
func ReadJSON(r *http.Request, into any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil && d.More() {
		err = errors.New("there is more than one value")
	}
	var big *http.MaxBytesError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &big):
		return err
	case errors.Is(err, io.EOF):
		err = errors.New("it is empty")
	}
	return &Problem{Status: http.StatusBadRequest, Title: "Bad body", Detail: "The body is a JSON object: " + strings.TrimPrefix(err.Error(), "json: ") + "."}
}

// WriteJSON answers with v.
func WriteJSON(w http.ResponseWriter, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(append(b, '\n')) // the reader went away; there is nobody to tell
	return nil
}

// WriteCreated answers with what was made, and where it is.
func WriteCreated(w http.ResponseWriter, location string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Location", location)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write(append(b, '\n')) // the reader went away; there is nobody to tell
	return nil
}

// The bounds of a page of a list.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// PageOf reads ?cursor= and ?limit= of a list in the API.
func PageOf(r *http.Request) (cursor string, limit int, err error) {
	limit = defaultLimit
	if v := r.URL.Query().Get("limit"); v != "" {
		if limit, err = strconv.Atoi(v); err != nil || limit < 1 || limit > maxLimit {
			return "", 0, &Problem{Status: http.StatusBadRequest, Title: "Bad limit", Detail: "limit is a number from 1 to " + strconv.Itoa(maxLimit) + "."}
		}
	}
	return r.URL.Query().Get("cursor"), limit, nil
}

// PageOfIDs is PageOf for a list whose cursors are ids.
func PageOfIDs(r *http.Request) (cursor string, limit int, err error) {
	if cursor, err = IDOf(r, "cursor"); err != nil {
		return "", 0, err
	}
	_, limit, err = PageOf(r)
	return cursor, limit, err
}

// IDOf reads a parameter that is an id, as an answer of the API gave it, or
// absent.
func IDOf(r *http.Request, name string) (string, error) {
	v := r.URL.Query().Get(name)
	if v != "" && !id.Valid(v) {
		return "", &Problem{Status: http.StatusBadRequest, Title: "Bad " + name, Detail: name + " is what the page before gave as next, or left out."}
	}
	return v, nil
}

// OneOf reads a parameter of the API that is one of a few words, or absent. A
// word that a filter does not know would otherwise filter nothing, or all.
func OneOf(r *http.Request, name string, words ...string) (string, error) {
	v := r.URL.Query().Get(name)
	if v != "" && !slices.Contains(words, v) {
		return "", &Problem{Status: http.StatusBadRequest, Title: "Bad " + name, Detail: name + " is one of " + strings.Join(words, ", ") + ", or left out."}
	}
	return v, nil
}

// Cut pages a list that is held in memory and sorted by key: the entries after
// the cursor, and the next cursor.
func Cut[T any](all []T, key func(T) string, cursor string, limit int) (page []T, next string) {
	from := 0
	for from < len(all) && cursor != "" && key(all[from]) <= cursor {
		from++
	}
	to := min(from+limit, len(all))
	if to < len(all) {
		next = key(all[to-1])
	}
	return all[from:to], next
}

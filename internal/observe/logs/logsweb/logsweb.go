// Package logsweb is the screen of logs: the page that explores them, the lines
// around a line, live tail, export, and the interface for programs.
package logsweb

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/observe/logs"
	"github.com/vigie-ops/vigie/internal/observe/logs/logstore"
	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/querytext"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
	"github.com/vigie-ops/vigie/internal/people"
)

// home is where the page is.
const home = "/logs"

// Store answers what is asked of logs; *logstore.Store is one.
type Store interface {
	query.Searcher
	Tail(ctx context.Context, filter query.Filter, owners func(record.Owner) bool) (*logstore.Tail, error)
	Amounts() []logstore.Amount
}

// Options are what the pages show from.
type Options struct {
	Store Store
	// Keeps is how long lines of an owner and class are searchable.
	Keeps func(record.Owner, string) time.Duration
	// Held says that nothing of an owner is deleted.
	Held func(record.Owner) bool
	// Erase deletes all of an owner, with proof.
	Erase    func(ctx context.Context, owner record.Owner) (logstore.Erased, error)
	Searches *logs.Searches
	// Name is what a person is called.
	Name func(slug string) string
	// Audit writes down that a person did something.
	Audit func(ctx context.Context, verb, object, reason string, details map[string]any) error
	Log   *slog.Logger
	Now   func() time.Time // time.Now if nil
}

type face struct {
	c *console.Console
	o Options
}

// Register adds the pages, panels and interfaces.
func Register(c *console.Console, o Options) {
	if o.Now == nil {
		o.Now = time.Now
	}
	f := &face{c: c, o: o}
	c.Nav(console.NavEntry{Group: "Observe", Text: "Logs", Href: home, Role: people.Viewer})
	c.Page("GET /logs", people.Viewer, f.explore)
	c.Page("GET /logs/line", people.Viewer, f.line)
	c.Page("GET /logs/values", people.Viewer, f.values)
	c.API("GET /logs/tail", people.Viewer, f.tail)
	c.API("GET /logs/complete", people.Viewer, f.complete)
	c.Finder(people.Viewer, func(_ context.Context, words string, _ int) ([]console.Hit, error) {
		return []console.Hit{{Last: true, Group: "Search", Text: "Logs of the last hour that hold " + words, Href: console.Query(home, "q", `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(words)+`"`)}}, nil
	})
	find := console.Any("q", "what a line has to be, such as log.level:error and \"timed out\"")
	when := []console.Param{find, console.Any("from", "a time, or milliseconds since 1970"), console.Any("to", "a time, or milliseconds since 1970"), console.Any("range", "such as 15m or 7d, until now")}
	c.API("GET /api/vigie/v1/logs", people.Viewer, f.apiSearch, console.Doc{Summary: "Lines, the newest first", Query: console.Paged(when...), Answer: console.Items[json.RawMessage]{}})
	c.API("GET /api/vigie/v1/logs/export", people.Viewer, f.export, console.Doc{
		Summary: "Every line that matches, in the order of time", Content: "application/x-ndjson,text/csv", Query: slices.Concat(when, []console.Param{
			console.One("format", "", "ndjson", "csv"), console.One("order", "", "asc", "desc"), {Name: "col", Text: "a column of CSV", Many: true}}),
	})
	c.API("GET /api/vigie/v1/logs/tail", people.Viewer, f.tail, console.Doc{Summary: "Lines as they come, as server-sent events", Query: []console.Param{find}, Content: "text/event-stream"})
	f.registerSearches()
	f.registerKept()
	c.Offer(console.ServerHalf, console.Panel{Order: 40, Show: f.ofSubject})
	c.Offer(console.InstanceHalf, console.Panel{Order: 40, Show: f.ofSubject})
	c.Offer(console.IssueSide, console.Panel{Order: 30, Show: f.ofMoment})
	c.Offer(console.AlertSide, console.Panel{Order: 30, Show: f.ofMoment})
}

// parse reads what a person wrote.
func (f *face) parse(r *http.Request, text string) (query.Filter, error) {
	if strings.TrimSpace(text) == "" {
		return query.All{}, nil
	}
	return querytext.Parse(text, querytext.Options{Now: f.o.Now(), Zone: zoneOf(r)})
}

// wrongQuery is a problem for programs with the place of the mistake.
func wrongQuery(err error) error {
	var wrong *querytext.SyntaxError
	if errors.As(err, &wrong) {
		return &console.Problem{Status: http.StatusBadRequest, Title: "The query cannot be read", Detail: wrong.Error()}
	}
	return console.Invalid(err.Error())
}

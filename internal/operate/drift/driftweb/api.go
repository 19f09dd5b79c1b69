package driftweb

import (
	"net/http"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/lib/id"
	"github.com/vigie-ops/vigie/internal/operate/drift"
	"github.com/vigie-ops/vigie/internal/people"
)

// api is where the interface for programs is.
const api = "/api/vigie/v1"

func (f *face) registerAPI() {
	f.c.API("GET "+api+"/drift", people.Viewer, f.apiList, console.Doc{
		Summary: "What differs between servers and their playbooks", Answer: console.Items[item]{}, Query: console.Paged(
			console.One("state", "", string(drift.Open), string(drift.Ignored), string(drift.Gone)), console.Any("server", ""), console.Any("playbook", "")),
	})
	f.c.API("POST "+api+"/drift/look", people.Operator, f.apiLook, console.Doc{Summary: "Ask for checks now", Answer: console.Items[askedItem]{}})
}

// item is a finding in the API.
type item struct {
	ID        string      `json:"id"`
	State     drift.State `json:"state"`
	Server    string      `json:"server"`
	Playbook  string      `json:"playbook"`
	Task      string      `json:"task"`
	Action    string      `json:"action"`
	Path      string      `json:"path"` // in the repository, with the line
	FirstSeen time.Time   `json:"first_seen"`
	LastSeen  time.Time   `json:"last_seen"`
	Run       string      `json:"run"` // id of the last run that found it
	Diff      string      `json:"diff"`
	Ignored   *ignoreItem `json:"ignored"` // null unless it is
	GoneAt    *time.Time  `json:"gone_at"`
	GoneWhy   string      `json:"gone_why"`
	GoneRun   string      `json:"gone_run"`
}

type ignoreItem struct {
	ID     string     `json:"id"`
	Server string     `json:"server"` // empty for all
	By     string     `json:"by"`
	Reason string     `json:"reason"`
	At     time.Time  `json:"at"`
	Until  *time.Time `json:"until"`
}

func itemOf(one drift.Finding) item {
	out := item{
		ID: one.ID, State: drift.Open, Server: one.Server, Playbook: one.Playbook, Task: one.Task, Action: one.Action, Path: one.Path, FirstSeen: one.FirstSeen,
		LastSeen: one.LastSeen, Run: one.Run, Diff: one.Diff, GoneAt: moment(one.GoneAt), GoneWhy: string(one.GoneWhy), GoneRun: one.GoneRun,
	}
	if out.GoneAt != nil {
		out.State = drift.Gone
	}
	if ig := one.Ignore; ig != nil {
		out.State = drift.Ignored
		out.Ignored = &ignoreItem{ID: ig.ID, Server: ig.Server, By: ig.Who, Reason: ig.Reason, At: ig.At, Until: moment(ig.Until)}
	}
	return out
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (f *face) apiList(w http.ResponseWriter, r *http.Request) error {
	cursor, limit, err := console.PageOf(r)
	if err != nil {
		return err
	}
	if _, last, ok := strings.Cut(cursor, ":"); cursor != "" && (!ok || !id.Valid(last)) {
		return &console.Problem{Status: http.StatusBadRequest, Title: "Bad cursor", Detail: "cursor is what the page before gave as next, or left out."}
	}
	state, err := console.OneOf(r, "state", string(drift.Open), string(drift.Ignored), string(drift.Gone))
	if err != nil {
		return err
	}
	q := r.URL.Query()
	page, err := f.drift.List(r.Context(), drift.Filter{State: drift.State(state), Server: q.Get("server"), Playbook: q.Get("playbook"), After: cursor, Limit: limit})
	if err != nil {
		return err
	}
	items := make([]item, len(page.Items))
	for i, one := range page.Items {
		items[i] = itemOf(one)
	}
	return console.WriteItems(w, items, page.Next)
}

// askedItem is a check that was asked for, or why not.
type askedItem struct {
	Playbook string `json:"playbook"`
	Run      string `json:"run"` // id; empty if it was refused
	Number   int64  `json:"number"`
	Refused  string `json:"refused"`
}

func (f *face) apiLook(w http.ResponseWriter, r *http.Request) error {
	asked, err := f.drift.LookNow(r.Context())
	if err != nil {
		return tell(err)
	}
	items := make([]askedItem, len(asked))
	for i, a := range asked {
		items[i] = askedItem{Playbook: a.Playbook, Run: a.Run.ID, Number: a.Run.Number, Refused: a.Refused}
	}
	return console.WriteItems(w, items, "")
}

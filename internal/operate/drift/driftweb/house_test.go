package driftweb_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/operate/drift"
	"github.com/vigie-ops/vigie/internal/operate/drift/driftweb"
	"github.com/vigie-ops/vigie/internal/operate/playbook"
	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/signal"
	"github.com/vigie-ops/vigie/internal/ui"
)

// byHeader signs in whoever the header Role names.
type byHeader struct{}

func (byHeader) Authenticate(r *http.Request) (people.Actor, people.Session, error) {
	role := people.Role(r.Header.Get("Role"))
	if role == "" {
		return people.Actor{}, people.Session{}, people.ErrNobody
	}
	return people.Actor{Slug: "nadia", Name: "Nadia", Role: role, Via: people.ViaToken}, people.Session{}, nil
}

// house is a console with the pages of drift, over an office made up.
type house struct {
	t       *testing.T
	now     time.Time
	gen     *opsrepo.Generation
	watch   *drift.Watch
	console *console.Console
	ended   []run.Run
	hosts   map[string][]run.Host
	tasks   map[string][]run.Task
	results map[string][]run.Result
	refuse  error
	asked   int
	changed chan struct{}
}

func (h *house) Ask(_ context.Context, q run.Request) (run.Run, error) {
	if h.refuse != nil {
		return run.Run{}, h.refuse
	}
	h.asked++
	return run.Run{ID: "asked-" + q.Playbook, Number: 7, Playbook: q.Playbook}, nil
}

func (h *house) Accepted(context.Context) (opsrepo.Commit, error) {
	return opsrepo.Commit{Hash: "accepted"}, nil
}

func (h *house) Catalogue(context.Context, string) ([]playbook.Playbook, *fleet.Snapshot, error) {
	return playbook.Catalogue.Of(h.gen), fleet.NewSnapshot(h.gen), nil
}

func (h *house) EndedAfter(_ context.Context, seq int64, n int) ([]run.Run, error) {
	return h.ended[min(int(seq), len(h.ended)):min(int(seq)+n, len(h.ended))], nil
}

func (h *house) Tasks(_ context.Context, id string) ([]run.Task, error) { return h.tasks[id], nil }
func (h *house) Hosts(_ context.Context, id string) ([]run.Host, error) { return h.hosts[id], nil }

func (h *house) Results(_ context.Context, id string, f run.ResultFilter) ([]run.Result, bool, error) {
	at := 0
	for ; at < len(h.results[id]); at++ {
		if r := h.results[id][at]; r.Task > f.After.Task || r.Task == f.After.Task && r.Host > f.After.Host {
			break
		}
	}
	rest := h.results[id][at:]
	return rest[:min(f.Limit, len(rest))], len(rest) > f.Limit, nil
}

func (h *house) Report(context.Context, ...signal.Signal) error { return nil }

func (h *house) Record(context.Context, *db.Tx, string, string, string, map[string]any) error {
	return nil
}

// newHouse has a fleet of n servers, app-0000 and on, and one playbook.
func newHouse(t *testing.T, n int, catalogue string) *house {
	t.Helper()
	var ops strings.Builder
	ops.WriteString("vigie: 1\ncompany: {name: Halyard, domain: halyard.example, timezone: Europe/Paris}\nservers:\n")
	for i := range n {
		fmt.Fprintf(&ops, "  - {slug: app-%04d, address: 10.0.%d.%d}\n", i, i/250, i%250+1)
	}
	g, problems := opsrepo.Load(fstest.MapFS{
		"vigie.yaml": {Data: []byte(ops.String())}, "playbooks/vigie.yaml": {Data: []byte(catalogue)}, "playbooks/site.yml": {Data: []byte("[]")},
	}, slices.Concat(fleet.Sections(), playbook.Sections(), drift.Sections()))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	g.Commit = "one"
	h := &house{
		t: t, now: time.Date(2026, 11, 25, 2, 10, 0, 0, time.UTC), gen: g,
		changed: make(chan struct{}, 1),
		hosts:   map[string][]run.Host{}, tasks: map[string][]run.Task{}, results: map[string][]run.Result{},
	}
	clock := func() time.Time { return h.now }
	h.console = console.New(console.Options{Auth: byHeader{}, Log: slog.New(slog.DiscardHandler), Now: clock})
	h.console.RegisterNow()
	h.watch = drift.New(drift.Options{
		DB: dbtest.Open(t, dbtest.SQLite(t), drift.Tables), Now: clock, Office: h, Sink: h, Audit: h,
		Changed: func(string) {
			select {
			case h.changed <- struct{}{}:
			default: // it looks anyway
			}
		},
		Current: func() *opsrepo.Generation { return h.gen },
	})
	driftweb.Register(h.console, driftweb.Options{Drift: h.watch, Name: func(p string) string { return strings.ToUpper(p[:1]) + p[1:] }, Now: clock})
	return h
}

const site = "playbooks: [{slug: site, file: site.yml, name: Bring servers to their state, drift: true}]\n"

// check ends a check of all servers that found changes on some: by server.
func (h *house) check(found map[string][]run.Result, tasks ...run.Task) {
	h.t.Helper()
	r := run.Run{Kind: run.Check, State: run.Succeeded, Playbook: "site", Origin: drift.Origin, EndedAt: h.now, Seq: int64(len(h.ended) + 1)}
	r.Number, r.ID = r.Seq, fmt.Sprint("run-", r.Seq)
	for _, s := range fleet.NewSnapshot(h.gen).Servers() {
		r.Servers = append(r.Servers, s.Slug)
		h.hosts[r.ID] = append(h.hosts[r.ID], run.Host{Name: s.Slug, State: run.HostDone})
		for _, res := range found[s.Slug] {
			res.Host, res.Changed, res.Status = s.Slug, true, run.OK
			h.results[r.ID] = append(h.results[r.ID], res)
		}
	}
	slices.SortStableFunc(h.results[r.ID], func(a, b run.Result) int { return a.Task - b.Task })
	h.tasks[r.ID] = tasks
	h.ended = append(h.ended, r)
	h.work()
}

// work has the watch work until it knows what ended.
func (h *house) work() {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan error, 1)
	go func() { done <- h.watch.Run(ctx) }()
	for known := int64(0); known < int64(len(h.ended)); {
		select {
		case <-h.changed:
		case err := <-done:
			h.t.Fatalf("the watch stopped: %v", err)
		}
		looks, err := h.watch.Looks(h.t.Context())
		if err != nil {
			h.t.Fatal(err)
		}
		if len(looks) > 0 {
			known = looks[0].Number
		}
	}
	cancel()
	if err := <-done; err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) do(role people.Role, method, path string, form url.Values) (int, string) {
	h.t.Helper()
	r := httptest.NewRequestWithContext(h.t.Context(), method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Role", string(role))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	h.console.Handler().ServeHTTP(w, r)
	body := w.Body.String()
	if w.Code == http.StatusSeeOther {
		body = w.Header().Get("Location")
	}
	return w.Code, body
}

func (h *house) page(role people.Role, path string) string {
	h.t.Helper()
	code, body := h.do(role, http.MethodGet, path, nil)
	if code != http.StatusOK {
		h.t.Fatalf("GET %s: got %d, want 200\n%s", path, code, body)
	}
	return body
}

// panel renders what the pages of several rooms show.
func (h *house) panel(place console.Place, subject signal.Subject) string {
	h.t.Helper()
	var b strings.Builder
	for _, c := range h.console.Panels(ui.WithNow(h.t.Context(), h.now), place, console.About{Subject: subject}) {
		if err := c.Render(ui.WithNow(h.t.Context(), h.now), &b); err != nil {
			h.t.Fatal(err)
		}
	}
	return b.String()
}

func wants(t *testing.T, body string, texts ...string) {
	t.Helper()
	body = strings.ReplaceAll(body, "\u00a0", " ")
	for _, s := range texts {
		if !strings.Contains(body, s) {
			t.Errorf("%q is missing in\n%s", s, body)
		}
	}
}

func lacks(t *testing.T, body string, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if strings.Contains(body, s) {
			t.Errorf("%q is there", s)
		}
	}
}

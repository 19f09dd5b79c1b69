package probeweb_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/observe/probe"
	"github.com/vigie-ops/vigie/internal/observe/probe/probeweb"
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
	return people.Actor{Slug: "nadia", Name: "Nadia", Role: role}, people.Session{}, nil
}

// house is a console with the pages for probes.
type house struct {
	t       *testing.T
	console *console.Console
	face    *probeweb.Face
}

func newHouse(t *testing.T, p probeweb.Probes, change func(*probeweb.Options)) *house {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	c := console.New(console.Options{Auth: byHeader{}, Log: log})
	c.RegisterNow()
	o := probeweb.Options{Probes: p, Log: log, Address: func() string { return "https://hub.example.net/" }}
	if change != nil {
		change(&o)
	}
	return &house{t: t, console: c, face: probeweb.Register(c, o)}
}

func (h *house) do(role people.Role, method, path string) (int, string) {
	h.t.Helper()
	r := httptest.NewRequestWithContext(h.t.Context(), method, path, nil)
	r.Header.Set("Role", string(role))
	w := httptest.NewRecorder()
	h.console.Handler().ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func (h *house) page(path string) string {
	h.t.Helper()
	code, body := h.do(people.Viewer, http.MethodGet, path)
	if code != http.StatusOK {
		h.t.Fatalf("GET %s: got %d, want 200\n%s", path, code, body)
	}
	return body
}

// panel renders what the face shows of a subject.
func (h *house) panel(place console.Place, kind, slug string) string {
	h.t.Helper()
	now := time.Now()
	about := console.About{Subject: signal.Subject{Kind: kind, Slug: slug}, Range: ui.Range{From: now.Add(-4 * time.Hour), To: now, Key: "4h"}}
	var b strings.Builder
	for _, c := range h.console.Panels(h.t.Context(), place, about) {
		if err := c.Render(context.Background(), &b); err != nil {
			h.t.Fatal(err)
		}
	}
	return b.String()
}

// told is a probe room with answers made up by a test.
type told struct {
	probeweb.Probes
	status  []probe.Status
	outages []probe.Outage
	since   time.Time // of the uptime
	reads   *int      // of uptimes
}

func (f told) Status(s signal.Subject) []probe.Status {
	var out []probe.Status
	for _, st := range f.status {
		if s == (signal.Subject{}) || s == st.Subject {
			out = append(out, st)
		}
	}
	return out
}

func (f told) Outages(context.Context, probe.Filter) ([]probe.Outage, error) { return f.outages, nil }

func (f told) Uptimes(_ context.Context, subjects []signal.Subject, _ int) (map[signal.Subject]probe.History, error) {
	if f.reads != nil {
		*f.reads++
	}
	out := map[signal.Subject]probe.History{}
	for _, s := range subjects {
		out[s] = probe.History{Days: []probe.Day{{Date: time.Now(), Length: 10 * time.Hour, Down: time.Hour, Outages: 2}}, Since: f.since}
	}
	return out, nil
}

func (f told) HasHeartbeatToken(context.Context, string) (bool, error) { return false, nil }

// wants checks that a text has all of it; spaces that do not break count as
// plain ones.
func wants(t *testing.T, body string, texts ...string) {
	t.Helper()
	body = strings.ReplaceAll(body, "\u00a0", " ")
	for _, text := range texts {
		if !strings.Contains(body, text) {
			t.Errorf("%q is not there\n%s", text, body)
		}
	}
}

func wantsNot(t *testing.T, body string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(body, text) {
			t.Errorf("%q is there\n%s", text, body)
		}
	}
}

func escaped(s string) string { return url.PathEscape(s) }

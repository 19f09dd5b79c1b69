package metricsweb_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/a-h/templ"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/observe/metrics"
	"github.com/vigie-ops/vigie/internal/observe/metrics/metricstest"
	"github.com/vigie-ops/vigie/internal/observe/metrics/metricsweb"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/signal"
	"github.com/vigie-ops/vigie/internal/ui"
)

const repository = `vigie: 1
company: {name: Example, domain: example.net, timezone: Europe/Paris}
clients: [{slug: borealis, name: Borealis SA, account_manager: nadia}]
servers: [{slug: app-01, address: 192.0.2.1}]
instances: [{slug: shop, name: Shop, client: borealis, servers: [app-01]}]
`

// oneFleet is the fleet of the repository above.
type oneFleet struct{ s *fleet.Snapshot }

func (f oneFleet) Current() *fleet.Snapshot { return f.s }

// byHeader signs in whoever the header Role names.
type byHeader struct{}

func (byHeader) Authenticate(r *http.Request) (people.Actor, people.Session, error) {
	role := people.Role(r.Header.Get("Role"))
	if role == "" {
		return people.Actor{}, people.Session{}, people.ErrNobody
	}
	return people.Actor{Slug: "nadia", Name: "Nadia", Role: role}, people.Session{}, nil
}

// house is a console with the pages for metrics over a real engine.
type house struct {
	t       *testing.T
	now     time.Time
	room    *metrics.Room
	face    *metricsweb.Face
	console *console.Console
}

func newHouse(t *testing.T, engine metricsweb.Engine) *house {
	t.Helper()
	g, problems := opsrepo.Load(fstest.MapFS{"vigie.yaml": {Data: []byte(repository)}}, fleet.Sections())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	h := &house{t: t, now: time.Now().UTC().Truncate(10 * time.Minute)}
	o := metricsweb.Options{
		Engine: engine, Fleet: oneFleet{fleet.NewSnapshot(g)}, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return h.now },
	}
	if engine == nil {
		room, err := metrics.Open(t.Context(), metrics.Options{Dir: t.TempDir(), Sink: metricstest.NewBoard()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := room.Close(); err != nil {
				t.Error(err)
			}
		})
		h.room, o.Engine, o.API = room, room, room.API()
	}
	h.console = console.New(console.Options{Auth: byHeader{}, Log: o.Log, Now: o.Now})
	h.face = metricsweb.Register(h.console, o)
	return h
}

// every writes a series: one value for each minute of the last hours.
func (h *house) every(hours int, name string, value func(minute int) float64, labels ...string) {
	h.t.Helper()
	ls := map[string]string{"__name__": name, "server": "app-01"}
	for i := 0; i < len(labels); i += 2 {
		ls[labels[i]] = labels[i+1]
	}
	var samples []metrics.Sample
	for m := range hours*60 + 1 {
		samples = append(samples, metrics.Sample{Labels: ls, T: h.now.Add(time.Duration(m-hours*60) * time.Minute), V: value(m)})
	}
	if err := h.room.Write(h.t.Context(), samples); err != nil {
		h.t.Fatal(err)
	}
}

func fixed(v float64) func(int) float64 { return func(int) float64 { return v } }

// growing is a counter that gains so much each second.
func growing(each float64) func(int) float64 {
	return func(m int) float64 { return each * 60 * float64(m) }
}

func (h *house) do(role people.Role, method, path, body string) (int, string) {
	h.t.Helper()
	r := httptest.NewRequestWithContext(h.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Role", string(role))
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	h.console.Handler().ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// panels renders what the face shows of a subject.
func (h *house) panels(place console.Place, subject signal.Subject, length time.Duration) string {
	h.t.Helper()
	about := console.About{Subject: subject, Range: ui.Range{From: h.now.Add(-length), To: h.now}}
	return h.render(h.console.Panels(h.t.Context(), place, about))
}

func (h *house) render(cs []templ.Component) string {
	h.t.Helper()
	var b strings.Builder
	for _, c := range cs {
		if err := c.Render(context.Background(), &b); err != nil {
			h.t.Fatal(err)
		}
	}
	return b.String()
}

// wants checks that a text has all of it; units stand behind a space that does
// not break, which is read as a plain one.
func wants(t *testing.T, body string, texts ...string) {
	t.Helper()
	body = strings.ReplaceAll(body, "\u00a0", " ")
	for _, text := range texts {
		if !strings.Contains(body, text) {
			t.Errorf("%q is not there\n%s", text, body)
		}
	}
}

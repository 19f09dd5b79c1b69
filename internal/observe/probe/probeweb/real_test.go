package probeweb_test

import (
	"context"
	"errors"
	"html"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/observe/probe"
	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
	"github.com/vigie-ops/vigie/internal/observe/probe/probeweb"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/signal"
)

const repository = `vigie: 1
company: {name: Example, domain: example.net, timezone: Europe/Paris}
clients: [{slug: borealis, name: Borealis SA, account_manager: nadia}]
servers: [{slug: app-01, address: 192.0.2.1, ports: []}]
instances: [{slug: shop, name: Shop, client: borealis, servers: [app-01]}]
probes:
  - {slug: shop-page, name: Status page, kind: http, instance: shop, url: "https://shop.example/status", interval: 1s, timeout: 1s, confirmations: 1, recoveries: 1}
  - {slug: app-01-db, name: Database port, kind: tcp, server: app-01, port: 5432, interval: 1s, timeout: 1s}
  - {slug: nightly, name: Nightly import, kind: heartbeat, instance: shop, every: 1d}
`

// world answers probes, and hears what is reported.
type world struct {
	bad   atomic.Bool
	heard chan signal.State
}

func (w *world) Run(_ context.Context, t prober.Target) prober.Result {
	r := prober.Result{At: time.Now().UTC(), OK: true, Duration: 30 * time.Millisecond, Status: 200,
		Phases: prober.Phases{DNS: time.Millisecond, TLS: 9 * time.Millisecond}, CertificateNotAfter: time.Now().Add(61*24*time.Hour + time.Hour)}
	if w.bad.Load() && t.Kind == prober.HTTP {
		r.OK, r.Status, r.Error = false, 502, "answered 502, expected 200-299"
	}
	return r
}

func (w *world) Report(_ context.Context, signals ...signal.Signal) error {
	for _, s := range signals {
		select {
		case w.heard <- s.State:
		default: // a report is repeated; the first is enough
		}
	}
	return nil
}

func (w *world) wait(t *testing.T, want signal.State) {
	t.Helper()
	for {
		select {
		case got := <-w.heard:
			if got == want {
				return
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("no signal %q", want)
		}
	}
}

func open(t *testing.T, w *world) *probe.Service {
	t.Helper()
	g, problems := opsrepo.Load(fstest.MapFS{"vigie.yaml": {Data: []byte(repository)}}, append(fleet.Sections(), probe.Sections()...))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	d := dbtest.Open(t, dbtest.SQLite(t), probe.Schema())
	s := probe.New(probe.Options{DB: d, Prober: w, Sink: w, Log: slog.New(slog.DiscardHandler)})
	if err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error { return s.ApplyOps(ctx, tx, g) }); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAnOutageShowsWhereverSomebodyLooks(t *testing.T) {
	w := &world{heard: make(chan signal.State, 16)}
	w.bad.Store(true)
	s := open(t, w)
	h := newHouse(t, s, nil)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})

	w.wait(t, signal.Firing)
	wants(t, h.page("/probes"), "down for", "answered 502, expected 200-299", `href="/instances/shop"`)
	wants(t, h.page("/probes/shop-page"), "down for", "https://shop.example/status", "seen from hub", "vigie.yaml:7")
	wants(t, h.panel(console.InstanceMain, signal.Instance, "shop"), "Status page", "61 days", "name 1 ms · TLS 9 ms", "502")
	wants(t, h.page("/"), "Down:", "shop, shop-page")

	w.bad.Store(false)
	w.wait(t, signal.Resolved)
	wants(t, h.page("/probes?state=up"), "shop-page")
	wants(t, h.page("/"), "Well again after")
	wants(t, h.panel(console.ServerHalf, signal.Server, "app-01"), "Database port")
	got, err := h.face.Availability(t.Context(), []string{"shop"})
	if err != nil || len(got["shop"].Days) != 90 {
		t.Errorf("Availability: got %d days, %v; want 90", len(got["shop"].Days), err)
	}
}

func TestAHeartbeatComesInAtTheAddressThatWasShown(t *testing.T) {
	var recorded []string
	w := &world{heard: make(chan signal.State, 16)}
	h := newHouse(t, open(t, w), func(o *probeweb.Options) {
		o.Audit = func(_ context.Context, a people.Actor, verb, object string) error {
			recorded = append(recorded, a.Slug+" "+verb+" "+object)
			return nil
		}
	})
	wants(t, h.page("/probes/nightly"), "waiting for the first one", "There is no token yet", "https://hub.example.net/heartbeat/nightly/TOKEN")

	code, body := h.do(people.Operator, http.MethodPost, "/probes/nightly/address")
	at := strings.Index(body, "/heartbeat/nightly/")
	if code != http.StatusOK || at < 0 {
		t.Fatalf("got %d without an address\n%s", code, body)
	}
	address, _, _ := strings.Cut(html.UnescapeString(body[at:]), "<")
	if len(recorded) != 1 || recorded[0] != "nadia heartbeat.token probe:nightly" {
		t.Errorf("recorded %q", recorded)
	}
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		if code, body := h.do("", method, address); code != http.StatusOK || body != "ok\n" {
			t.Errorf("%s: got %d %q, want 200 ok", method, code, body)
		}
		if code, _ := h.do("", method, address+"x"); code != http.StatusNotFound {
			t.Errorf("%s with another token: got %d, want 404", method, code)
		}
	}
	wants(t, h.page("/probes/nightly"), "well", "The token was shown when it was made")
	wantsNot(t, h.page("/probes/nightly"), address)
}

func TestWhoMayMakeAnAddress(t *testing.T) {
	w := &world{heard: make(chan signal.State, 16)}
	s := open(t, w)
	h := newHouse(t, s, func(o *probeweb.Options) {
		o.Audit = func(context.Context, people.Actor, string, string) error { return errors.New("disk full") }
	})
	for _, c := range []struct {
		role people.Role
		slug string
		want int
	}{
		{"", "nightly", http.StatusUnauthorized},
		{people.Viewer, "nightly", http.StatusForbidden},
		{people.Responder, "nightly", http.StatusForbidden},
		{people.Operator, "shop-page", http.StatusUnprocessableEntity},
		{people.Operator, "nobody", http.StatusNotFound},
		{people.Operator, "nightly", http.StatusInternalServerError}, // not recorded, not done
	} {
		if got, _ := h.do(c.role, http.MethodPost, "/probes/"+c.slug+"/address"); got != c.want {
			t.Errorf("%s for %s: got %d, want %d", c.role, c.slug, got, c.want)
		}
	}
	if has, err := s.HasHeartbeatToken(t.Context(), "nightly"); err != nil || has {
		t.Errorf("a token was made without a record: %v, %v", has, err)
	}
}

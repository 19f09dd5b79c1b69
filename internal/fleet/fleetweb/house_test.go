package fleetweb_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/vigie-ops/vigie/internal/audit"
	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/fleet/enrol"
	"github.com/vigie-ops/vigie/internal/fleet/fleetweb"
	"github.com/vigie-ops/vigie/internal/keyring"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/wire"
)

const small = `
company: {name: Example, domain: example.net, timezone: Europe/Paris}
people:
  - {slug: nadia, name: Nadia Roche, email: nadia@example.net}
clients:
  - {slug: borealis, name: Borealis SA, account_manager: nadia, language: fr, timezone: Europe/Zurich}
  - {slug: quiet, name: Quiet AG, account_manager: nadia}
projects:
  - {slug: shop, name: Web shop, client: borealis}
servers:
  - {slug: app-01, address: 192.0.2.1, roles: [app], provider: Scaleway}
  - {slug: app-02, address: 192.0.2.2, roles: [app, web], ring: staging}
  - {slug: fw-01, address: 192.0.2.9, appliance: true, version: OPNsense 26.1}
instances:
  - slug: shop
    name: Shop
    client: borealis
    project: shop
    servers: [app-01]
    components: [{slug: api, name: API}]
    urls: ["https://shop.example"]
  - {slug: portal, name: Portal, client: borealis, environment: staging, servers: [app-02]}
`

// house is a console with the fleet's pages over real services.
type house struct {
	t         *testing.T
	now       time.Time
	hearing   *fleet.Hearing
	facts     *fleet.Facts
	authority *enrol.Authority
	audit     *audit.Log
	wrong     []fleetweb.Wrong
	handler   http.Handler
	console   *console.Console
}

// Wrong implements fleetweb.Health.
func (h *house) Wrong(context.Context) ([]fleetweb.Wrong, error) { return h.wrong, nil }

// byHeader signs in whoever the header Role names.
type byHeader struct{}

func (byHeader) Authenticate(r *http.Request) (people.Actor, people.Session, error) {
	role := people.Role(r.Header.Get("Role"))
	if role == "" {
		return people.Actor{}, people.Session{}, people.ErrNobody
	}
	return people.Actor{Slug: "nadia", Name: "Nadia", Role: role, Via: people.ViaToken}, people.Session{}, nil
}

func newHouse(t *testing.T, repository string, change func(*fleetweb.Options)) *house {
	t.Helper()
	ctx := t.Context()
	g, problems := opsrepo.Load(fstest.MapFS{"vigie.yaml": {Data: []byte("vigie: 1\n" + repository)}}, append(fleet.Sections(), people.Sections()...))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	d := dbtest.Open(t, dbtest.SQLite(t), fleet.Tables, enrol.Tables, keyring.Tables, audit.Tables)
	f := fleet.New()
	if err := d.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return f.ApplyOps(ctx, tx, g) }); err != nil {
		t.Fatal(err)
	}
	keys, err := keyring.Open(ctx, d, []byte("q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA="))
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, now: time.Now().UTC().Truncate(time.Second), audit: audit.New(d), facts: fleet.NewFacts(d)}
	log := slog.New(slog.DiscardHandler)
	h.hearing = fleet.NewHearing(d, log)
	h.authority, err = enrol.Open(ctx, enrol.Options{DB: d, Keys: keys, Audit: h.audit, Log: log, Server: func(slug string) (appliance, known bool) {
		s, ok := f.Current().Server(slug)
		return s.Appliance, ok
	}})
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return h.now }
	directory := people.NewDirectory(g)
	h.console = console.New(console.Options{Auth: byHeader{}, Log: log, Now: clock})
	h.console.RegisterNow()
	o := fleetweb.Options{
		Fleet: f, Hearing: h.hearing, Facts: h.facts, Authority: h.authority, Health: h, Now: clock,
		People: func() *people.Directory { return directory },
		Agents: func() string { return "https://hub.example.net:8443" },
	}
	if change != nil {
		change(&o)
	}
	fleetweb.Register(h.console, o)
	h.handler = h.console.Handler()
	return h
}

func (h *house) do(role people.Role, method, path string, form url.Values) (int, string) {
	h.t.Helper()
	r := httptest.NewRequestWithContext(h.t.Context(), method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Role", string(role))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// page reads a page as a viewer and insists that it is there.
func (h *house) page(path string) string {
	h.t.Helper()
	code, body := h.do(people.Viewer, http.MethodGet, path, nil)
	if code != http.StatusOK {
		h.t.Fatalf("GET %s: got %d, want 200\n%s", path, code, body)
	}
	return body
}

func (h *house) heard(server string, ago time.Duration) {
	h.hearing.Heard(server, h.now.Add(-ago), wire.Heartbeat{Version: 1, Agent: "0.4.2", Sent: h.now.Add(-ago)})
}

func (h *house) fact(server, kind string, body any) {
	h.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		h.t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	if _, err := h.facts.Put(h.t.Context(), fleet.Fact{Server: server, Kind: kind, At: h.now, Hash: hex.EncodeToString(sum[:]), Body: b}); err != nil {
		h.t.Fatal(err)
	}
}

// wants checks that a page says all of it.
func wants(t *testing.T, body string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(body, text) {
			t.Errorf("the page does not say %q\n%s", text, body)
		}
	}
}

// wantsNot checks that a page says none of it.
func wantsNot(t *testing.T, body string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(body, text) {
			t.Errorf("the page says %q\n%s", text, body)
		}
	}
}

package logs_test

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/observe/logs"
	"github.com/vigie-ops/vigie/internal/observe/logs/ingest"
	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/signal"
)

const company = `vigie: 1
company: {name: Halyard, domain: halyard.example, timezone: Europe/Paris}
people:
  - {slug: ada, name: Ada, email: ada@halyard.example, role: admin}
clients:
  - {slug: north, name: North, account_manager: ada}
servers:
  - {slug: app-01, address: 192.0.2.1, roles: [app]}
  - {slug: app-02, address: 192.0.2.2, name: web-two, roles: [app]}
instances:
  - {slug: borealis, name: Borealis, client: north, servers: [app-01], urls: ["https://borealis.example"]}
`

func load(more string) (*opsrepo.Generation, opsrepo.Problems) {
	return opsrepo.Load(fstest.MapFS{"vigie.yaml": {Data: []byte(company)}, "logs.yaml": {Data: []byte(more)}}, slices.Concat(fleet.Sections(), people.Sections(), logs.Sections()))
}

type sink struct {
	heard chan struct{}
	sent  []signal.Signal
}

func (s *sink) Report(_ context.Context, all ...signal.Signal) error {
	s.sent = append(s.sent, all...)
	close(s.heard)
	return nil
}

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// open opens a room with sections of an operations repository.
func open(t *testing.T, dir, sections string, to signal.Sink) *logs.Room {
	t.Helper()
	g, problems := load(sections)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	r, err := logs.Open(logs.Options{Dir: dir, Sink: to, Registry: prometheus.NewRegistry(), Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	d := dbtest.Open(t, dbtest.SQLite(t))
	if err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error { return r.ApplyOps(ctx, tx, g) }); err != nil {
		t.Fatal(err)
	}
	return r
}

const sections = `log_routes:
  - {slug: shop-index, index: "shop-*", instance: borealis, class: application}
  - {slug: shop-files, path: "/srv/borealis/*", instance: borealis}
  - {slug: shop-host, vhost: "*.borealis.example", instance: borealis, class: web, as: shop-web}
  - {slug: compose, where: {container.labels.project: borealis}, server: app-01, instance: borealis}
  - {slug: cron, unit: "cron.service", class: jobs}
log_policy:
  keep: 10d
  rules:
    - {class: auth, keep: 100d}
    - {client: north, class: web, keep: 5d}
    - {instance: borealis, keep: 20d}
    - {server: app-02, keep: 1d}
  caps: [{instance: borealis, gigabytes: 0.5}]
  holds: [{server: app-02, reason: "the court of Rennes, 12/2026"}]
`

func TestLinesBelongToWhomRoutesSay(t *testing.T) {
	room := open(t, t.TempDir(), sections, nil)
	send := func(server, path, body string) {
		t.Helper()
		r := httptest.NewRequestWithContext(ingest.With(t.Context(), ingest.Sender{Server: server}), "POST", path, strings.NewReader(body))
		w := httptest.NewRecorder()
		room.Intake().Elasticsearch().ServeHTTP(w, r)
		if w.Code != 201 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	for _, c := range []struct{ server, index, doc, owner, class, service string }{
		{"app-01", "shop-2026", `{"message":"0"}`, "instance:borealis", "application", ""},
		{"app-01", "x", `{"message":"1","log":{"file":{"path":"/srv/borealis/log/access.log"}}}`, "instance:borealis", "application", ""},
		{"app-02", "x", `{"message":"2","url":{"domain":"www.borealis.example"},"service":"nginx"}`, "instance:borealis", "web", "shop-web"},
		{"app-01", "x", `{"message":"3","container":{"labels":{"project":"borealis"}}}`, "instance:borealis", "application", ""},
		{"app-02", "x", `{"message":"4","container":{"labels":{"project":"borealis"}}}`, "server:app-02", "application", ""},
		{"app-02", "x", `{"message":"5","systemd":{"unit":"cron.service"}}`, "server:app-02", "jobs", ""},
		{"", "x", `{"message":"6","hostname":"APP-02.internal.example","service":"sshd"}`, "server:app-02", "auth", "sshd"},
		{"", "x", `{"message":"7","host":{"name":"web-two"},"systemd":{"unit":"a.service"}}`, "server:app-02", "system", ""},
		{"", "x", `{"message":"8","host":"192.0.2.1"}`, "server:app-01", "application", ""},
		{"", "x", `{"message":"9","host":"elsewhere"}`, "server:unknown", "application", ""},
	} {
		send(c.server, "/"+c.index+"/_doc", c.doc)
		res, err := room.Search(t.Context(), query.Request{Sort: []query.Sort{{Field: record.Seq, Desc: true}}, Size: 1})
		if err != nil || len(res.Hits) != 1 {
			t.Fatal(res, err)
		}
		h := res.Hits[0]
		service, _ := h.Get(record.Service)
		if h.Owner.String() != c.owner || h.Class != c.class || service.Str != c.service || h.Index != c.index {
			t.Errorf("%s of %q is %s, %s, %q, want %s, %s, %q", c.doc, c.server, h.Owner, h.Class, service.Str, c.owner, c.class, c.service)
		}
		client, _ := h.Get(record.Client)
		if (client.Str == "north") != (c.owner == "instance:borealis") {
			t.Errorf("%s has the client %q", c.doc, client.Str)
		}
	}
}

func TestThePolicySaysHowLongLinesAreKept(t *testing.T) {
	room := open(t, t.TempDir(), sections, nil)
	const day = 24 * time.Hour
	for _, c := range []struct {
		owner record.Owner
		class string
		days  int
	}{
		{record.ServerOwner("app-01"), "system", 10}, {record.ServerOwner("app-01"), "auth", 100}, {record.InstanceOwner("borealis"), "web", 5},
		{record.InstanceOwner("borealis"), "application", 20}, {record.ServerOwner("app-02"), "web", 1},
	} {
		if got := room.Keeps(c.owner, c.class); got != time.Duration(c.days)*day {
			t.Errorf("%s of %s is kept %v, want %d days", c.class, c.owner, got, c.days)
		}
	}
	if room := open(t, t.TempDir(), "", nil); room.Keeps(record.ServerOwner("app-01"), "web") != logs.DefaultKeep {
		t.Error("without a policy it is another time than 8 weeks")
	}
	if _, err := room.Erase(t.Context(), record.ServerOwner("app-02")); err == nil || !strings.Contains(err.Error(), "legal hold") {
		t.Errorf("what is held is erased: %v", err)
	}
}

func TestMistakesInRoutesAndPolicyNameTheirPlace(t *testing.T) {
	_, problems := load(`log_routes:
  - {slug: a, instance: borealis}
  - {slug: b, index: "x-*"}
  - {slug: c, index: "[", instance: borealis}
  - {slug: d, index: "x", class: "Not A Class"}
  - {slug: e, where: {vigie.owner: x}, instance: borealis}
  - {slug: f, path: "x", instance: boreal}
log_policy:
  rules: [{instance: borealis, server: app-01, keep: 1d}, {keep: 2d}]
  caps: [{gigabytes: 1}, {server: app-01, gigabytes: 0.0001}]
  holds: [{instance: borealis}]
  on_servers: {web: 1h}
`)
	var got []string
	for _, p := range problems {
		got = append(got, p.String())
	}
	for _, want := range []string{
		`logs.yaml:2:5: the route "a" takes no line in particular`, `logs.yaml:3:5: the route "b" changes nothing`, `logs.yaml:4:5: the route "c": "[" is no pattern`,
		`logs.yaml:5:34: "Not A Class" is no class`, `logs.yaml:6:22: "vigie.owner" is no field that a sender sets`, `did you mean "borealis"`,
		`logs.yaml:9:11: a rule is of one instance, one client or one server`, `logs.yaml:9:59: this rule is about all lines`,
		`logs.yaml:10:10: a cap is of one owner`, `logs.yaml:10:54: a cap is at least 0.001`, `logs.yaml:11:11: the key "reason" is missing`, `logs.yaml:12:15: write a class and at least 1d`,
	} {
		if !slices.ContainsFunc(got, func(line string) bool { return strings.Contains(line, want) }) {
			t.Errorf("no line has %s", want)
		}
	}
	if t.Failed() {
		t.Log(strings.Join(got, "\n"))
	}
}

func TestDamageIsAnAlert(t *testing.T) {
	dir, to := t.TempDir(), &sink{heard: make(chan struct{})}
	if err := os.MkdirAll(filepath.Join(dir, "parts/server/app-01/web/2026-11-25"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "parts/server/app-01/web/2026-11-25/lines-1-0.parquet"), []byte("PAR1 nonsense PAR1"), 0o600); err != nil {
		t.Fatal(err)
	}
	room := open(t, dir, "", to)
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for _, s := range room.Services() {
		all.Go(func() { _ = s.Run(ctx) })
	}
	<-to.heard
	cancel()
	all.Wait()
	if s := to.sent[0]; s.Name() != "LogsDamaged" || s.State != signal.Firing || !strings.Contains(s.Annotations[signal.Description], "aside/server_app-01_web_2026-11-25_lines-1-0.parquet") {
		t.Errorf("told %+v", s)
	}
}

package probe_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/observe/probe"
	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/signal"
)

type person struct {
	Slug string `yaml:"slug" ops:"required,slug"`
}

var people = opsrepo.NewList("people", opsrepo.ListOptions[person]{Kind: "person"})

const company = `vigie: 1
company: {name: Tidal, domain: tidal.example, timezone: Europe/Paris}
people: [{slug: nadia}]
clients: [{slug: aurora, name: Aurora SA, account_manager: nadia}]
projects: [{slug: north, name: North, client: aurora}]
instances:
  - {slug: borealis, name: Borealis, client: aurora, project: north, servers: [app-1], components: [{slug: web, name: Web}]}
  - {slug: trial, name: Trial, client: aurora, environment: staging, servers: [app-1]}
servers:
  - {slug: app-1, address: 192.0.2.1, ring: production}
  - {slug: app-2, address: 192.0.2.2, ports: [22]}
  - {slug: fw-1, address: 192.0.2.3, ports: [], appliance: true}
`

func load(t *testing.T, probes string) (*opsrepo.Generation, opsrepo.Problems) {
	t.Helper()
	sections := append(append(fleet.Sections(), people), probe.Sections()...)
	return opsrepo.Load(fstest.MapFS{
		"vigie.yaml":  {Data: []byte(company)},
		"probes.yaml": {Data: []byte(probes)},
	}, sections)
}

func TestProbesBecomePlans(t *testing.T) {
	g, problems := load(t, `probes:
  - slug: borealis-page
    kind: http
    instance: borealis
    component: web
    url: https://borealis.example/health
    expect:
      status: [200, 3xx]
      json: {path: status, equals: true}
      certificate_days: 30
  - {slug: trial-page, kind: http, instance: trial, url: "https://trial.example/", expect: {status: 200}}
  - {slug: ssh, kind: tcp, server: app-1, port: 22, interval: 1m, from: [hub, app-2], severity: critical}
  - {slug: name, kind: dns, address: borealis.example, record: MX, expect: {values: ["10 mail"]}}
  - {slug: echo, kind: icmp, server: app-2}
  - {slug: nightly, kind: heartbeat, server: app-1, every: 1d, grace: 30m}
`)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	plans := map[string]probe.Plan{}
	var slugs []string
	for _, p := range probe.Plans(g) {
		plans[p.Slug] = p
		slugs = append(slugs, p.Slug)
	}
	// The entry for port 22 of app-1 stands for the implicit one.
	if got, want := strings.Join(slugs, " "), "app-1:443 app-1:80 app-2:22 borealis-page echo name nightly ssh trial-page"; got != want {
		t.Fatalf("plans %s, want %s", got, want)
	}
	page := plans["borealis-page"]
	page.Pos = opsrepo.Pos{}
	want := probe.Plan{
		Slug: "borealis-page", Name: "borealis-page", Kind: "http", Subject: signal.Subject{Kind: signal.Instance, Slug: "borealis"}, Component: "web",
		Labels:   map[string]string{"app_instance": "borealis", "client": "aurora", "project": "north"},
		Severity: signal.Critical, CertificateDays: 30, Own: []string{"app-1"}, Grace: time.Minute,
		Rules: probe.Rules{Confirmations: 2, Recoveries: 2, Fresh: 70 * time.Second},
		Target: prober.Target{ID: "borealis-page", Kind: prober.HTTP, URL: "https://borealis.example/health", Method: "GET",
			Interval: 30 * time.Second, Timeout: 10 * time.Second,
			Expect: prober.Expect{Status: []prober.StatusRange{{From: 200, To: 200}, {From: 300, To: 399}}, JSON: &prober.JSONCondition{Path: "status", Equals: "true"}}},
	}
	if diff := cmp.Diff(want, page); diff != "" {
		t.Errorf("the page (-want +got):\n%s", diff)
	}
	for slug, severity := range map[string]signal.Severity{"trial-page": signal.Warning, "ssh": signal.Critical, "app-1:80": signal.Warning, "name": signal.Warning} {
		if got := plans[slug].Severity; got != severity {
			t.Errorf("%s is %s, want %s", slug, got, severity)
		}
	}
	if got := plans["echo"].Target.Address; got != "192.0.2.2" {
		t.Errorf("the ping goes to %q, want the server's address", got)
	}
	if got := plans["app-1:443"]; !got.Implicit || got.Target.Port != 443 || got.Target.Address != "192.0.2.1" {
		t.Errorf("the implicit port is %+v", got)
	}
	if got := plans["nightly"]; got.Every != 24*time.Hour || got.Grace != 30*time.Minute {
		t.Errorf("the heartbeat is %+v", got)
	}
}

func TestWrongProbesAreReportedWithTheirPlace(t *testing.T) {
	f := func(entry string, want ...string) {
		t.Helper()
		_, problems := load(t, "probes:\n  - "+entry+"\n")
		if len(problems) != len(want) {
			t.Errorf("%s: %d problems, want %d: %v", entry, len(problems), len(want), problems)
			return
		}
		for i, w := range want {
			if got := problems[i].String(); !strings.HasPrefix(got, "probes.yaml:2:") || !strings.Contains(got, w) {
				t.Errorf("%s:\n got %s\nwant %s", entry, got, w)
			}
		}
	}
	f("{slug: a, kind: http}", "needs a url that begins with http:// or https://")
	f("{slug: a, kind: tcp, address: x}", "needs a port between 1 and 65535")
	f("{slug: a, kind: tcp, port: 22}", "needs an address")
	f("{slug: a, kind: tcp, port: 22, server: app-1}")
	f("{slug: a, kind: icmp}", "needs an address")
	f("{slug: a, kind: dns, address: x, record: ZZ}", `no DNS record of type "ZZ"`)
	f("{slug: a, kind: tcp, server: app-1, instance: borealis, port: 1, address: x}", "is about an instance or a server, not both")
	f("{slug: a, kind: tcp, server: app-1, component: web, port: 1}", "a component belongs to an instance")
	f("{slug: a, kind: tcp, server: app-1, port: 1, url: \"http://x\", method: GET}", "a probe of kind tcp has no url; only http has", "a probe of kind tcp has no method; only http has")
	f("{slug: a, kind: icmp, server: app-1, expect: {status: 200}}", "a probe of kind icmp has no expect.status; only http has")
	f("{slug: a, kind: http, url: \"http://x\", interval: 5s}", "the timeout 10s is longer than the interval 5s")
	f("{slug: a, kind: http, url: \"http://x\", expect: {body_matches: \"(\"}}", "body_matches is no regular expression")
	f("{slug: a, kind: http, url: \"http://x\", expect: {status: 20}}", `"20" is no HTTP status`)
	f("{slug: a, kind: http, url: \"http://x\", expect: {status: {a: b}}}", "is no HTTP status; write one like 200")
	f("{slug: a, kind: http, url: \"http://x\", expect: {json: {path: \"a[\", equals: 1}}}", "a bracket is not closed")
	f("{slug: a, kind: http, url: \"http://x\", expect: {json: {path: a, equals: [1]}}}", "equals is a list or a mapping")
	f("{slug: a, kind: icmp, server: app-1, from: [hubb, app-2, app-2, app-1]}", `there is no place "hubb" (did you mean "hub"?)`, `"app-2" stands there twice`, `server "app-1" would look at itself`)
	f("{slug: a, kind: icmp, server: app-1, from: [fw-1]}", `"fw-1" is an appliance, and no agent can look from there; places are hub and the slugs of servers with an agent`)
	// What follows from a mistake is not told beside it.
	f("{slug: a, kind: htp, url: x.example}", `kind "htp" does not exist (did you mean "http"?)`, `url: "x.example" is no URL`)
	f("{slug: a, kind: http, url: x.example}", `url: "x.example" is no URL`)
	f("{slug: a, kind: http, ulr: \"http://x\"}", `unknown key "ulr"`)
	f("{slug: a, kind: http, url: \"http://x\", interval: often}", `interval: "often" is no duration`)
	f("{slug: a, kind: heartbeat, every: often}", `every: "often" is no duration`)
	f("{slug: a, kind: heartbeat}", "write every: with 10s or more")
	f("{slug: a, kind: heartbeat, every: 1m, from: [hub]}", "a probe of kind heartbeat has no from")
	f("{slug: a, kind: tcp, server: app-1, port: 1, every: 1m}", "a probe of kind tcp has no every; only heartbeat has")
	f("{slug: a, kind: icmp, server: app-9}", "app-9")
}

func TestTheSectionHasASchemaForEditors(t *testing.T) {
	if b := opsrepo.Schema(append(append(fleet.Sections(), people), probe.Sections()...)); !strings.Contains(string(b), "certificate_days") {
		t.Error("the schema does not know certificate_days")
	}
}

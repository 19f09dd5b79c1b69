package fleetweb_test

import (
	"context"
	"errors"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"github.com/vigie-ops/vigie/internal/audit"
	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/fleet/enrol"
	"github.com/vigie-ops/vigie/internal/fleet/fleetweb"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/signal"
	"github.com/vigie-ops/vigie/internal/ui"
	"github.com/vigie-ops/vigie/internal/wire"
)

func TestAServerSaysWhatIsKnownOfIt(t *testing.T) {
	h := newHouse(t, small, nil)
	h.heard("app-01", 7*time.Second)
	h.wrong = []fleetweb.Wrong{{Servers: []string{"app-01"}, Severity: signal.Warning, Words: "unusual CPU"}}
	h.fact("app-01", wire.FactOS, wire.OS{PrettyName: "Debian GNU/Linux 12", Kernel: "6.1.0-42-amd64", CPUs: 4, MemoryBytes: 8 << 30, Architecture: "amd64"})
	h.fact("app-01", wire.FactPorts, wire.Ports{Ports: []wire.Port{{Protocol: "tcp", Address: "0.0.0.0", Port: 443, Process: "nginx"}, {Protocol: "tcp", Address: "127.0.0.1", Port: 5432, Process: "postgres"}}})
	h.fact("app-01", wire.FactSSHHostKeys, wire.SSHHostKeys{Keys: []string{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"}})
	h.fact("app-01", wire.FactPackages, wire.Packages{Manager: "dpkg", Packages: []wire.Package{{Name: "openssl", Version: "3.0.1"}}})

	body := h.page("/servers/app-01")
	wants(t, body, "unusual CPU", "heard 7 s ago", "agent 0.4.2", "Debian GNU/Linux 12", "6.1.0-42-amd64",
		"443/tcp", "nginx", "everywhere", "this machine only", "1 package of dpkg", `href="/instances/shop"`, "vigie.yaml:12", `href="/operations/files/vigie.yaml#L12"`)
	wants(t, body, "SSH host keys", "SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA", "ssh-ed25519")
	wantsNot(t, body, "AAAAC3NzaC1lZDI1NTE5")
	wants(t, h.page("/servers/app-01/facts/ssh_host_keys"), "SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA")
	wants(t, h.page("/servers/app-01/facts/packages"), "openssl", "3.0.1")
}

func TestTextOfOutsidersStaysText(t *testing.T) {
	h := newHouse(t, small, nil)
	const evil = `<script>alert("x")</script>`
	h.heard("app-01", time.Second)
	h.wrong = []fleetweb.Wrong{{Servers: []string{"app-01"}, Instances: []string{"shop"}, Severity: signal.Critical, Words: evil}}
	h.fact("app-01", wire.FactOS, wire.OS{PrettyName: evil, Hostname: evil, Kernel: evil})
	h.fact("app-01", wire.FactPorts, wire.Ports{Ports: []wire.Port{{Protocol: evil, Address: evil, Port: 1, Process: evil}}})
	h.fact("app-01", wire.FactUsers, wire.Users{Users: []wire.User{{Name: evil, Home: evil, Shell: evil}}})
	h.fact("app-01", wire.FactStale, wire.Stale{Processes: []wire.StaleProcess{{Process: evil, Unit: evil, Files: []string{evil}}}})
	h.fact("app-01", wire.FactCertificates, wire.Certificates{Certificates: []wire.Certificate{{Path: evil, Names: []string{evil}, Error: evil}}})
	h.fact("app-01", wire.FactSSHHostKeys, wire.SSHHostKeys{Keys: []string{evil, "ssh-ed25519 " + evil}})
	h.hearing.Heard("app-01", h.now, wire.Heartbeat{Agent: evil, Unavailable: []wire.Unavailable{{Name: evil, Reason: evil}}})
	for _, path := range []string{"/servers/app-01", "/servers", "/servers?q=" + url.QueryEscape(evil), "/servers/app-01/facts/ports", "/servers/app-01/facts/os", "/servers/app-01/facts/ssh_host_keys", "/instances", "/instances/shop", "/clients/borealis", "/"} {
		wantsNot(t, h.page(path), "<script>alert")
	}
}

func TestAServerWithoutItsAgentShowsHowToEnrol(t *testing.T) {
	h := newHouse(t, small, nil)
	body := h.page("/servers/app-01")
	wants(t, body, "waiting for its agent", "url: https://hub.example.net:8443", "vigie agent enrol", "A person with the role operator")
	wantsNot(t, body, `action="/servers/app-01/token"`)

	_, asOperator := h.do(people.Operator, http.MethodGet, "/servers/app-01", nil)
	wants(t, asOperator, `action="/servers/app-01/token"`)
}

func TestATokenIsShownOnceAndWorks(t *testing.T) {
	h := newHouse(t, small, nil)
	code, body := h.do(people.Operator, http.MethodPost, "/servers/app-01/token", url.Values{})
	if code != http.StatusOK {
		t.Fatalf("got %d, want 200\n%s", code, body)
	}
	at := strings.Index(body, "vigie1.app-01.")
	if at < 0 {
		t.Fatalf("the page shows no token\n%s", body)
	}
	token, _, _ := strings.Cut(body[at:], "<")
	if got, err := wire.ParseToken(html.UnescapeString(strings.TrimSpace(token))); err != nil || got.Server != "app-01" {
		t.Errorf("ParseToken: got %+v, %v, want one of app-01", got, err)
	}
	wantsNot(t, h.page("/servers/app-01"), "vigie1.app-01.")
}

func TestAnApplianceHasNothingToEnrol(t *testing.T) {
	h := newHouse(t, small, nil)
	wants(t, h.page("/servers/fw-01"), "OPNsense 26.1", "well, seen from outside")
	if code, _ := h.do(people.Admin, http.MethodPost, "/servers/fw-01/token", url.Values{}); code != http.StatusUnprocessableEntity {
		t.Errorf("token of an appliance: got %d, want 422", code)
	}
}

func TestWhoMayDoWhatToAnAgent(t *testing.T) {
	h := newHouse(t, small, nil)
	reason := url.Values{"reason": {"the disk was stolen"}}
	for _, c := range []struct {
		role people.Role
		path string
		want int
	}{
		{"", "/servers/app-01/token", http.StatusUnauthorized},
		{people.Viewer, "/servers/app-01/token", http.StatusForbidden},
		{people.Responder, "/servers/app-01/token", http.StatusForbidden},
		{people.Operator, "/servers/app-01/token", http.StatusOK},
		{people.Operator, "/servers/app-01/revoke", http.StatusForbidden},
		{people.Admin, "/servers/nobody/revoke", http.StatusNotFound},
	} {
		if got, _ := h.do(c.role, http.MethodPost, c.path, reason); got != c.want {
			t.Errorf("%s POST %s: got %d, want %d", c.role, c.path, got, c.want)
		}
	}
	if got, _ := h.do(people.Admin, http.MethodPost, "/servers/app-01/revoke", url.Values{}); got != http.StatusUnprocessableEntity {
		t.Errorf("revoke without a reason: got %d, want 422", got)
	}
}

func TestRevokingEndsTheCertificateAndIsRecorded(t *testing.T) {
	revoked := &oneEnrolled{}
	h := newHouse(t, small, func(o *fleetweb.Options) { revoked.Authority = o.Authority; o.Authority = revoked })
	h.heard("app-01", time.Second)
	_, body := h.do(people.Admin, http.MethodGet, "/servers/app-01", nil)
	wants(t, body, "Revoke its certificate", "an alert says that it is silent")
	code, _ := h.do(people.Admin, http.MethodPost, "/servers/app-01/revoke", url.Values{"reason": {"stolen"}})
	if code != http.StatusSeeOther || revoked.reason != "stolen" {
		t.Errorf("got %d with reason %q, want 303 with %q", code, revoked.reason, "stolen")
	}
	wants(t, h.page("/servers/app-01"), "certificate revoked")
}

// oneEnrolled is an authority at which app-01 has a certificate.
type oneEnrolled struct {
	fleetweb.Authority
	reason string
}

func (a *oneEnrolled) Enrolled(context.Context) (map[string]enrol.Enrolment, error) {
	return map[string]enrol.Enrolment{"app-01": {NotAfter: time.Now().AddDate(0, 1, 0), Revoked: a.reason != ""}}, nil
}

func (a *oneEnrolled) RevokeServer(_ context.Context, _ string, _ people.Actor, reason string) error {
	a.reason = reason
	return nil
}

func TestIssuingATokenIsAudited(t *testing.T) {
	h := newHouse(t, small, nil)
	h.do(people.Operator, http.MethodPost, "/servers/app-01/token", url.Values{})
	page, err := h.audit.List(t.Context(), audit.Filter{Actor: "nadia", Limit: 10}, "")
	if err != nil || len(page.Items) != 1 || page.Items[0].Object != "server:app-01" {
		t.Errorf("got %+v, %v, want one entry about server:app-01", page.Items, err)
	}
}

func TestOtherRoomsShowTheirPanelsOnAServer(t *testing.T) {
	h := newHouse(t, small, nil)
	h.heard("app-01", time.Second)
	var asked console.About
	h.console.Offer(console.ServerMain, console.Panel{Show: func(_ context.Context, about console.About) (templ.Component, error) {
		asked = about
		return ui.Faint("a chart of another room"), nil
	}})
	h.console.Offer(console.ServerHalf, console.Panel{Show: func(context.Context, console.About) (templ.Component, error) {
		return nil, errors.New("secret detail")
	}})
	body := h.page("/servers/app-01?range=1d")
	wants(t, body, "a chart of another room", "This part of the page failed")
	wantsNot(t, body, "secret detail")
	if want := (signal.Subject{Kind: signal.Server, Slug: "app-01"}); asked.Subject != want || asked.Range.Key != "1d" {
		t.Errorf("asked for %v over %q, want %v over 1d", asked.Subject, asked.Range.Key, want)
	}
}

func TestWhatIsNotThereSaysSo(t *testing.T) {
	h := newHouse(t, small, nil)
	for _, path := range []string{"/servers/nobody", "/instances/nobody", "/clients/nobody", "/servers/app-01/facts/ports", "/servers/app-01/facts/shoes"} {
		if code, _ := h.do(people.Viewer, http.MethodGet, path, nil); code != http.StatusNotFound {
			t.Errorf("GET %s: got %d, want 404", path, code)
		}
	}
}

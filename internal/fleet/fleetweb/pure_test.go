package fleetweb

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/fleet/enrol"
	"github.com/vigie-ops/vigie/internal/signal"
	"github.com/vigie-ops/vigie/internal/ui"
	"github.com/vigie-ops/vigie/internal/wire"
)

func TestTheWorstAlertSpeaksForAServer(t *testing.T) {
	c := fold([]Wrong{
		{Servers: []string{"a"}, Severity: signal.Warning, Words: "disk full in 9 h"},
		{Servers: []string{"a", "b"}, Instances: []string{"i"}, Severity: signal.Critical, Words: "silent"},
		{Servers: []string{"a"}, Severity: signal.Info, Words: "unusual CPU"},
	})
	for slug, want := range map[string]string{"a": "silent, and 2 more", "b": "silent"} {
		if got := c.servers[slug].String(); got != want {
			t.Errorf("server %s: got %q, want %q", slug, got, want)
		}
	}
	if got := c.instances["i"].kind(); got != ui.Bad {
		t.Errorf("instance: got %q, want bad", got)
	}
}

func TestStatesOfServers(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	heard := func(ago time.Duration) map[string]fleet.Heard {
		return map[string]fleet.Heard{"s": {At: now.Add(-ago)}}
	}
	enrolled := map[string]enrol.Enrolment{"s": {}}
	for _, c := range []struct {
		name   string
		server fleet.Server
		m      moment
		want   string
	}{
		{"heard", fleet.Server{Slug: "s"}, moment{heard: heard(time.Second), enrolled: enrolled}, "ok well well"},
		{"at the end of patience", fleet.Server{Slug: "s"}, moment{heard: heard(patience), enrolled: enrolled}, "ok well well"},
		{"beyond it", fleet.Server{Slug: "s"}, moment{heard: heard(patience + time.Second), enrolled: enrolled}, "warn silent not heard for 46 s"},
		{"never enrolled", fleet.Server{Slug: "s"}, moment{}, "quiet waiting waiting for its agent"},
		{"enrolled, then nothing", fleet.Server{Slug: "s"}, moment{enrolled: enrolled}, "quiet waiting enrolled, not heard yet"},
		{"revoked", fleet.Server{Slug: "s"}, moment{heard: heard(time.Second), enrolled: map[string]enrol.Enrolment{"s": {Revoked: true}}}, "warn silent certificate revoked"},
		{"an appliance", fleet.Server{Slug: "s", Appliance: true}, moment{}, "ok appliance well, seen from outside"},
		{"an appliance with an alert", fleet.Server{Slug: "s", Appliance: true}, moment{wrong: fold([]Wrong{{Servers: []string{"s"}, Severity: signal.Critical, Words: "443 closed"}})}, "bad wrong 443 closed"},
		{"an alert before all", fleet.Server{Slug: "s"}, moment{wrong: fold([]Wrong{{Servers: []string{"s"}, Severity: signal.Warning, Words: "disk"}})}, "warn wrong disk"},
		{"worth knowing is no trouble", fleet.Server{Slug: "s"}, moment{heard: heard(0), wrong: fold([]Wrong{{Servers: []string{"s"}, Severity: signal.Info, Words: "unusual"}})}, "info well unusual"},
	} {
		c.m.now = now
		st := c.m.server(c.server)
		if got := string(st.kind) + " " + st.key + " " + st.words; strings.ReplaceAll(got, "\u00a0", " ") != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestAnInstanceOnADeadServerIsNotWell(t *testing.T) {
	m := moment{wrong: fold([]Wrong{{Servers: []string{"app-01"}, Severity: signal.Critical, Words: "silent"}, {Servers: []string{"app-02"}, Severity: signal.Warning, Words: "CPU"}})}
	if got := m.instance(fleet.Instance{Slug: "shop", Servers: []string{"app-01"}}); got.words != "app-01: silent" || got.well() {
		t.Errorf("on a dead server: got %+v", got)
	}
	if got := m.instance(fleet.Instance{Slug: "shop", Servers: []string{"app-02"}}); !got.well() {
		t.Errorf("on a busy server: got %+v, want well", got)
	}
}

func TestDifferencesNameWhatCameAndWent(t *testing.T) {
	table := func(ports ...string) factTable {
		var t factTable
		for _, p := range ports {
			t.rows = append(t.rows, []cell{{text: p}, {text: "nginx"}})
		}
		return t
	}
	f := func(before, after factTable, want string) {
		t.Helper()
		if got := difference(before, after); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(table("80", "443"), table("443", "8080"), "+ 8080 nginx, − 80 nginx")
	f(table("80"), table("80"), "")
	f(table(), table("1", "2", "3", "4", "5", "6", "7", "8"), "+ 1 nginx, + 2 nginx, + 3 nginx, + 4 nginx, + 5 nginx, + 6 nginx, and 2 more")
}

func TestCertificatesOnDiskSayWhenTheyEnd(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	f := func(c wire.Certificate, kind ui.Kind, text string) {
		t.Helper()
		if diff := cmp.Diff(cell{text: text, kind: kind, under: c.Error}, validity(c, now), cmp.AllowUnexported(cell{})); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	f(wire.Certificate{NotAfter: now.AddDate(0, 3, 0)}, "", "23 February 2027")
	f(wire.Certificate{NotAfter: now.AddDate(0, 0, 9)}, ui.Warn, "2 December 2026")
	f(wire.Certificate{NotAfter: now.AddDate(0, 0, -1)}, ui.Bad, "expired on 22 November 2026")
	f(wire.Certificate{Error: "no PEM"}, ui.Quiet, "cannot be read")
}

func TestAShortPastSaysHowShort(t *testing.T) {
	for want, a := range map[string]Availability{
		"87 % in 9 min": {Percent: 87, Watched: 9*time.Minute + 32*time.Second}, "99 % in 2 days": {Percent: 99, Watched: 59 * time.Hour}, "87 % ": {Percent: 87},
		"– ": {Percent: math.NaN(), Watched: time.Minute},
	} {
		percent, of := a.words()
		if got := strings.ReplaceAll(percent+" "+of, "\u00a0", " "); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

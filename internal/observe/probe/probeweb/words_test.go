package probeweb

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/observe/probe"
	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
	"github.com/vigie-ops/vigie/internal/signal"
	"github.com/vigie-ops/vigie/internal/ui"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func plain(s string) string { return strings.ReplaceAll(s, "\u00a0", " ") }

func TestWordsForStates(t *testing.T) {
	f := func(s probe.Status, kind ui.Kind, want string) {
		t.Helper()
		if k, got := stateOf(s, noon); k != kind || plain(got) != want {
			t.Errorf("got %s %q, want %s %q", k, got, kind, want)
		}
	}
	f(probe.Status{State: probe.Down, Since: noon.Add(-3 * time.Minute)}, ui.Bad, "down for 3 min")
	f(probe.Status{State: probe.Down, Since: noon.Add(-3 * time.Minute), Flapping: true}, ui.Bad, "down for 3 min, again and again")
	f(probe.Status{State: probe.OnePlace}, ui.Warn, "bad from one place only")
	f(probe.Status{State: probe.Up}, ui.OK, "well")
	f(probe.Status{State: probe.Unknown}, ui.Quiet, "nobody has looked yet")
	f(probe.Status{State: probe.Unknown, Kind: probe.KindHeartbeat}, ui.Quiet, "waiting for the first one")
}

func TestWordsForCertificates(t *testing.T) {
	f := func(left time.Duration, kind ui.Kind, want string) {
		t.Helper()
		s := probe.Status{Last: []probe.Seen{{}, {Result: prober.Result{CertificateNotAfter: noon.Add(left)}}}}
		if k, got := certificate(s, noon); k != kind || plain(got) != want {
			t.Errorf("%s left: got %s %q, want %s %q", left, k, got, kind, want)
		}
	}
	day := 24 * time.Hour
	f(61*day+time.Hour, ui.OK, "61 days")
	f(20*day, ui.Warn, "20 days")
	f(7*day, ui.Bad, "7 days")
	f(-2*day, ui.Bad, "expired 2 days ago")
	if _, got := certificate(probe.Status{}, noon); got != "" {
		t.Errorf("without one: got %q", got)
	}
}

func TestWordsForDays(t *testing.T) {
	f := func(d probe.Day, want ui.Day) {
		t.Helper()
		d.Date = noon
		got := dayOf(d)
		got.Words = plain(got.Words)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	day := 24 * time.Hour
	f(probe.Day{Length: day}, ui.Day{Kind: ui.OK, Words: "23 Nov: up all day"})
	f(probe.Day{Length: day, Unknown: day}, ui.Day{Kind: ui.Quiet, Words: "23 Nov: nobody looked"})
	f(probe.Day{Length: day, Down: 6 * time.Minute, Outages: 1}, ui.Day{Kind: ui.Warn, Words: "23 Nov: down for 6 min in 1 outage, 99.58 % up"})
	f(probe.Day{Length: day, Down: 12 * time.Hour, Outages: 2}, ui.Day{Kind: ui.Bad, Words: "23 Nov: down for 12 h in 2 outages, 50 % up"})
}

func TestOutagesAreToldAsWhatHappened(t *testing.T) {
	shop := signal.Subject{Kind: signal.Instance, Slug: "shop"}
	told := moments([]probe.Outage{
		{Probe: "b", Subject: shop, StartedAt: noon.Add(-time.Hour)},
		{Probe: "a", Subject: shop, StartedAt: noon.Add(-30 * time.Hour), EndedAt: noon.Add(-30 * time.Minute)},
		{Probe: "c", StartedAt: noon.Add(-50 * time.Hour), EndedAt: noon.Add(-40 * time.Hour)},
		{Probe: "d", StartedAt: noon.Add(time.Hour)},
	}, noon.Add(-24*time.Hour), noon)
	var got []string
	for _, m := range told {
		got = append(got, plain(m.Text)+" "+m.Link.Text)
	}
	if diff := cmp.Diff([]string{"Down: shop, b", "Well again after 1 day 5 h: shop, a"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTheStripOfTheRecentPast(t *testing.T) {
	r := ui.Range{From: noon.Add(-4 * time.Hour), To: noon}
	got := cells([]float64{1, 0.9, 0, math.NaN()}, r, time.UTC)
	kinds := []ui.Kind{got[0].Kind, got[1].Kind, got[2].Kind, got[3].Kind}
	if diff := cmp.Diff([]ui.Kind{ui.OK, ui.Warn, ui.Bad, ui.Quiet}, kinds); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(got[1].Words, "23 Nov 09:00: ") {
		t.Errorf("got %q", got[1].Words)
	}
}

func TestPortsThatPeopleKnowAreNamed(t *testing.T) {
	f := func(port int, want string) {
		t.Helper()
		if got := short(probe.Status{Implicit: true, Target: prober.Target{Port: port}}); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(443, "443 https")
	f(8443, "port 8443")
}

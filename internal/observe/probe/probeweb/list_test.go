package probeweb_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/observe/probe"
	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
	"github.com/vigie-ops/vigie/internal/signal"
)

func status(slug, kind string, state probe.State) probe.Status {
	return probe.Status{Probe: slug, Name: slug, Kind: kind, State: state, Subject: signal.Subject{Kind: signal.Server, Slug: "app-01"},
		Target: prober.Target{URL: "https://" + slug + ".example", Address: "192.0.2.1", Port: 443}, Since: time.Now().Add(-time.Hour)}
}

func TestTheListIsFilteredAndWorstFirst(t *testing.T) {
	h := newHouse(t, told{status: []probe.Status{
		status("a-good", "http", probe.Up), status("b-down", "tcp", probe.Down), status("c-new", "dns", probe.Unknown), status("d-failing", "http", probe.Failing),
	}}, nil)
	f := func(query string, want ...string) {
		t.Helper()
		_, list, _ := strings.Cut(h.page("/probes"+query), `class="live-part"`)
		var got []string
		for _, part := range strings.Split(list, `class="first"`)[1:] {
			name, _, _ := strings.Cut(part[strings.IndexByte(part, '>')+1:], "<")
			got = append(got, name)
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("/probes%s: got %v, want %v", query, got, want)
		}
	}
	f("", "b-down", "d-failing", "c-new", "a-good")
	f("?state=wrong", "b-down", "d-failing")
	f("?state=down", "b-down")
	f("?kind=http", "d-failing", "a-good")
	f("?q=A-GOOD", "a-good")
	f("?q=zzz")
	wants(t, h.page("/probes?q=zzz"), "No probe is like that")
	wants(t, newHouse(t, told{}, nil).page("/probes"), "No probes yet")
}

func TestThousandsOfProbesAreCutIntoPages(t *testing.T) {
	var all []probe.Status
	for i := range 3000 {
		all = append(all, status(fmt.Sprintf("p-%04d", i), "tcp", probe.Up))
	}
	body := newHouse(t, told{status: all}, nil).page("/probes?page=99&kind=tcp")
	wants(t, body, "p-2999", "Page 30 of 30", "kind=tcp&amp;page=29")
	if len(body) > 500_000 || strings.Contains(body, "p-2899") {
		t.Errorf("%d bytes; more than one page is shown", len(body))
	}
}

func TestTextOfOutsidersStaysText(t *testing.T) {
	const evil = `<script>alert("x")</script>`
	s := status(evil, "http", probe.Down)
	s.Cause, s.Target.URL, s.Subject.Slug = evil, evil, evil
	s.Last = []probe.Seen{{Place: evil, Result: prober.Result{Error: evil, At: time.Now()}}}
	beat := status("beat", probe.KindHeartbeat, probe.Unknown)
	h := newHouse(t, told{status: []probe.Status{s, beat}, outages: []probe.Outage{{Probe: evil, Subject: s.Subject, StartedAt: time.Now(), Cause: evil, Places: []string{evil}}}}, nil)
	for _, body := range []string{
		h.page("/probes"), h.page("/probes/" + escaped(evil)), h.page("/probes/beat"), h.page("/"),
		h.panel(console.ServerHalf, signal.Server, evil), h.panel(console.InstanceMain, signal.Server, evil),
	} {
		wantsNot(t, body, "<script>alert")
	}
}

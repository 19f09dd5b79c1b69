package heard_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/observe/metrics/heard"
)

var now = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return now.Add(-d) }

// said turns findings into words, which are easier to compare.
func said(v heard.Verdict) []string {
	var out []string
	for _, f := range v.Findings {
		if f.Kind == heard.Mass {
			out = append(out, fmt.Sprintf("mass %d of %d", len(f.Silent), f.Of))
		} else {
			out = append(out, string(f.Kind)+" "+f.Server.Slug)
		}
	}
	return out
}

func fleet(n int, f func(i int, s *heard.Server)) []heard.Server {
	out := make([]heard.Server, n)
	for i := range out {
		out[i] = heard.Server{Slug: fmt.Sprintf("s%03d", i), Enrolled: true, Last: ago(5 * time.Second), Probe: heard.Up}
		f(i, &out[i])
	}
	return out
}

func TestOneServer(t *testing.T) {
	longAgo := ago(24 * time.Hour)
	for _, c := range []struct {
		name    string
		server  heard.Server
		started time.Time
		want    []string
	}{
		{"heard just now", heard.Server{Enrolled: true, Last: ago(5 * time.Second)}, longAgo, nil},
		{"exactly at the limit", heard.Server{Enrolled: true, Last: ago(90 * time.Second), Probe: heard.Down}, longAgo, nil},
		{"suspect, not settled", heard.Server{Enrolled: true, Last: ago(119 * time.Second), Probe: heard.Down}, longAgo, nil},
		{"silent and down", heard.Server{Enrolled: true, Last: ago(120 * time.Second), Probe: heard.Down}, longAgo, []string{"unresponsive s"}},
		{"a reboot of a minute and a half", heard.Server{Enrolled: true, Last: ago(100 * time.Second), Probe: heard.Down}, longAgo, nil},
		{"silent without a probe", heard.Server{Enrolled: true, Last: ago(120 * time.Second)}, longAgo, []string{"unresponsive s"}},
		{"silent but it answers", heard.Server{Enrolled: true, Last: ago(120 * time.Second), Probe: heard.Up}, longAgo, []string{"agent s"}},
		{"heard, though the probe says down", heard.Server{Enrolled: true, Last: ago(time.Second), Probe: heard.Down}, longAgo, nil},
		{"never enrolled", heard.Server{Probe: heard.Down}, longAgo, nil},
		{"heard though no enrolment is known", heard.Server{Last: ago(time.Hour), Probe: heard.Down}, longAgo, []string{"unresponsive s"}},
		{"enrolled, never heard since a long time", heard.Server{Enrolled: true, Probe: heard.Down}, longAgo, []string{"unresponsive s"}},
		{"enrolled, hub started just now", heard.Server{Enrolled: true, Last: ago(time.Hour), Probe: heard.Down}, ago(89 * time.Second), nil},
		{"enrolled, the grace is over", heard.Server{Enrolled: true, Last: ago(time.Hour), Probe: heard.Down}, ago(90 * time.Second), []string{"unresponsive s"}},
		{"a last word in the future", heard.Server{Enrolled: true, Last: now.Add(time.Hour)}, longAgo, nil},
		{"appliance up", heard.Server{Appliance: true, Probe: heard.Up}, longAgo, nil},
		{"appliance without an answer yet", heard.Server{Appliance: true}, longAgo, nil},
	} {
		c.server.Slug = "s"
		_, v := heard.Decide(heard.State{}, now, c.started, []heard.Server{c.server}, heard.Limits{})
		if diff := cmp.Diff(c.want, said(v)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestAServerWithoutAgentWaits(t *testing.T) {
	servers := []heard.Server{{Slug: "new"}, {Slug: "fw", Appliance: true}, {Slug: "old", Enrolled: true, Last: now}}
	_, v := heard.Decide(heard.State{}, now, ago(time.Hour), servers, heard.Limits{})
	if diff := cmp.Diff([]string{"new"}, v.Waiting); diff != "" {
		t.Errorf("waiting (-want +got):\n%s", diff)
	}
}

func TestAServerIsQuietBeforeItIsSuspect(t *testing.T) {
	servers := []heard.Server{
		{Slug: "heard", Enrolled: true, Last: ago(60 * time.Second)},
		{Slug: "quiet", Enrolled: true, Last: ago(61 * time.Second)},
	}
	_, v := heard.Decide(heard.State{}, now, ago(time.Hour), servers, heard.Limits{})
	if diff := cmp.Diff([]string{"quiet"}, v.Quiet); diff != "" || len(v.Findings) != 0 {
		t.Errorf("found %v; quiet (-want +got):\n%s", said(v), diff)
	}
}

func TestNothingIsJudgedInTheGrace(t *testing.T) {
	servers := []heard.Server{{Slug: "s", Enrolled: true, Last: ago(time.Hour), Probe: heard.Down}}
	if _, v := heard.Decide(heard.State{}, now, ago(30*time.Second), servers, heard.Limits{}); v.Judged {
		t.Error("the grace was judged: open alerts would be resolved")
	}
	if _, v := heard.Decide(heard.State{}, now, ago(time.Hour), servers, heard.Limits{}); !v.Judged {
		t.Error("nothing was judged after the grace")
	}
}

func TestAnApplianceIsToldWhenItsProbeStaysDown(t *testing.T) {
	servers := []heard.Server{{Slug: "fw", Appliance: true, Probe: heard.Down}}
	state, v := heard.Decide(heard.State{}, now, ago(time.Hour), servers, heard.Limits{})
	if len(v.Findings) != 0 {
		t.Errorf("told at once: %v", said(v))
	}
	state, v = heard.Decide(state, now.Add(30*time.Second), ago(time.Hour), servers, heard.Limits{})
	if diff := cmp.Diff([]string{"unresponsive fw"}, said(v)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	servers[0].Probe = heard.Up
	state, v = heard.Decide(state, now.Add(40*time.Second), ago(time.Hour), servers, heard.Limits{})
	if len(v.Findings) != 0 || len(state.Down) != 0 {
		t.Errorf("still told after it came back: %v", said(v))
	}
}

func TestMassOutage(t *testing.T) {
	silent := func(n int, d time.Duration) func(int, *heard.Server) {
		return func(i int, s *heard.Server) {
			if i < n {
				s.Last, s.Probe = ago(d), heard.Down
			}
		}
	}
	for _, c := range []struct {
		name    string
		servers []heard.Server
		before  bool
		want    int // findings of single servers; -1 is a mass
	}{
		{"three of ten are three", fleet(10, silent(3, 2*time.Minute)), false, 3},
		{"four of ten are a mass", fleet(10, silent(4, 2*time.Minute)), false, -1},
		{"all of three are three", fleet(3, silent(3, 2*time.Minute)), false, 3},
		{"a fifth of a hundred is not a mass", fleet(100, silent(20, 2*time.Minute)), false, 20},
		{"more than a fifth of a hundred is", fleet(100, silent(21, 2*time.Minute)), false, -1},
		{"already while suspect", fleet(10, silent(4, 95*time.Second)), false, -1},
		{"those silent for long do not count", fleet(10, silent(4, time.Hour)), false, 4},
		{"a mass lasts however long", fleet(10, silent(4, time.Hour)), true, -1},
		{"a mass ends at the threshold", fleet(10, silent(3, time.Hour)), true, 3},
		{"a mass is over", fleet(10, silent(0, 0)), true, 0},
	} {
		state, v := heard.Decide(heard.State{Mass: c.before}, now, ago(24*time.Hour), c.servers, heard.Limits{})
		if state.Mass != (c.want < 0) {
			t.Errorf("%s: mass is %v", c.name, state.Mass)
		}
		want := max(c.want, 1)
		if c.want == 0 {
			want = 0
		}
		if len(v.Findings) != want {
			t.Errorf("%s: %v, want %d findings", c.name, said(v), want)
		}
	}
}

func TestAgentsThatStaySilentThroughARestartAreAMass(t *testing.T) {
	servers := fleet(50, func(_ int, s *heard.Server) { s.Last = ago(10 * time.Hour) })
	_, v := heard.Decide(heard.State{}, now, ago(95*time.Second), servers, heard.Limits{})
	if diff := cmp.Diff([]string{"mass 50 of 50"}, said(v)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWaitingServersAreNotCounted(t *testing.T) {
	servers := fleet(100, func(i int, s *heard.Server) {
		switch {
		case i < 5:
			s.Last, s.Probe = ago(2*time.Minute), heard.Down
		case i >= 10:
			*s = heard.Server{Slug: s.Slug}
		}
	})
	_, v := heard.Decide(heard.State{}, now, ago(time.Hour), servers, heard.Limits{})
	if diff := cmp.Diff([]string{"mass 5 of 10"}, said(v)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAMassOutageIsTheWorkOfMinutesNotOfServers(t *testing.T) {
	// Twenty servers, their last words spread over ten seconds, watched every
	// five: nobody is told of a single server before it is told as one.
	servers := fleet(20, func(i int, s *heard.Server) {
		s.Last = now.Add(time.Duration(i) * 500 * time.Millisecond)
		s.Probe = heard.Down
	})
	var state heard.State
	var v heard.Verdict
	for d := time.Duration(0); d < 4*time.Minute; d += 5 * time.Second {
		state, v = heard.Decide(state, now.Add(d), ago(time.Hour), servers, heard.Limits{})
		for _, f := range v.Findings {
			if f.Kind != heard.Mass {
				t.Fatalf("after %v: %v", d, said(v))
			}
		}
	}
	if diff := cmp.Diff([]string{"mass 20 of 20"}, said(v)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhoIsSilentTogether(t *testing.T) {
	servers := fleet(10, func(i int, s *heard.Server) {
		if i < 5 {
			s.Last = ago(100 * time.Second)
		}
	})
	servers = append(servers, heard.Server{Slug: "fw", Appliance: true, Probe: heard.Down})
	f := func(what string, before heard.State, started time.Time, servers []heard.Server, want ...string) {
		t.Helper()
		_, v := heard.Decide(before, now, started, servers, heard.Limits{})
		if diff := cmp.Diff(want, v.Together); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	all := []string{"fw", "s000", "s001", "s002", "s003", "s004"}
	f("many", heard.State{}, ago(time.Hour), servers, all...)
	f("many, after a start of the hub", heard.State{Mass: true}, ago(time.Second), servers, all...)
	f("few", heard.State{}, ago(time.Hour), servers[3:])
}

func TestADecisionHasItsTime(t *testing.T) {
	f := func(last, started, want time.Duration) {
		t.Helper()
		if got := heard.DecidedBy(now.Add(last), now.Add(started), heard.Limits{}); !got.Equal(now.Add(want)) {
			t.Errorf("heard at %s, hub started at %s: decided by %s, want %s", last, started, got.Sub(now), want)
		}
	}
	f(0, -time.Hour, 2*time.Minute)
	f(-time.Hour, 0, 90*time.Second)
	f(-time.Minute, 0, 90*time.Second)
}

package metrics_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/observe/metrics"
	"github.com/vigie-ops/vigie/internal/observe/metrics/heard"
	"github.com/vigie-ops/vigie/internal/observe/metrics/metricstest"
	"github.com/vigie-ops/vigie/internal/signal"
)

// clock is a time that tests move.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func newClock() *clock { return &clock{t: time.Now().UTC().Truncate(time.Second)} }

func TestASilentServerIsReportedAndResolved(t *testing.T) {
	c, board := newClock(), metricstest.NewBoard()
	room := open(t, metrics.Options{Sink: board, Alerts: board, Now: c.now})
	server := heard.Server{Slug: "db-03", Enrolled: true, Last: c.t, Probe: heard.Up, Labels: map[string]string{"ring": "production"}}
	u := room.Unresponsive(func() []heard.Server { return []heard.Server{server} }, heard.Limits{})
	look := func(d time.Duration, want ...string) {
		t.Helper()
		for end := c.t.Add(d); ; {
			c.t = c.t.Add(min(5*time.Second, end.Sub(c.t)))
			if err := u.Look(t.Context()); err != nil {
				t.Fatal(err)
			}
			if !c.t.Before(end) {
				break
			}
		}
		if diff := cmp.Diff(want, board.Names()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	look(0)
	look(85 * time.Second) // still in the grace
	server.Last = c.t
	look(115 * time.Second) // suspect
	look(5*time.Second, "AgentSilent server:db-03")
	server.Probe = heard.Down
	look(5*time.Second, "ServerUnresponsive server:db-03")
	board.Fail(errors.New("disk full"))
	server.Last, server.Probe = c.t.Add(5*time.Second), heard.Up
	c.t = c.t.Add(5 * time.Second)
	if err := u.Look(t.Context()); err == nil {
		t.Error("a report that failed was no error")
	}
	board.Fail(nil)
	look(5 * time.Second)
}

func TestWhoIsSilentInAMassOutageIsNotWell(t *testing.T) {
	c, board := newClock(), metricstest.NewBoard()
	room := open(t, metrics.Options{Sink: board, Alerts: board, Now: c.now})
	servers := make([]heard.Server, 6)
	for i := range servers {
		servers[i] = heard.Server{Slug: string(rune('a' + i)), Enrolled: true, Probe: heard.Down}
	}
	u := room.Unresponsive(func() []heard.Server { return servers }, heard.Limits{})
	pass := func(d time.Duration, silent int) {
		t.Helper()
		for end := c.t.Add(d); c.t.Before(end); {
			c.t = c.t.Add(5 * time.Second)
			for i := range servers[silent:] {
				servers[silent+i].Last = c.t
			}
			if err := u.Look(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := func(want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, board.Names()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	pass(2*time.Minute, 0)
	want()
	pass(3*time.Minute, 1)
	want("ServerUnresponsive server:a")
	pass(3*time.Minute, 5)
	want("ManyServersSilent hub", "ServerUnresponsive server:a")
	pass(2*time.Minute, 1)
	want("ServerUnresponsive server:a")
	pass(time.Minute, 0)
	want()
}

// A hub that was frozen for an hour heard nobody meanwhile.
func TestAHubThatSleptJudgesNobodyForIt(t *testing.T) {
	c, board := newClock(), metricstest.NewBoard()
	room := open(t, metrics.Options{Sink: board, Alerts: board, Now: c.now})
	servers := make([]heard.Server, 30)
	for i := range servers {
		servers[i] = heard.Server{Slug: string(rune('a' + i)), Enrolled: true, Probe: heard.Up}
	}
	u := room.Unresponsive(func() []heard.Server { return servers }, heard.Limits{})
	look := func(d time.Duration, heard bool) {
		t.Helper()
		c.t = c.t.Add(d)
		for i := range servers {
			if heard {
				servers[i].Last = c.t
			}
		}
		if err := u.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := board.Names(); len(got) > 0 {
			t.Fatalf("told %v", got)
		}
	}
	for range 40 {
		look(5*time.Second, true)
	}
	look(time.Hour, false)
	look(5*time.Second, false)
	for range 40 {
		look(5*time.Second, true)
	}
}

func TestOpenAlertsOutliveTheGrace(t *testing.T) {
	c := newClock()
	board := metricstest.NewBoard(
		signal.Signal{Detector: metrics.DetectorHeard, Subject: signal.Subject{Kind: signal.Hub}, State: signal.Firing,
			Labels: map[string]string{"alertname": metrics.AlertMass, "severity": "critical"}},
	)
	room := open(t, metrics.Options{Sink: board, Alerts: board, Now: c.now})
	var servers []heard.Server
	for _, slug := range []string{"a", "b", "c", "d", "e"} {
		servers = append(servers, heard.Server{Slug: slug, Enrolled: true, Last: c.t.Add(-time.Hour), Probe: heard.Down})
	}
	u := room.Unresponsive(func() []heard.Server { return servers }, heard.Limits{})
	for d := time.Duration(0); d < 10*time.Minute; d += 30 * time.Second {
		if err := u.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"ManyServersSilent hub"}, board.Names()); diff != "" {
			t.Fatalf("after %v (-want +got):\n%s", d, diff)
		}
		c.t = c.t.Add(30 * time.Second)
	}
	for i := range servers {
		servers[i].Last = c.t
	}
	if err := u.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := board.Names(); len(got) > 0 {
		t.Errorf("open after all came back: %v", got)
	}
}

func TestALateAgentIsSilentBeforeItIsDecided(t *testing.T) {
	c, board := newClock(), metricstest.NewBoard()
	u := open(t, metrics.Options{Sink: board, Alerts: board, Now: c.now}).Unresponsive(func() []heard.Server { return nil }, heard.Limits{})
	c.t = c.t.Add(time.Hour)
	f := func(ago time.Duration, silent, decided bool) {
		t.Helper()
		if s, d := u.Silent(c.t.Add(-ago)); s != silent || d != decided {
			t.Errorf("heard %s ago: silent %v, decided %v; want %v, %v", ago, s, d, silent, decided)
		}
	}
	f(12*time.Second, false, false)
	f(16*time.Second, true, false)
	f(2*time.Minute, true, false)
	f(131*time.Second, true, true)
}

func TestOnlyAProbeTellsOfALookFromOutside(t *testing.T) {
	for probe, want := range map[heard.Probe]string{heard.Down: "a look from outside gets", heard.Unknown: "No probe says anything sure"} {
		c, board := newClock(), metricstest.NewBoard()
		servers := []heard.Server{{Slug: "db-03", Enrolled: true, Last: c.t, Probe: probe}}
		u := open(t, metrics.Options{Sink: board, Alerts: board, Now: c.now}).Unresponsive(func() []heard.Server { return servers }, heard.Limits{})
		for range 2 {
			c.t = c.t.Add(2 * time.Minute)
			if err := u.Look(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		firing, err := board.Open(t.Context(), metrics.DetectorHeard)
		if err != nil || len(firing) != 1 || !strings.Contains(firing[0].Annotations[signal.Description], want) {
			t.Errorf("probe %q: %+v, %v; want words with %q", probe, firing, err, want)
		}
	}
}

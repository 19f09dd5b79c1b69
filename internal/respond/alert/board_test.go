package alert_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/observe/metrics/report"
	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/signal"
)

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 3, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// stage is the stage after the board; it keeps what committed.
type stage struct {
	fail   error
	events []alert.Event
}

func (s *stage) Take(_ context.Context, tx *db.Tx, e alert.Event) error {
	if s.fail != nil {
		return s.fail
	}
	tx.After(func() { s.events = append(s.events, e) })
	return nil
}

// harness is a board with a clock and a stage after it.
type harness struct {
	t     *testing.T
	ctx   context.Context
	db    *db.DB
	clock *clock
	stage *stage
	*alert.Board
}

func each(t *testing.T, f func(h *harness)) {
	dbtest.Each(t, []db.Schema{alert.Tables}, func(t *testing.T, d *db.DB) {
		h := &harness{t: t, ctx: context.Background(), db: d, clock: newClock(), stage: &stage{}}
		h.restart()
		f(h)
	})
}

// restart is what a killed hub does: a new board on the same state.
func (h *harness) restart() {
	policy := alert.DefaultPolicy()
	if h.Board != nil {
		policy = h.Policy()
	}
	h.Board = alert.New(alert.Options{DB: h.db, Log: slog.New(slog.DiscardHandler), Next: h.stage, Now: h.clock.Now, Policy: policy})
}

func (h *harness) firing(name, server string, severity signal.Severity) signal.Signal {
	return signal.Signal{
		Detector: "probe", Subject: signal.Subject{Kind: signal.Server, Slug: server}, State: signal.Firing,
		Labels:      map[string]string{signal.LabelName: name, signal.LabelServer: server, signal.LabelSeverity: string(severity)},
		Annotations: map[string]string{signal.Summary: name + " on " + server},
		StartsAt:    h.clock.Now(), At: h.clock.Now(),
	}
}

func resolved(s signal.Signal) signal.Signal {
	s.State = signal.Resolved
	return s
}

func (h *harness) report(signals ...signal.Signal) {
	h.t.Helper()
	for i := range signals {
		signals[i].At = h.clock.Now()
	}
	if err := h.Report(h.ctx, signals...); err != nil {
		h.t.Fatal(err)
	}
}

// pass lets time go by and flushes.
func (h *harness) pass(d time.Duration) time.Time {
	h.t.Helper()
	h.clock.Pass(d)
	next, err := h.Flush(h.ctx)
	if err != nil {
		h.t.Fatal(err)
	}
	return next
}

// told returns the reasons of the events since the last call, in short.
func (h *harness) told() []string {
	var told []string
	for _, e := range h.stage.events {
		quiet := ""
		if len(e.Quiet)+len(e.Calm) > 0 {
			quiet = fmt.Sprintf(" quiet=%d calm=%d", len(e.Quiet), len(e.Calm))
		}
		told = append(told, fmt.Sprintf("%s new=%d changed=%d again=%d resolved=%d%s firing=%d tell=%v",
			e.Reason, len(e.New), len(e.Changed), len(e.Again), len(e.Resolved), quiet, len(e.Firing), e.Tell))
	}
	h.stage.events = nil
	return told
}

func (h *harness) wantTold(want ...string) {
	h.t.Helper()
	got := h.told()
	if len(got) != len(want) {
		h.t.Fatalf("told %q, want %q", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			h.t.Errorf("told %q, want %q", got[i], want[i])
		}
	}
}

func (h *harness) only() alert.Alert {
	h.t.Helper()
	p, err := h.List(h.ctx, alert.Filter{})
	if err != nil {
		h.t.Fatal(err)
	}
	if len(p.Items) != 1 {
		h.t.Fatalf("%d alerts on the board, want 1: %+v", len(p.Items), p.Items)
	}
	return p.Items[0]
}

func TestAFaultIsToldOnceAndItsEndToo(t *testing.T) {
	each(t, func(h *harness) {
		s := h.firing("DiskFull", "db-03", signal.Warning)
		h.report(s)
		h.pass(9 * time.Second)
		h.wantTold()
		h.report(s)
		h.pass(time.Second)
		h.wantTold("firing new=1 changed=0 again=0 resolved=0 firing=1 tell=true")
		h.report(s)
		h.pass(time.Hour)
		h.wantTold()
		h.report(resolved(s))
		h.pass(10 * time.Second)
		h.wantTold("resolved new=0 changed=0 again=0 resolved=1 firing=0 tell=true")
		a := h.only()
		if a.State != alert.Resolved || !a.ToReview || a.Display() != "resolved" {
			t := h.t
			t.Errorf("state %s, to review %v; want resolved and to review", a.State, a.ToReview)
		}
		if next := h.pass(24 * time.Hour); !next.IsZero() {
			h.t.Errorf("something is still due at %v", next)
		}
		h.wantTold()
	})
}

func TestAnAlertThatBecomesWorseStaysOneAndIsToldAtOnce(t *testing.T) {
	each(t, func(h *harness) {
		h.report(h.firing("DiskFull", "db-03", signal.Warning))
		h.pass(10 * time.Second)
		h.told()
		h.report(h.firing("DiskFull", "db-03", signal.Critical))
		h.pass(10 * time.Second)
		h.wantTold("severity new=0 changed=1 again=0 resolved=0 firing=1 tell=true")
		if a := h.only(); a.Severity != signal.Critical || a.Labels["severity"] != "critical" {
			h.t.Errorf("severity %s, label %s; want critical", a.Severity, a.Labels["severity"])
		}
		h.report(h.firing("DiskFull", "db-03", signal.Warning))
		h.pass(time.Minute)
		h.wantTold()
		h.pass(4 * time.Minute)
		h.wantTold("severity new=0 changed=1 again=0 resolved=0 firing=1 tell=true")
	})
}

func TestTwoRulesOfOneNameAreOneAlertWithTheWorstSeverity(t *testing.T) {
	each(t, func(h *harness) {
		warning, critical := h.firing("DiskFull", "db-03", signal.Warning), h.firing("DiskFull", "db-03", signal.Critical)
		warning.Detector, critical.Detector = "alertmanager", "alertmanager"
		h.report(critical, warning)
		if a := h.only(); a.Severity != signal.Critical {
			h.t.Fatalf("severity %s, want critical", a.Severity)
		}
		h.report(warning, resolved(critical))
		if a := h.only(); a.Severity != signal.Warning || a.State != alert.Firing {
			h.t.Fatalf("severity %s, state %s; want a warning that fires", a.Severity, a.State)
		}
		h.restart()
		open, err := h.Open(h.ctx, "alertmanager")
		if err != nil || len(open) != 1 || open[0].Severity() != signal.Warning {
			h.t.Fatalf("open: %v, %v; want the warning", open, err)
		}
		h.report(resolved(open[0]))
		if a := h.only(); a.State != alert.Resolved {
			h.t.Errorf("state %s, want resolved", a.State)
		}
	})
}

// A warning that became critical ends with its rules, whichever of them was
// seen first.
func TestARuleThatBecameWorseEnds(t *testing.T) {
	each(t, func(h *harness) {
		ledger := report.NewLedger("rule", h.Board, h.Board)
		sync := func(severity signal.Severity, firing ...signal.Signal) {
			h.t.Helper()
			for i := range firing {
				firing[i].Detector = "rule"
			}
			over := func(signal.Signal) (time.Time, bool) { return time.Time{}, true }
			if err := ledger.Sync(h.ctx, h.clock.Now(), firing, over); err != nil {
				h.t.Fatal(err)
			}
			if a := h.only(); a.Severity != severity || (a.State == alert.Firing) != (len(firing) > 0) {
				h.t.Errorf("%s and %s with %d rules firing, want %s", a.Severity, a.State, len(firing), severity)
			}
			h.clock.Pass(time.Minute)
		}
		warning, critical := h.firing("DiskFull", "db-03", signal.Warning), h.firing("DiskFull", "db-03", signal.Critical)
		sync(signal.Warning, warning)
		sync(signal.Critical, warning, critical)
		sync(signal.Warning, warning)
		sync(signal.Critical, warning, critical)
		sync(signal.Critical)
	})
}

func TestNothingIsToldTwiceOrLostWhenTheNextStageFails(t *testing.T) {
	each(t, func(h *harness) {
		h.report(h.firing("DiskFull", "db-03", signal.Warning))
		h.clock.Pass(10 * time.Second)
		h.stage.fail = errors.New("disk full")
		if _, err := h.Flush(h.ctx); err == nil {
			h.t.Fatal("a failing stage was not reported")
		}
		h.stage.fail = nil
		h.restart()
		h.pass(3 * time.Second)
		h.wantTold("firing new=1 changed=0 again=0 resolved=0 firing=1 tell=true")
		h.restart()
		h.pass(time.Hour)
		h.wantTold()
	})
}

func TestAnAcknowledgedAlertIsNotRepeatedUntilTheAcknowledgementEnds(t *testing.T) {
	each(t, func(h *harness) {
		h.report(h.firing("DiskFull", "db-03", signal.Warning))
		h.pass(10 * time.Second)
		h.told()
		h.pass(4 * time.Hour)
		h.wantTold("repeat new=0 changed=0 again=0 resolved=0 firing=1 tell=true")
		a := h.only()
		for range 2 { // twice is once
			if _, err := h.Acknowledge(h.ctx, "nadia", "on it", h.clock.Now().Add(6*time.Hour).Truncate(time.Second), a.ID); err != nil {
				h.t.Fatal(err)
			}
		}
		h.wantTold("acknowledged new=0 changed=0 again=1 resolved=0 firing=0 tell=false")
		if a := h.only(); a.Display() != "acknowledged" || a.Ack.By != "nadia" {
			h.t.Errorf("display %s, ack %+v", a.Display(), a.Ack)
		}
		h.pass(5 * time.Hour)
		h.wantTold()
		h.restart()
		h.pass(time.Hour)
		h.pass(10 * time.Second)
		h.wantTold("released new=0 changed=0 again=1 resolved=0 firing=0 tell=false", "acknowledgement ended new=0 changed=0 again=1 resolved=0 firing=1 tell=true")
		if a := h.only(); a.Ack != nil {
			h.t.Errorf("still acknowledged: %+v", a.Ack)
		}
	})
}

func TestASilentServerHidesWhatRunsOnIt(t *testing.T) {
	each(t, func(h *harness) {
		disk := h.firing("DiskFull", "db-03", signal.Warning)
		silent := h.firing(alert.ServerUnresponsive, "db-03", signal.Critical)
		elsewhere := h.firing("DiskFull", "db-04", signal.Warning)
		h.report(disk, silent, elsewhere)
		h.pass(10 * time.Second)
		if got := h.told(); len(got) != 2 {
			h.t.Fatalf("told %q, want the silent server and the other disk", got)
		}
		c, err := h.Counts(h.ctx)
		if err != nil || c.Inhibited != 1 || c.Firing != 2 || c.Critical != 1 {
			h.t.Errorf("counts %+v, %v", c, err)
		}
		h.report(resolved(silent))
		h.pass(10 * time.Second)
		h.wantTold("resolved new=0 changed=0 again=0 resolved=1 firing=0 tell=true")
		h.pass(time.Minute)
		h.wantTold("firing new=1 changed=0 again=0 resolved=0 firing=1 tell=true")
	})
}

func TestASilenceHidesUntilItEnds(t *testing.T) {
	each(t, func(h *harness) {
		ms, err := alert.ParseMatchers(`server=~"db-.*"`)
		if err != nil {
			h.t.Fatal(err)
		}
		s, err := h.CreateSilence(h.ctx, "nadia", alert.Silence{Matchers: ms, Reason: "moving racks", EndsAt: h.clock.Now().Add(time.Hour)})
		if err != nil {
			h.t.Fatal(err)
		}
		h.report(h.firing("DiskFull", "db-03", signal.Warning))
		h.pass(10 * time.Second)
		h.wantTold()
		if a := h.only(); a.Display() != "silenced" || a.SilencedBy[0] != s.ID {
			h.t.Errorf("display %s by %v", a.Display(), a.SilencedBy)
		}
		h.restart()
		h.pass(time.Hour)
		h.pass(10 * time.Second)
		h.wantTold("firing new=1 changed=0 again=0 resolved=0 firing=1 tell=true")
		var invalid *alert.Invalid
		if _, err := h.EditSilence(h.ctx, "nadia", s); !errors.As(err, &invalid) {
			h.t.Errorf("an ended silence was edited: %v", err)
		}
	})
}

func TestASignalWithAnEndResolvesUnlessReportedAgain(t *testing.T) {
	each(t, func(h *harness) {
		s := h.firing("Heartbeat", "db-03", signal.Warning)
		s.Until = h.clock.Now().Add(5 * time.Minute)
		h.report(s)
		h.pass(4 * time.Minute)
		s.Until = h.clock.Now().Add(5 * time.Minute)
		h.report(s)
		h.pass(4 * time.Minute)
		if a := h.only(); a.State != alert.Firing {
			h.t.Fatal("it resolved though it was reported again")
		}
		// The hub is away for an hour: nobody could report.
		h.clock.Pass(time.Hour)
		h.restart()
		h.pass(0)
		if a := h.only(); a.State != alert.Firing {
			h.t.Fatal("it resolved because the hub was away")
		}
		// It sleeps for another.
		h.pass(time.Hour)
		if a := h.only(); a.State != alert.Firing {
			h.t.Fatal("it resolved because the hub slept")
		}
		for range 10 {
			h.pass(time.Minute)
		}
		if a := h.only(); a.State != alert.Resolved {
			h.t.Error("it still fires though nobody reports it")
		}
	})
}

func TestWhatResolvedUnseenWaitsForAWord(t *testing.T) {
	each(t, func(h *harness) {
		s := h.firing("DiskFull", "db-03", signal.Warning)
		h.report(s)
		h.report(resolved(s))
		h.pass(time.Minute)
		h.wantTold() // came and went within the group wait
		a := h.only()
		var invalid *alert.Invalid
		if err := h.Review(h.ctx, "nadia", "  ", a.ID); !errors.As(err, &invalid) {
			h.t.Errorf("a review without a word: %v", err)
		}
		if err := h.Review(h.ctx, "nadia", "log rotation was late", a.ID); err != nil {
			h.t.Fatal(err)
		}
		if a := h.only(); a.ToReview || a.Review.Word != "log rotation was late" {
			h.t.Errorf("to review %v, review %+v", a.ToReview, a.Review)
		}
		history, err := h.History(h.ctx, a.ID)
		if err != nil || len(history) != 3 {
			h.t.Errorf("history %+v, %v; want fired, resolved, reviewed", history, err)
		}
	})
}

func TestAcknowledgingWhatIsOverTakesAWord(t *testing.T) {
	each(t, func(h *harness) {
		over, still := h.firing("DiskFull", "db-03", signal.Warning), h.firing("DiskFull", "db-04", signal.Warning)
		h.report(over, still)
		h.report(resolved(over))
		state := func(server string) alert.Alert {
			h.t.Helper()
			p, err := h.List(h.ctx, alert.Filter{Server: server})
			if err != nil || len(p.Items) != 1 {
				h.t.Fatalf("%d alerts, %v", len(p.Items), err)
			}
			return p.Items[0]
		}
		ack := func(reason string, ids ...string) error {
			_, err := h.Acknowledge(h.ctx, "nadia", reason, time.Time{}, ids...)
			return err
		}
		var invalid *alert.Invalid
		if err := ack(" ", state("db-03").ID); !errors.As(err, &invalid) || !state("db-03").ToReview {
			h.t.Errorf("without a word: %v, to review %v", err, state("db-03").ToReview)
		}
		// Of many that are marked, those that fire are acknowledged all the same.
		if err := ack("", state("db-03").ID, state("db-04").ID); err != nil || !state("db-03").ToReview || state("db-04").Ack == nil {
			h.t.Errorf("together: %v, to review %v, acknowledged %v", err, state("db-03").ToReview, state("db-04").Ack)
		}
		if err := ack("log rotation was late", state("db-03").ID); err != nil || state("db-03").ToReview {
			h.t.Errorf("with a word: %v, to review %v", err, state("db-03").ToReview)
		}
	})
}

func TestAnAlertThatComesBackSoonIsTheSame(t *testing.T) {
	each(t, func(h *harness) {
		s := h.firing("DiskFull", "db-03", signal.Warning)
		for range 3 {
			h.report(s)
			h.pass(time.Minute)
			h.report(resolved(s))
			h.pass(time.Minute)
		}
		if a := h.only(); a.Flaps != 2 {
			h.t.Errorf("%d flaps, want 2", a.Flaps)
		}
		h.pass(time.Hour)
		h.report(s)
		p, err := h.List(h.ctx, alert.Filter{State: "open", Text: "disk DB-03"})
		if err != nil || len(p.Items) != 1 || p.Items[0].Flaps != 0 {
			h.t.Errorf("%+v, %v; want a new alert", p.Items, err)
		}
	})
}

// The hub's clock was an hour ahead when it noted the fault.
func TestAClockThatIsSetBackDelaysNothing(t *testing.T) {
	each(t, func(h *harness) {
		for _, restart := range []bool{false, true} {
			h.pass(time.Minute)
			s := h.firing("DiskFull", fmt.Sprintf("db-%v", restart), signal.Warning)
			h.report(s)
			h.clock.Pass(-time.Hour)
			if restart {
				h.restart()
			}
			h.pass(11 * time.Second)
			h.pass(11 * time.Second)
			h.wantTold("firing new=1 changed=0 again=0 resolved=0 firing=1 tell=true")
			h.report(resolved(s))
			h.pass(11 * time.Second)
			h.wantTold("resolved new=0 changed=0 again=0 resolved=1 firing=0 tell=true")
		}
	})
}

// A check that flaps from two in the morning to eight.
func TestAFlappingCheckIsOneLongFault(t *testing.T) {
	each(t, func(h *harness) {
		s := h.firing("StatusPageNotOK", "db-03", signal.Critical)
		told := 0
		for round := range 36 {
			h.report(s)
			for range 5 {
				h.pass(time.Minute)
			}
			if round == 10 {
				if _, err := h.Acknowledge(h.ctx, "nadia", "", time.Time{}, h.only().ID); err != nil {
					h.t.Fatal(err)
				}
			}
			h.report(resolved(s))
			for range 5 {
				h.pass(time.Minute)
			}
			for _, e := range h.stage.events {
				if e.Tell {
					told++
				}
			}
			h.stage.events = nil
		}
		if a := h.only(); a.Ack == nil {
			h.t.Error("who had it in hand has it no more")
		}
		if told > 12 {
			h.t.Errorf("people were told %d times in a night", told)
		}
		for range 15 {
			h.pass(time.Minute)
		}
		h.wantTold("resolved new=0 changed=0 again=0 resolved=0 quiet=0 calm=1 firing=0 tell=true")
	})
}

// Somebody tries out what happens, and again, and again.
func TestWhatFlapsIsRightOnTheBoardAtOnceAndQuietForPeople(t *testing.T) {
	each(t, func(h *harness) {
		s := h.firing("StatusPageNotOK", "db-03", signal.Critical)
		const fires, ends = "firing new=1 changed=0 again=0 resolved=0 firing=1 tell=true", "resolved new=0 changed=0 again=0 resolved=1 firing=0 tell=true"
		for range 5 {
			h.report(s)
			h.pass(10 * time.Second)
			h.wantTold(fires)
			h.report(resolved(s))
			h.pass(10 * time.Second)
			h.wantTold(ends)
		}
		h.report(s)
		h.pass(10 * time.Second)
		h.wantTold(fires)
		for range 3 {
			h.report(resolved(s))
			if a := h.only(); a.State != alert.Resolved || !a.Flapping() {
				h.t.Errorf("it is %s, flapping %v; want resolved, flapping", a.State, a.Flapping())
			}
			h.pass(10 * time.Second)
			h.wantTold("resolved new=0 changed=0 again=0 resolved=0 quiet=1 calm=0 firing=0 tell=false")
			h.restart()
			h.report(s)
			if a := h.only(); a.State != alert.Firing {
				h.t.Errorf("it is %s, want firing", a.State)
			}
			h.pass(10 * time.Second)
			h.wantTold("firing new=0 changed=0 again=0 resolved=0 quiet=1 calm=0 firing=1 tell=false")
		}
		h.report(resolved(s))
		h.pass(10 * time.Second)
		h.told()
		// It comes back and ends before anybody heard of it.
		h.report(s)
		h.report(resolved(s))
		h.pass(14 * time.Minute)
		h.wantTold()
		// It comes back less severe than people know it.
		s = h.firing("StatusPageNotOK", "db-03", signal.Warning)
		h.report(s)
		h.pass(10 * time.Second)
		h.wantTold("firing new=0 changed=0 again=0 resolved=0 quiet=1 calm=0 firing=1 tell=false")
		h.report(resolved(s))
		h.pass(15 * time.Minute)
		h.told()
		h.pass(15 * time.Minute)
		h.wantTold("resolved new=0 changed=0 again=0 resolved=0 quiet=0 calm=1 firing=0 tell=true")
		h.pass(time.Hour)
		h.wantTold()
	})
}

func TestAReportThatFailsTookNothing(t *testing.T) {
	each(t, func(h *harness) {
		h.report(h.firing("LoadHigh", "db-03", signal.Warning))
		gone, cancel := context.WithCancel(h.ctx)
		cancel()
		s := h.firing("DiskFull", "db-03", signal.Warning)
		if err := h.Report(gone, s, resolved(h.firing("LoadHigh", "db-03", signal.Warning))); err == nil {
			h.t.Fatal("a report that cannot be written was taken")
		}
		if a := h.only(); a.State != alert.Firing || a.Name != "LoadHigh" {
			h.t.Errorf("%s is %s, want the board as it was", a.Name, a.State)
		}
		h.report(s)
		if c, err := h.Counts(h.ctx); err != nil || c.Firing != 2 {
			h.t.Errorf("counts %+v, %v; want both", c, err)
		}
	})
}

func TestWhatIsOverIsForgottenAfterAYearUnlessItWaitsForAWord(t *testing.T) {
	each(t, func(h *harness) {
		for _, name := range []string{"Seen", "Unseen"} {
			h.report(h.firing(name, "db-03", signal.Warning))
			h.pass(time.Minute)
			h.report(resolved(h.firing(name, "db-03", signal.Warning)))
			h.pass(time.Minute)
		}
		p, err := h.List(h.ctx, alert.Filter{Name: "Seen"})
		if err != nil {
			h.t.Fatal(err)
		}
		if err := h.Review(h.ctx, "nadia", "known", p.Items[0].ID); err != nil {
			h.t.Fatal(err)
		}
		h.pass(401 * 24 * time.Hour)
		if err := h.Prune(h.ctx); err != nil {
			h.t.Fatal(err)
		}
		if a := h.only(); a.Name != "Unseen" {
			h.t.Errorf("%s is left, want the alert that nobody has seen", a.Name)
		}
		if changes, err := h.History(h.ctx, p.Items[0].ID); err != nil || len(changes) != 0 {
			h.t.Errorf("its history is left: %v, %v", changes, err)
		}
	})
}

// No database takes a NUL as text; every label value of a server is the words
// of strangers.
func TestANULInOneServersWordsKeepsNobodysAlertFromTheBoard(t *testing.T) {
	each(t, func(h *harness) {
		hostile, other := h.firing("UnitFailed", "app-01", signal.Warning), h.firing("DiskFull", "app-02", signal.Critical)
		hostile.Labels["name"] = "x\x00"
		hostile.Annotations[signal.Summary] = "x\x00 and \xff failed on app-01"
		h.report(hostile, other)
		h.report(hostile, other)
		p, err := h.List(h.ctx, alert.Filter{State: "open"})
		if err != nil || len(p.Items) != 2 {
			t.Fatalf("%d alerts on the board, %v; want 2", len(p.Items), err)
		}
		h.report(resolved(hostile), resolved(other))
		if p, err = h.List(h.ctx, alert.Filter{State: "open"}); err != nil || len(p.Items) != 0 {
			t.Errorf("%d alerts stay open, %v", len(p.Items), err)
		}
	})
}

package report_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/observe/metrics/report"
	"github.com/vigie-ops/vigie/internal/signal"
)

var now = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// sink remembers what it was told, unless it fails.
type sink struct {
	err  error
	told []string
}

func (s *sink) Report(_ context.Context, sigs ...signal.Signal) error {
	if s.err != nil {
		return s.err
	}
	for _, sig := range sigs {
		s.told = append(s.told, string(sig.State)+" "+sig.Name()+" "+string(sig.Severity()))
	}
	return nil
}

func (s *sink) take() []string {
	out := s.told
	s.told = nil
	return out
}

type open []signal.Signal

func (o open) Open(context.Context, string) ([]signal.Signal, error) { return o, nil }

func sig(name string, severity signal.Severity) signal.Signal {
	return signal.Signal{State: signal.Firing, StartsAt: now, At: now, Labels: map[string]string{"alertname": name, "severity": string(severity)}}
}

func always(signal.Signal) (time.Time, bool) { return time.Time{}, true }
func never(signal.Signal) (time.Time, bool)  { return time.Time{}, false }

func TestOnlyWhatChangedIsTold(t *testing.T) {
	s := &sink{}
	l := report.NewLedger("rule", s, nil)
	step := func(at time.Duration, over func(signal.Signal) (time.Time, bool), want []string, firing ...signal.Signal) {
		t.Helper()
		if err := l.Sync(t.Context(), now.Add(at), firing, over); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, s.take()); diff != "" {
			t.Errorf("after %v (-want +got):\n%s", at, diff)
		}
	}
	step(0, always, []string{"firing A warning"}, sig("A", signal.Warning))
	step(5*time.Second, always, nil, sig("A", signal.Warning))
	step(10*time.Second, always, []string{"firing A critical"}, sig("A", signal.Critical))
	step(65*time.Second, always, nil, sig("A", signal.Critical))
	step(70*time.Second, always, []string{"firing A critical"}, sig("A", signal.Critical))
	step(75*time.Second, never, nil)
	step(80*time.Second, always, []string{"resolved A critical"})
	step(85*time.Second, always, nil)
}

func TestAWarningAndACriticalRuleAreOneAlert(t *testing.T) {
	s := &sink{}
	l := report.NewLedger("rule", s, nil)
	early := sig("A", signal.Warning)
	early.StartsAt = now.Add(-time.Hour)
	for _, firing := range [][]signal.Signal{{early, sig("A", signal.Critical)}, {sig("A", signal.Critical), early}} {
		if err := l.Sync(t.Context(), now, firing, always); err != nil {
			t.Fatal(err)
		}
		for _, got := range report.Worst(firing) {
			if !got.StartsAt.Equal(early.StartsAt) || got.Severity() != signal.Critical {
				t.Errorf("got %s since %v, want critical since %v", got.Severity(), got.StartsAt, early.StartsAt)
			}
		}
	}
	if diff := cmp.Diff([]string{"firing A critical"}, s.take()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAFailedReportIsRepeated(t *testing.T) {
	s := &sink{err: errors.New("disk full")}
	l := report.NewLedger("rule", s, nil)
	if err := l.Sync(t.Context(), now, []signal.Signal{sig("A", signal.Warning)}, always); !errors.Is(err, s.err) {
		t.Errorf("error is %v, want the sink's", err)
	}
	s.err = nil
	if err := l.Sync(t.Context(), now, []signal.Signal{sig("A", signal.Warning)}, always); err != nil {
		t.Fatal(err)
	}
	s.err = errors.New("disk full")
	if err := l.Sync(t.Context(), now, nil, always); !errors.Is(err, s.err) {
		t.Errorf("error is %v, want the sink's", err)
	}
	s.err = nil
	if err := l.Sync(t.Context(), now, nil, always); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"firing A warning", "resolved A warning"}, s.take()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatWasOpenBeforeTheStartIsResolvedToo(t *testing.T) {
	s := &sink{}
	l := report.NewLedger("rule", s, open{sig("A", signal.Warning), sig("B", signal.Warning)})
	if err := l.Sync(t.Context(), now, []signal.Signal{sig("B", signal.Warning)}, never); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"firing B warning"}, s.take()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := l.Sync(t.Context(), now, []signal.Signal{sig("B", signal.Warning)}, always); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"resolved A warning"}, s.take()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

package rules_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/vigie-ops/vigie/internal/observe/metrics/metricstest"
	"github.com/vigie-ops/vigie/internal/observe/metrics/rules"
	"github.com/vigie-ops/vigie/internal/signal"
)

// harness runs rules on a database whose one series `fault` tests set.
type harness struct {
	t     *testing.T
	db    *tsdb.DB
	rules *rules.Rules
	board *metricstest.Board
	ctx   context.Context
}

func start(t *testing.T, board *metricstest.Board) *harness {
	h := prepare(t, board)
	h.run()
	return h
}

// run evaluates the rules and reports, until the test ends.
func (h *harness) run() {
	ctx, cancel := context.WithCancel(h.ctx)
	var wg sync.WaitGroup
	wg.Go(func() { _ = h.rules.Evaluate(ctx) })
	wg.Go(func() { _ = h.rules.Report(ctx) })
	h.t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
}

// prepare returns rules that nothing evaluates yet.
func prepare(t *testing.T, board *metricstest.Board) *harness { return prepareAt(t, board, time.Now) }

func prepareAt(t *testing.T, board *metricstest.Board, now func() time.Time) *harness {
	db, err := tsdb.Open(t.TempDir(), nil, nil, tsdb.DefaultOptions(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := rules.New(rules.Options{
		Engine:    promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{})}),
		Queryable: db, Appendable: db, Interval: 100 * time.Millisecond,
		Sink: board, Alerts: board, Registry: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler), Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return &harness{t: t, db: db, rules: r, board: board, ctx: context.Background()}
}

func (h *harness) set(v float64) {
	h.t.Helper()
	app := h.db.Appender(h.ctx)
	if _, err := app.Append(0, labels.FromStrings("__name__", "fault", "server", "db-03"), time.Now().UnixMilli(), v); err != nil {
		h.t.Fatal(err)
	}
	if err := app.Commit(); err != nil {
		h.t.Fatal(err)
	}
}

// until waits for the board to show exactly these alerts.
func (h *harness) until(want ...string) {
	h.t.Helper()
	deadline := time.After(20 * time.Second)
	for !cmp.Equal(want, h.board.Names()) {
		select {
		case <-h.board.Changed:
		case <-deadline:
			h.t.Fatalf("board shows %q, want %q", h.board.Names(), want)
		}
	}
}

var faulty = rules.File{Name: "rules/faulty.yaml", Content: []byte(`
groups:
- name: faulty
  interval: 100ms
  rules:
  - alert: Faulty
    expr: fault == 1
    labels: {severity: critical}
    annotations: {summary: "{{ $labels.server }} is faulty"}
`)}

func TestAnAlertFiresAndResolves(t *testing.T) {
	h := start(t, metricstest.NewBoard())
	h.set(1)
	if err := h.rules.SetFiles([]rules.File{faulty}); err != nil {
		t.Fatal(err)
	}
	h.until("Faulty server:db-03")
	s := h.board.Told()[0]
	if s.Detector != "rule" || s.Annotations["summary"] != "db-03 is faulty" || s.Annotations["expr"] != "fault == 1" || s.Severity() != signal.Critical || s.StartsAt.IsZero() {
		t.Errorf("signal is %+v", s)
	}
	h.set(0)
	h.until()
}

func TestADeletedRuleResolvesItsAlerts(t *testing.T) {
	h := start(t, metricstest.NewBoard())
	h.set(1)
	if err := h.rules.SetFiles([]rules.File{faulty}); err != nil {
		t.Fatal(err)
	}
	h.until("Faulty server:db-03")
	if err := h.rules.SetFiles(nil); err != nil {
		t.Fatal(err)
	}
	h.until()
}

func TestABadFileChangesNothing(t *testing.T) {
	h := start(t, metricstest.NewBoard())
	h.set(1)
	if err := h.rules.SetFiles([]rules.File{faulty}); err != nil {
		t.Fatal(err)
	}
	if err := h.rules.SetFiles([]rules.File{{Name: "rules/bad.yaml", Content: []byte("groups: [")}}); err == nil {
		t.Error("a bad file was taken")
	}
	if diff := cmp.Diff([]rules.File{faulty}, h.rules.Files()); diff != "" {
		t.Errorf("files in use (-want +got):\n%s", diff)
	}
	h.until("Faulty server:db-03")
}

func TestAnAlertOpenBeforeTheStart(t *testing.T) {
	open := signal.Signal{Detector: rules.Detector, Subject: signal.Subject{Kind: "server", Slug: "db-03"}, State: signal.Firing,
		Labels: map[string]string{"alertname": "Faulty", "server": "db-03", "severity": "critical"}}
	h := start(t, metricstest.NewBoard(open))
	h.set(0)
	// Its rule comes from the operations repository, which is not read yet.
	if diff := cmp.Diff([]string{"Faulty server:db-03"}, h.board.Names()); diff != "" {
		t.Fatalf("resolved before its rule was known (-want +got):\n%s", diff)
	}
	if err := h.rules.SetFiles([]rules.File{faulty}); err != nil {
		t.Fatal(err)
	}
	h.until()
}

// A start hands the rules over before anything evaluates them.
func TestAnAlertWhoseRuleIsNotEvaluatedYetStaysOpen(t *testing.T) {
	open := signal.Signal{Detector: rules.Detector, Subject: signal.Subject{Kind: "server", Slug: "db-03"}, State: signal.Firing,
		Labels: map[string]string{"alertname": "Faulty", "server": "db-03", "severity": "critical"}}
	h := prepare(t, metricstest.NewBoard(open))
	if err := h.rules.SetFiles([]rules.File{faulty}); err != nil {
		t.Fatal(err)
	}
	if err := h.rules.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Faulty server:db-03"}, h.board.Names()); diff != "" {
		t.Errorf("resolved before its rule was evaluated (-want +got):\n%s", diff)
	}
}

func TestSilenceResolvesNothing(t *testing.T) {
	h := start(t, metricstest.NewBoard())
	h.set(1)
	h.rules.Silent(time.Now(), []string{"db-03"})
	if err := h.rules.SetFiles([]rules.File{faulty}); err != nil {
		t.Fatal(err)
	}
	h.until("Faulty server:db-03")
	h.set(0) // as good as no sample at all
	time.Sleep(time.Second)
	if diff := cmp.Diff([]string{"Faulty server:db-03"}, h.board.Names()); diff != "" {
		t.Errorf("resolved while its server was silent (-want +got):\n%s", diff)
	}
	h.rules.Silent(time.Now().Add(49*time.Hour), nil)
	h.until()
}

func TestARuleThatFailsIsAnAlert(t *testing.T) {
	var mu sync.Mutex
	ahead := time.Duration(0)
	h := prepareAt(t, metricstest.NewBoard(), func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return time.Now().Add(ahead)
	})
	h.run()
	broken := rules.File{Name: "rules/broken.yaml", Content: []byte(`
groups:
- name: broken
  interval: 100ms
  rules:
  - {alert: Broken, expr: "label_replace(vector(1), \"a b\", \"x\", \"\", \"(\") > 0"}
`)}
	if err := h.rules.SetFiles([]rules.File{broken}); err != nil {
		t.Fatal(err)
	}
	bad := func() bool {
		for _, r := range h.rules.Manager().AlertingRules() {
			if r.Name() == "Broken" && r.LastError() != nil {
				return true
			}
		}
		return false
	}
	for deadline := time.Now().Add(20 * time.Second); !bad(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the rule does not fail")
		}
	}
	time.Sleep(300 * time.Millisecond) // it was seen to fail
	for _, d := range []time.Duration{6 * time.Minute, 12 * time.Minute} {
		mu.Lock()
		ahead = d
		mu.Unlock()
		h.until("RuleFailing hub")
	}
	if err := h.rules.SetFiles(nil); err != nil {
		t.Fatal(err)
	}
	h.until()
}

func TestWhatFiredWhileTheSinkWasAwayIsTold(t *testing.T) {
	h := start(t, metricstest.NewBoard())
	h.board.Fail(errors.New("disk full"))
	h.set(1)
	if err := h.rules.SetFiles([]rules.File{faulty}); err != nil {
		t.Fatal(err)
	}
	active := func() int {
		n := 0
		for _, r := range h.rules.Manager().AlertingRules() {
			if r.Name() == "Faulty" {
				n = len(r.ActiveAlerts())
			}
		}
		return n
	}
	wait := func(want int) {
		t.Helper()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		deadline := time.After(20 * time.Second)
		for active() != want {
			select {
			case <-tick.C:
			case <-deadline:
				t.Fatalf("%d alerts active, want %d", active(), want)
			}
		}
	}
	wait(1)
	h.set(0)
	wait(0)
	h.board.Fail(nil)
	deadline := time.After(20 * time.Second)
	for len(h.board.Told()) < 2 {
		select {
		case <-h.board.Changed:
		case <-deadline:
			t.Fatalf("told %+v, want that it fired and that it is over", h.board.Told())
		}
	}
	told := h.board.Told()
	if told[0].State != signal.Firing || told[1].State != signal.Resolved {
		t.Errorf("told %s, %s", told[0].State, told[1].State)
	}
}

package rollup_test

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"

	"github.com/vigie-ops/vigie/internal/observe/metrics/query"
	"github.com/vigie-ops/vigie/internal/observe/metrics/rollup"
	"github.com/vigie-ops/vigie/internal/observe/metrics/tsdbs"
)

func TestDueWindows(t *testing.T) {
	noon := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	f := func(last, now time.Duration, want ...time.Duration) {
		t.Helper()
		var got []time.Duration
		for _, w := range rollup.Due(noon.Add(last), noon.Add(now), rollup.Fine) {
			got = append(got, w.Sub(noon))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("last %v, now %v (-want +got):\n%s", last, now, diff)
		}
	}
	f(0, 5*time.Minute)
	f(0, 5*time.Minute+59*time.Second)
	f(0, 6*time.Minute, 5*time.Minute)
	f(0, 12*time.Minute, 5*time.Minute, 10*time.Minute)
	f(0, -time.Hour) // a clock that was set back
	if n := len(rollup.Due(noon.Add(-1000*time.Hour), noon, rollup.Fine)); n != 48*12 {
		t.Errorf("%d windows are made up for after a long outage, want 576", n)
	}
}

type keeper struct{ to storage.Appendable }

func (k keeper) Write(ctx context.Context, samples []query.Sample) error {
	app := k.to.Appender(ctx)
	for _, s := range samples {
		_, err := app.Append(0, labels.FromMap(s.Labels), s.T.UnixMilli(), s.V)
		if err != nil && !errors.Is(err, storage.ErrDuplicateSampleForTimestamp) {
			return err
		}
	}
	return app.Commit()
}

type world struct {
	t     *testing.T
	store *tsdbs.Store
	ask   query.Querier
	job   *rollup.Job
	now   time.Time
}

func newWorld(t *testing.T) *world {
	store, err := tsdbs.Open(tsdbs.Options{Dir: t.TempDir(), OutOfOrder: 60 * 24 * time.Hour, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	w := &world{t: t, store: store, now: time.Date(2026, 5, 4, 12, 1, 0, 0, time.UTC)}
	w.ask = query.Querier{Engine: promql.NewEngine(promql.EngineOpts{MaxSamples: 1e8, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{})}), Storage: store}
	w.start()
	return w
}

func (w *world) start() {
	w.job = rollup.New(w.ask, keeper{w.store.Rollup()}, slog.New(slog.DiscardHandler), func() time.Time { return w.now })
}

func (w *world) write(to storage.Appendable, name string, at time.Time, v float64, pairs ...string) {
	w.t.Helper()
	ls := map[string]string{"__name__": name}
	for i := 0; i < len(pairs); i += 2 {
		ls[pairs[i]] = pairs[i+1]
	}
	if err := (keeper{to}).Write(w.t.Context(), []query.Sample{{Labels: ls, T: at, V: v}}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) step() {
	w.t.Helper()
	if err := w.job.Step(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) value(expr string, at time.Time) []float64 {
	w.t.Helper()
	found, err := w.ask.Instant(w.t.Context(), expr, at)
	if err != nil {
		w.t.Fatal(err)
	}
	var out []float64
	for _, s := range found {
		out = append(out, s.V)
	}
	slices.Sort(out)
	return out
}

func (w *world) want(expr string, at time.Time, want ...float64) {
	w.t.Helper()
	got := w.value(expr, at)
	if !slices.EqualFunc(got, want, func(a, b float64) bool { return math.Abs(a-b) < 1e-6*math.Max(1, math.Abs(b)) }) {
		w.t.Errorf("%s = %v, want %v", expr, got, want)
	}
}

func TestWindowsAreCondensed(t *testing.T) {
	w := newWorld(t)
	w.step() // begins here
	noon := w.now.Truncate(5 * time.Minute)
	for i := 1; i <= 30; i++ {
		w.write(w.store.Raw(), "node_load1", noon.Add(time.Duration(i)*time.Minute), float64(i), "server", "a")
	}
	w.now = noon.Add(31 * time.Minute)
	w.step()
	w.want("vigie:load1:avg5m", noon.Add(5*time.Minute), 3)
	w.want("vigie:load1:min5m", noon.Add(10*time.Minute), 6)
	w.want("vigie:load1:max5m", noon.Add(10*time.Minute), 10)
	w.want("vigie:load1:avg30m", noon.Add(30*time.Minute), 15.5)
	w.want("vigie:load1:min30m", noon.Add(30*time.Minute), 1)
	w.want("vigie:load1:max30m", noon.Add(30*time.Minute), 30)
}

func TestWhatWasMissedIsMadeUpFor(t *testing.T) {
	w := newWorld(t)
	w.step()
	noon := w.now.Truncate(5 * time.Minute)
	for i := 1; i <= 60; i++ {
		w.write(w.store.Raw(), "node_load1", noon.Add(time.Duration(i)*time.Minute), 1, "server", "a")
	}
	w.now = noon.Add(61 * time.Minute)
	w.start() // the hub was away for an hour
	w.step()
	w.want(`count_over_time(vigie:load1:avg5m[2h])`, w.now, 12)

	// An agent that was offline delivers its spool.
	for i := 1; i <= 60; i++ {
		w.write(w.store.Raw(), "node_load1", noon.Add(time.Duration(i)*time.Minute), 2, "server", "b")
	}
	w.job.Late(noon.Add(time.Minute))
	w.step()
	w.want(`count_over_time(vigie:load1:avg5m{server="b"}[2h])`, w.now, 12)
	w.want(`vigie:load1:avg30m{server="b"}`, noon.Add(30*time.Minute), 2)
}

func TestBandsAreWrittenBack(t *testing.T) {
	w := newWorld(t)
	noon := w.now.Truncate(5 * time.Minute)
	r := rand.New(rand.NewPCG(1, 1))
	for week := 1; week <= 4; week++ {
		for i := 1; i <= 6; i++ {
			at := noon.Add(-time.Duration(week)*7*24*time.Hour + time.Duration(i)*5*time.Minute)
			w.write(w.store.Rollup(), "vigie:load1:avg5m", at, 4+r.NormFloat64()/10, "server", "a")
		}
	}
	for day := 1; day <= 7; day++ { // a server that is a week old
		for i := 1; i <= 6; i++ {
			at := noon.Add(-time.Duration(day)*24*time.Hour + time.Duration(i)*5*time.Minute)
			w.write(w.store.Rollup(), "vigie:load1:avg5m", at, 8, "server", "young")
		}
	}
	w.step()
	for i := 1; i <= 10; i++ {
		at := noon.Add(time.Duration(i) * time.Minute)
		w.write(w.store.Raw(), "node_load1", at, 9, "server", "a")
		w.write(w.store.Raw(), "node_load1", at, 8, "server", "young")
		w.write(w.store.Raw(), "node_load1", at, 8, "server", "new")
	}
	w.now = noon.Add(11 * time.Minute)
	w.step()
	end := noon.Add(10 * time.Minute)
	if got := w.value(`vigie_band_score{metric="load1",server="a"}`, end); len(got) != 1 || got[0] < 6 {
		t.Errorf("score of a busy server is %v, want above 6", got)
	}
	if got := w.value(`vigie_band_expected{metric="load1",server="a"}`, end); len(got) != 1 || math.Abs(got[0]-4) > 0.2 {
		t.Errorf("expected is %v, want about 4", got)
	}
	w.want(`vigie_band_score{server="young"}`, end, 0)
	w.want(`vigie_band_lower{server="young"} < bool vigie_band_upper`, end, 1)
	w.want(`vigie_band_score{server="new"}`, end)
}

func TestTimeToFullIsWrittenBack(t *testing.T) {
	w := newWorld(t)
	noon := w.now.Truncate(30 * time.Minute)
	const gb, size = 1e9, 100e9
	used := func(at time.Time) float64 { return 50*gb + at.Sub(noon).Hours()*gb }
	for at := noon.Add(-8 * 24 * time.Hour); !at.After(noon); at = at.Add(30 * time.Minute) {
		w.write(w.store.Rollup(), "vigie:disk_used_bytes:avg30m", at, used(at), "server", "a", "mountpoint", "/")
		w.write(w.store.Rollup(), "vigie:disk_used_bytes:avg30m", at, 10*gb, "server", "b", "mountpoint", "/")
	}
	for at := noon.Add(-7 * time.Hour); !at.After(noon); at = at.Add(5 * time.Minute) {
		w.write(w.store.Rollup(), "vigie:disk_used_bytes:avg5m", at, used(at), "server", "a", "mountpoint", "/")
		w.write(w.store.Rollup(), "vigie:disk_used_bytes:avg5m", at, 10*gb, "server", "b", "mountpoint", "/")
	}
	w.step()
	for i := 1; i <= 30; i++ {
		at := noon.Add(time.Duration(i) * time.Minute)
		for server, v := range map[string]float64{"a": used(at), "b": 10 * gb, "new": 5 * gb} {
			w.write(w.store.Raw(), "node_filesystem_size_bytes", at, size, "server", server, "mountpoint", "/", "fstype", "ext4")
			w.write(w.store.Raw(), "node_filesystem_avail_bytes", at, size-v, "server", server, "mountpoint", "/", "fstype", "ext4")
		}
	}
	w.now = noon.Add(31 * time.Minute)
	w.step()
	end := noon.Add(30 * time.Minute)
	got := w.value(`vigie_time_to_full_seconds{server="a"}`, end)
	if len(got) != 1 || math.Abs(got[0]-49.5*3600) > 1800 {
		t.Errorf("time to full is %v, want about 49.5 hours", got)
	}
	w.want(`vigie_time_to_full_seconds{server="b"}`, end, 365*24*3600)
	w.want(`vigie_time_to_full_seconds{server="new"}`, end)
}

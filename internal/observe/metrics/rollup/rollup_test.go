package rollup_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
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
	w.job.Late("b", noon.Add(time.Minute), noon.Add(time.Hour))
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

// counted is a Querier that keeps what it was asked to condense.
type counted struct {
	query.Querier
	asked []string
	times map[time.Time]bool
}

// counted starts the job with one.
func (w *world) counted() *counted {
	c := &counted{Querier: w.ask, times: map[time.Time]bool{}}
	w.job = rollup.New(c, keeper{w.store.Rollup()}, slog.New(slog.DiscardHandler), func() time.Time { return w.now })
	return c
}

func (c *counted) Range(ctx context.Context, expr string, from, to time.Time, step time.Duration) ([]query.Series, error) {
	if !strings.HasPrefix(expr, "vigie:") { // that is for the bands
		c.asked, c.times[to] = append(c.asked, expr), true
	}
	return c.Querier.Range(ctx, expr, from, to, step)
}

func TestALateAgentIsCondensedAloneAndAfterWhatIsDue(t *testing.T) {
	w := newWorld(t)
	c := w.counted()
	noon := w.now.Truncate(5 * time.Minute)
	w.now = noon.Add(-48*time.Hour + 6*time.Minute)
	w.step() // begins here
	w.now = noon.Add(time.Minute)
	w.step()
	for _, server := range []string{"b", "b.x"} {
		for i := range 100 {
			at := noon.Add(-24*time.Hour + time.Duration(i+1)*5*time.Minute)
			w.write(w.store.Raw(), "node_load1", at, 2, "server", server)
		}
	}
	w.job.Late("b", noon.Add(-24*time.Hour+5*time.Minute), noon.Add(-24*time.Hour+500*time.Minute))
	w.now = noon.Add(6 * time.Minute)

	c.asked, c.times = nil, map[time.Time]bool{}
	w.step()
	if due := len(rollup.Metrics()); len(c.asked) != 61*due || len(c.times) != 61 {
		t.Errorf("asked %d times about %d windows, want 61 windows", len(c.asked), len(c.times))
	} else if slices.ContainsFunc(c.asked[:due], aboutB) || slices.ContainsFunc(c.asked[due:], func(e string) bool { return !aboutB(e) }) {
		t.Errorf("what is due for all does not come first, or what is late is condensed for all: %q", c.asked)
	}
	w.want(`count(count_over_time(vigie:load1:avg5m[48h]))`, w.now, 1)
	w.step()
	w.want(`count_over_time(vigie:load1:avg5m{server="b"}[48h])`, w.now, 101) // the last one counts until it is stale
	w.want(`count_over_time(vigie:load1:avg30m{server="b"}[48h])`, w.now, 17)
	w.want(`count_over_time(vigie:load1:avg5m{server="b.x"}[48h])`, w.now)

	c.asked = nil
	w.step()
	if len(c.asked) > 0 {
		t.Errorf("asked %d times when nothing is due or late", len(c.asked))
	}
}

func aboutB(expr string) bool { return strings.Contains(expr, `server=~"b"`) }

func TestWhatManySentLateIsCondensedForAll(t *testing.T) {
	w := newWorld(t)
	c := w.counted()
	w.step()
	noon := w.now.Truncate(5 * time.Minute)
	w.now = noon.Add(time.Hour + time.Minute)
	w.step()
	for i := range 200 {
		w.job.Late(fmt.Sprintf("app-%03d", i), noon.Add(12*time.Minute), noon.Add(13*time.Minute))
	}
	w.job.Late("", noon.Add(22*time.Minute), noon.Add(23*time.Minute))
	w.job.Late("app-000", noon.Add(22*time.Minute), noon.Add(23*time.Minute))
	c.asked = nil
	w.step()
	if len(c.asked) != 4*len(rollup.Metrics()) || slices.ContainsFunc(c.asked, func(e string) bool { return strings.Contains(e, "server=~") }) {
		t.Errorf("asked %d times, or of some servers alone: %q", len(c.asked), c.asked[:min(2, len(c.asked))])
	}
}

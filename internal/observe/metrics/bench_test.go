package metrics_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"
	remoteapi "github.com/prometheus/client_golang/exp/api/remote"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
	promremote "github.com/prometheus/prometheus/storage/remote"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/vigie-ops/vigie/internal/observe/metrics"
)

const (
	benchServers = 1000
	benchSeries  = 500
)

// template is the request of one agent, its samples at time zero.
func template(server string) *writev2.Request {
	st := writev2.NewSymbolTable()
	req := &writev2.Request{}
	for i := range benchSeries {
		ls := labels.FromStrings("__name__", fmt.Sprintf("node_metric_%d_total", i/5), "device", fmt.Sprintf("dev%d", i%5), "instance", server, "job", "node", "server", server)
		req.Timeseries = append(req.Timeseries, writev2.TimeSeries{
			LabelsRefs: st.SymbolizeLabels(ls, nil),
			Samples:    []writev2.Sample{{Value: float64(i)}},
			Metadata:   writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_COUNTER, HelpRef: st.Symbolize("Some help text.")},
		})
	}
	req.Symbols = st.Symbols()
	return req
}

func at(req *writev2.Request, ms int64) []byte {
	for i := range req.Timeseries {
		req.Timeseries[i].Samples[0].Timestamp = ms
		req.Timeseries[i].Samples[0].Value++
	}
	b, err := req.Marshal()
	if err != nil {
		panic(err)
	}
	return snappy.Encode(nil, b)
}

type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(code int) {
	if code/100 != 2 {
		panic(fmt.Sprintf("status %d", code))
	}
}

// BenchmarkWrite sends a sample of each of 1,000 × 500 series in each round:
// through the agents' path, and through the handler of the bare library. Bodies
// are made outside the measured time.
func BenchmarkWrite(b *testing.B) {
	b.Run("agents", func(b *testing.B) {
		room := open(b, metrics.Options{})
		measure(b, room.AgentWriter(func(r *http.Request) (metrics.Sender, bool) {
			return metrics.Sender{Server: r.Header.Get("X-Server"), Labels: map[string]string{"ring": "production"}}, true
		}))
	})
	b.Run("bare", func(b *testing.B) {
		opts := tsdb.DefaultOptions()
		opts.OutOfOrderTimeWindow = (48 * time.Hour).Milliseconds()
		db, err := tsdb.Open(b.TempDir(), slog.New(slog.DiscardHandler), nil, opts, nil)
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close()
		measure(b, promremote.NewWriteHandler(slog.New(slog.DiscardHandler), prometheus.NewRegistry(), db, remoteapi.MessageTypes{remoteapi.WriteV2MessageType}, false, false, false))
	})
}

func measure(b *testing.B, h http.Handler) {
	reqs := make([]*writev2.Request, benchServers)
	for i := range reqs {
		reqs[i] = template(fmt.Sprintf("srv-%04d", i))
	}
	bodies := make([][]byte, benchServers)
	ms := time.Now().Add(-time.Hour).UnixMilli()
	round := func() {
		var next atomic.Int64
		var wg sync.WaitGroup
		for range runtime.GOMAXPROCS(0) {
			wg.Go(func() {
				for {
					i := int(next.Add(1)) - 1
					if i >= benchServers {
						return
					}
					r := httptest.NewRequest(http.MethodPost, "/api/v1/write", strings.NewReader(string(bodies[i])))
					r.Header.Set("Content-Type", type2)
					r.Header.Set("Content-Encoding", "snappy")
					r.Header.Set("X-Server", fmt.Sprintf("srv-%04d", i))
					h.ServeHTTP(discard{http.Header{}}, r)
				}
			})
		}
		wg.Wait()
	}
	prepare := func() {
		ms += 10_000
		for i := range reqs {
			bodies[i] = at(reqs[i], ms)
		}
	}
	prepare()
	start := time.Now()
	round() // the first round makes the series
	b.ReportMetric(benchServers*benchSeries/time.Since(start).Seconds(), "first-samples/s")
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		prepare()
		b.StartTimer()
		round()
	}
	b.ReportMetric(float64(b.N)*benchServers*benchSeries/b.Elapsed().Seconds(), "samples/s")
	b.StopTimer()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapInuse>>20), "heap-MB")
}

// BenchmarkRestart opens 500,000 series after an unclean stop.
func BenchmarkRestart(b *testing.B) {
	dir := b.TempDir()
	room := open(b, metrics.Options{Dir: dir})
	h := room.WriteHandler()
	ms := time.Now().Add(-time.Hour).UnixMilli()
	for i := range benchServers {
		req := template(fmt.Sprintf("srv-%04d", i))
		for range 6 {
			ms += 10
			post(b, h, type2, at(req, ms))
		}
	}
	copied := b.TempDir()
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for _, name := range []string{"raw", "rollup"} {
			_ = os.Remove(filepath.Join(copied, name, "lock"))
		}
		again, err := metrics.Open(context.Background(), metrics.Options{Dir: copied})
		if err != nil {
			b.Fatal(err)
		}
		if size, _ := again.Size(); size.RawSeries < benchServers*benchSeries {
			b.Fatalf("%d series after the restart", size.RawSeries)
		}
		b.StopTimer()
		again.Close()
		b.StartTimer()
	}
}

// BenchmarkStart opens empty data.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		room, err := metrics.Open(context.Background(), metrics.Options{Dir: b.TempDir()})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		room.Close()
		b.StartTimer()
	}
}

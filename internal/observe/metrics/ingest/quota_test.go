package ingest

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/prometheus/client_golang/prometheus"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"

	"github.com/vigie-ops/vigie/internal/observe/metrics/tsdbs"
)

func TestAnAgentCannotMakeUpSeriesWithoutEnd(t *testing.T) {
	store, err := tsdbs.Open(tsdbs.Options{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	now := time.Now()
	in := New(Options{To: store.Raw(), Limits: Limits{NewSeries: 10}, Registry: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }})
	send := func(server string, from, to, want int) {
		t.Helper()
		req := writev2.Request{Symbols: []string{"", "__name__"}}
		for i := from; i < to; i++ {
			req.Symbols = append(req.Symbols, fmt.Sprintf("m%d", i))
			req.Timeseries = append(req.Timeseries, writev2.TimeSeries{
				LabelsRefs: []uint32{1, uint32(len(req.Symbols) - 1)}, Samples: []writev2.Sample{{Value: 1, Timestamp: now.UnixMilli()}},
			})
		}
		plain, err := req.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(snappy.Encode(nil, plain)))
		r.Header.Set("Content-Type", "application/x-protobuf;proto=io.prometheus.write.v2.Request")
		w := httptest.NewRecorder()
		in.Agents(func(*http.Request) (Sender, bool) { return Sender{Server: server}, true }).ServeHTTP(w, r)
		if got := w.Header().Get("X-Prometheus-Remote-Write-Samples-Written"); got != fmt.Sprint(want) || want < to-from && !strings.Contains(w.Body.String(), "too many new series") {
			t.Errorf("%s, series %d to %d: %s were stored, want %d: %s", server, from, to, got, want, w.Body)
		}
		now = now.Add(time.Second)
	}
	send("a", 0, 8, 8)
	send("a", 0, 20, 10) // the eight that are known, and two more
	send("a", 0, 10, 10) // what is known goes on
	send("b", 0, 10, 10) // and others are not troubled
	now = now.Add(time.Hour)
	send("a", 10, 15, 5)
}

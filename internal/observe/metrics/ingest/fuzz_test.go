package ingest_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/klauspost/compress/snappy"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"

	"github.com/vigie-ops/vigie/internal/observe/metrics/ingest"
	"github.com/vigie-ops/vigie/internal/observe/metrics/tsdbs"
)

// Whatever an agent sends, the answer is an answer and never a fault of ours.
func FuzzAgents(f *testing.F) {
	store, err := tsdbs.Open(tsdbs.Options{Dir: f.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { store.Close() })
	in := ingest.New(ingest.Options{To: store.Raw(), Registry: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler)})
	h := in.Agents(func(*http.Request) (ingest.Sender, bool) { return ingest.Sender{Server: "a"}, true })

	v2 := writev2.Request{Symbols: []string{"", "__name__", "m"}, Timeseries: []writev2.TimeSeries{{LabelsRefs: []uint32{1, 2}, Samples: []writev2.Sample{{Value: 1, Timestamp: 1}}}}}
	b2, _ := v2.Marshal()
	v1 := prompb.WriteRequest{Timeseries: []prompb.TimeSeries{{Labels: []prompb.Label{{Name: "__name__", Value: "m"}}, Samples: []prompb.Sample{{Value: 1, Timestamp: 1}}}}}
	b1, _ := v1.Marshal()
	f.Add(true, b2)
	f.Add(false, b1)
	f.Fuzz(func(t *testing.T, two bool, plain []byte) {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(snappy.Encode(nil, plain)))
		r.Header.Set("Content-Type", "application/x-protobuf")
		if two {
			r.Header.Set("Content-Type", "application/x-protobuf;proto=io.prometheus.write.v2.Request")
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code/100 == 5 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

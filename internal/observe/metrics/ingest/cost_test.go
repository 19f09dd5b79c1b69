package ingest

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"testing"

	"github.com/klauspost/compress/snappy"
	remoteapi "github.com/prometheus/client_golang/exp/api/remote"
	"github.com/prometheus/client_golang/prometheus"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"

	"github.com/vigie-ops/vigie/internal/observe/metrics/tsdbs"
)

// inside returns a field of a message that holds b.
func inside(number byte, b []byte) []byte {
	out := []byte{number<<3 | 2}
	for n := len(b); ; n >>= 7 {
		if n < 0x80 {
			return append(append(out, byte(n)), b...)
		}
		out = append(out, byte(n)|0x80)
	}
}

func TestASmallRequestCannotTakeAllMemory(t *testing.T) {
	const many = 8 << 20
	store, err := tsdbs.Open(tsdbs.Options{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	h := New(Options{To: store.Raw(), Registry: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler)}).
		Agents(func(*http.Request) (Sender, bool) { return Sender{Server: "a"}, true })
	empty := func(number byte) []byte { return bytes.Repeat([]byte{number<<3 | 2, 0}, many) }
	for name, plain := range map[string][]byte{
		"series":            empty(5),
		"symbols":           bytes.Repeat([]byte{4<<3 | 2, 0}, 2*many),
		"histograms":        inside(5, empty(3)),
		"exemplars":         inside(5, empty(4)),
		"spans":             inside(5, inside(3, empty(8))),
		"a group before":    append([]byte{15<<3 | 3, 15<<3 | 4}, empty(5)...),
		"a number too long": bytes.Repeat([]byte{5<<3 | 2, 0x80, 0x00}, many),
	} {
		packed := snappy.Encode(nil, plain)
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(packed))
		r.Header.Set("Content-Type", "application/x-protobuf;proto=io.prometheus.write.v2.Request")
		w := httptest.NewRecorder()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		h.ServeHTTP(w, r)
		runtime.ReadMemStats(&after)
		if took := (after.TotalAlloc - before.TotalAlloc) >> 20; w.Code != http.StatusRequestEntityTooLarge || took > 128 {
			t.Errorf("%s: %d bytes are answered %d and took %d MiB", name, len(packed), w.Code, took)
		}
	}
}

func TestWhatClaimsToUnpackToMoreThanItCanIsRefused(t *testing.T) {
	b := buffer{}
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(append([]byte{0x80, 0x80, 0x80, 0x10}, make([]byte, 20)...))) // 32 MiB
	if _, err := b.read(httptest.NewRecorder(), r, Limits{}.withDefaults()); err == nil || cap(b.plain) > 0 {
		t.Errorf("24 bytes made room for %d: %v", cap(b.plain), err)
	}
	even := bytes.Repeat([]byte("a"), 32<<20)
	r = httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(snappy.Encode(nil, even)))
	if got, err := b.read(httptest.NewRecorder(), r, Limits{}.withDefaults()); err != nil || !bytes.Equal(got, even) {
		t.Errorf("what packs best was refused: %v", err)
	}
}

func TestALargeHonestRequestIsAffordable(t *testing.T) {
	req := writev2.Request{Symbols: []string{""}}
	for i := range 50_000 {
		var refs []uint32
		for l := range 10 {
			refs = append(refs, uint32(len(req.Symbols)))
			req.Symbols = append(req.Symbols, fmt.Sprintf("label_%d_%d", i, l))
		}
		req.Timeseries = append(req.Timeseries, writev2.TimeSeries{LabelsRefs: refs, Samples: slices.Repeat([]writev2.Sample{{Value: 1.5, Timestamp: 1795403725549}}, 5)})
	}
	body, err := req.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if !affordable(remoteapi.WriteV2MessageType, body, memory*Limits{}.withDefaults().Decoded) {
		t.Errorf("%d bytes with 50,000 series are refused", len(body))
	}
}

func TestAnAgentDoesNotSpeakForTheHub(t *testing.T) {
	for name, want := range map[string]bool{
		"probe_success": true, "vigie_probe_certificate_not_after_seconds": true, "vigie_band_upper": true, "vigie_time_to_full_seconds": true,
		"vigie:load1:avg5m": true, "vigie_rollup_done_timestamp_seconds": true, "ALERTS": true, "ALERTS_FOR_STATE": true,
		"vigie_agent_spool_bytes": false, "vigie_container_restarts_total": false, "vigie_file_certificate_not_after_seconds": false,
		"node_load1": false, "process_cpu_seconds_total": false, "vigie": false, "": false,
	} {
		if got := hubOnly(name); got != want {
			t.Errorf("%q is the hub's alone: %v, want %v", name, got, want)
		}
	}
}

package ingest_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang/snappy"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/vigie-ops/vigie/internal/observe/logs/ingest"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// push posts a body to a handler.
func push(t testing.TB, h http.HandlerFunc, body []byte, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(ingest.With(t.Context(), ingest.Sender{Name: "shipper", Server: "app-01"}), "POST", "/", bytes.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h(w, r)
	return w
}

func export() plogotlp.ExportRequest {
	logs := plog.NewLogs()
	rl := logs.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr("service.name", "api")
	rl.Resource().Attributes().PutStr("host.name", "node-1")
	sl := rl.ScopeLogs().AppendEmpty()
	sl.Scope().SetName("orders")
	lr := sl.LogRecords().AppendEmpty()
	lr.SetTimestamp(pcommon.NewTimestampFromTime(noon.Add(-time.Minute)))
	lr.SetSeverityNumber(plog.SeverityNumberError2)
	lr.Body().SetStr("it broke")
	lr.SetTraceID([16]byte{1})
	lr.Attributes().PutInt("http.response.status_code", 502)
	lr.Attributes().PutStr("vigie.owner", "instance:other")
	lr.Attributes().PutEmptySlice("tags").AppendEmpty().SetStr("a")
	lr.Attributes().PutEmptyMap("user").PutStr("name", "ada")
	lr = sl.LogRecords().AppendEmpty()
	lr.SetObservedTimestamp(pcommon.NewTimestampFromTime(noon))
	lr.SetSeverityText("Warn")
	lr.Body().SetEmptyMap().PutStr("message", "structured")
	return plogotlp.NewExportRequestFromLogs(logs)
}

func TestOTLPIsTakenInBothForms(t *testing.T) {
	in, k := open(t)
	proto, err := export().MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	text, err := export().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var z bytes.Buffer
	g := gzip.NewWriter(&z)
	_, _ = g.Write(proto)
	_ = g.Close()
	for _, w := range []*httptest.ResponseRecorder{
		push(t, in.OTLP, z.Bytes(), "Content-Type", "application/x-protobuf", "Content-Encoding", "gzip"), push(t, in.OTLP, text, "Content-Type", "application/json; charset=utf-8"),
	} {
		if w.Code != http.StatusOK {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	got := k.all()
	if len(got) != 4 {
		t.Fatalf("%d lines are kept", len(got))
	}
	const want = "host.hostname=node-1 http.response.status_code=502 log.level=error log.logger=orders service.name=api tags=a trace.id=01000000000000000000000000000000 user.name=ada"
	for i := range 2 {
		if r := got[2*i]; r.Message != "it broke" || fields(r) != want || !r.At().Equal(noon.Add(-time.Minute)) {
			t.Errorf("kept %q with %s at %s", r.Message, fields(r), r.At())
		}
		if r := got[2*i+1]; r.Message != "structured" || !strings.Contains(fields(r), "log.level=warning") || !r.At().Equal(noon) {
			t.Errorf("kept %q with %s at %s", r.Message, fields(r), r.At())
		}
	}
	for kind, want := range map[string]int{"application/x-protobuf": 400, "application/json": 400, "text/plain": 415} {
		if w := push(t, in.OTLP, []byte("nonsense"), "Content-Type", kind); w.Code != want {
			t.Errorf("nonsense as %s: %d", kind, w.Code)
		}
	}
	k.fail = ingest.ErrBusy
	if w := push(t, in.OTLP, proto, "Content-Type", "application/x-protobuf"); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
		t.Errorf("a busy store: %d", w.Code)
	}
}

func TestOTLPTellsWhatItRefused(t *testing.T) {
	k := &keeper{}
	in := ingest.New(ingest.Options{To: k, Now: func() time.Time { return noon }, Limits: record.Limits{Fields: 5}, Route: func(ingest.Sender, *record.Record) {}})
	proto, err := export().MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	w := push(t, in.OTLP, proto, "Content-Type", "application/x-protobuf")
	out := plogotlp.NewExportResponse()
	if err := out.UnmarshalProto(w.Body.Bytes()); err != nil {
		t.Fatal(err)
	}
	if p := out.PartialSuccess(); p.RejectedLogRecords() != 1 || !strings.Contains(p.ErrorMessage(), "too many fields") || len(k.all()) != 1 {
		t.Errorf("told %d, %q; %d lines are kept", p.RejectedLogRecords(), p.ErrorMessage(), len(k.all()))
	}
}

// lokiPush writes a push as promtail does.
func lokiPush(labels string, lines ...string) []byte {
	var stream []byte
	stream = protowire.AppendTag(stream, 1, protowire.BytesType)
	stream = protowire.AppendString(stream, labels)
	for i, l := range lines {
		var at, entry []byte
		at = protowire.AppendTag(at, 1, protowire.VarintType)
		at = protowire.AppendVarint(at, uint64(noon.Unix()))
		at = protowire.AppendTag(at, 2, protowire.VarintType)
		at = protowire.AppendVarint(at, uint64(i))
		entry = protowire.AppendTag(entry, 1, protowire.BytesType)
		entry = protowire.AppendBytes(entry, at)
		entry = protowire.AppendTag(entry, 2, protowire.BytesType)
		entry = protowire.AppendString(entry, l)
		var meta []byte
		meta = protowire.AppendTag(meta, 1, protowire.BytesType)
		meta = protowire.AppendString(meta, "trace_id")
		meta = protowire.AppendTag(meta, 2, protowire.BytesType)
		meta = protowire.AppendString(meta, "abc")
		entry = protowire.AppendTag(entry, 3, protowire.BytesType)
		entry = protowire.AppendBytes(entry, meta)
		stream = protowire.AppendTag(stream, 2, protowire.BytesType)
		stream = protowire.AppendBytes(stream, entry)
	}
	out := protowire.AppendTag(nil, 1, protowire.BytesType)
	return snappy.Encode(nil, protowire.AppendBytes(out, stream))
}

func TestPushesOfLokiAreTakenInBothForms(t *testing.T) {
	in, k := open(t)
	if w := push(t, in.Loki, lokiPush(`{job="api", filename="/var/log/a \"b\".log", level="WARN", team="x"}`, "one", "two"), "Content-Type", "application/x-protobuf"); w.Code != http.StatusNoContent {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	body := `{"streams":[{"stream":{"job":"api","filename":"/var/log/a \"b\".log","level":"WARN","team":"x"},"values":[["1795608000000000000","one",{"trace_id":"abc"}],["1795608000000000001","two",{"trace_id":"abc"}]]}]}`
	if w := push(t, in.Loki, []byte(body), "Content-Type", "application/json"); w.Code != http.StatusNoContent {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	got := k.all()
	if len(got) != 4 {
		t.Fatalf("%d lines are kept", len(got))
	}
	for i, r := range got {
		if want := []string{"one", "two"}[i%2]; r.Message != want || r.Time != noon.UnixNano()+int64(i%2) || fields(r) != `labels.team=x log.file.path=/var/log/a "b".log log.level=warning service.name=api trace.id=abc` {
			t.Errorf("kept %q at %d with %s", r.Message, r.Time, fields(r))
		}
	}
	for what, w := range map[string]*httptest.ResponseRecorder{
		"text":      push(t, in.Loki, []byte("nonsense")),
		"no JSON":   push(t, in.Loki, []byte("nonsense"), "Content-Type", "application/json"),
		"a number":  push(t, in.Loki, []byte(`{"streams":[{"stream":{},"values":[[1,"x"]]}]}`), "Content-Type", "application/json"),
		"no labels": push(t, in.Loki, lokiPush(`job=api`, "x")),
	} {
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "no push of Loki") {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
	}
	if n := len(k.all()); n != 4 {
		t.Errorf("%d lines are kept", n)
	}
}

func TestALineOfLokiThatIsAnObjectIsRead(t *testing.T) {
	in, k := open(t)
	body := `{"streams":[{"stream":{"app":"basket","level":"warn"},"values":[["1795608000000000000","{\"level\":40,\"msg\":\"it is empty\",\"n\":3,\"service\":\"other\"}"],["1795608000000000001","{broken}"],["1795608000000000002","[1]"]]}]}`
	if w := push(t, in.Loki, []byte(body), "Content-Type", "application/json"); w.Code != http.StatusNoContent {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	got := k.all()
	if len(got) != 3 {
		t.Fatalf("%d lines are kept", len(got))
	}
	if r := got[0]; r.Message != "it is empty" || fields(r) != "log.level=warning n=3 service=other service.name=basket" || r.Time != noon.UnixNano() {
		t.Errorf("kept %q with %s", r.Message, fields(r))
	}
	if got[1].Message != "{broken}" || got[2].Message != "[1]" {
		t.Errorf("kept %q and %q", got[1].Message, got[2].Message)
	}
}

const exported = "__CURSOR=s=1;i=1\n__REALTIME_TIMESTAMP=1795607940000000\n_HOSTNAME=app-01\nPRIORITY=3\nSYSLOG_IDENTIFIER=nginx\n_SYSTEMD_UNIT=nginx.service\n_PID=7\nMESSAGE=it broke\n\n" +
	"__CURSOR=s=1;i=2\n__REALTIME_TIMESTAMP=1795607940000001\n_COMM=sh\nMESSAGE\n\x0b\x00\x00\x00\x00\x00\x00\x00two\nlines\x00=\nPRIORITY=6\n\n"

func TestTheJournalIsTakenOnce(t *testing.T) {
	in, k := open(t)
	for range 2 {
		if w := push(t, in.Journal, []byte(exported), "Content-Type", "application/vnd.fdo.journal"); w.Code != http.StatusAccepted {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	got := k.all()
	if len(got) != 2 {
		t.Fatalf("%d lines are kept", len(got))
	}
	if r := got[0]; r.Message != "it broke" || fields(r) != "host.hostname=app-01 log.level=error log.syslog.appname=nginx process.pid=7 service.name=nginx systemd.unit=nginx.service" || !r.At().Equal(noon.Add(-time.Minute)) {
		t.Errorf("kept %q with %s at %s", r.Message, fields(r), r.At())
	}
	if r := got[1]; r.Message != "two\nlines\x00=" || fields(r) != "log.level=info process.name=sh service.name=sh" {
		t.Errorf("kept %q with %s", r.Message, fields(r))
	}
	for _, bad := range []string{"MESSAGE\n\x0b\x00", "MESSAGE\n\x01\x00\x00\x00\x00\x00\x00\x00ab", "=x\n\n", "A\n\xff\xff\xff\xff\xff\xff\xff\xff"} {
		if w := push(t, in.Journal, []byte(bad), "Content-Type", "application/vnd.fdo.journal"); w.Code != http.StatusBadRequest {
			t.Errorf("%q: %d %s", bad, w.Code, w.Body)
		}
	}
}

func FuzzPushesAreTakenOrRefused(f *testing.F) {
	f.Add(0, lokiPush(`{job="api"}`, "x"))
	f.Add(1, []byte(`{"streams":[{"stream":{"a":"b"},"values":[["1","x",{"c":"d"}]]}]}`))
	f.Add(2, []byte(exported))
	f.Fuzz(func(t *testing.T, which int, body []byte) {
		in, k := open(t)
		var w *httptest.ResponseRecorder
		switch which {
		case 0:
			w = push(t, in.Loki, body)
		case 1:
			w = push(t, in.Loki, body, "Content-Type", "application/json")
		case 2:
			push(t, in.Journal, body, "Content-Type", "application/vnd.fdo.journal")
			return // what came before a mistake is kept
		default:
			w = push(t, in.OTLP, body, "Content-Type", "application/x-protobuf")
		}
		if w.Code >= 300 && len(k.all()) > 0 {
			t.Errorf("%d, and %d lines are kept", w.Code, len(k.all()))
		}
	})
}

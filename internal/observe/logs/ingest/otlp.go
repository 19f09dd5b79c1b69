package ingest

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// OTLP answers POST /v1/logs of OTLP/HTTP, as protobuf or JSON. Lines that are
// refused are told as its partial success.
func (in *Intake) OTLP(w http.ResponseWriter, r *http.Request) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	req := plogotlp.NewExportRequest()
	unmarshal, marshal := req.UnmarshalProto, plogotlp.ExportResponse.MarshalProto
	switch kind {
	case "application/x-protobuf", "application/protobuf":
	case "application/json":
		unmarshal, marshal = req.UnmarshalJSON, plogotlp.ExportResponse.MarshalJSON
	default:
		http.Error(w, "OTLP is application/x-protobuf or application/json", http.StatusUnsupportedMediaType)
		return
	}
	body, err := in.body(w, r)
	if err != nil {
		http.Error(w, err.Error(), statusOf(err))
		return
	}
	if err := unmarshal(body); err != nil {
		http.Error(w, "the request is no export of logs: "+err.Error(), http.StatusBadRequest)
		return
	}
	var lines []record.Record
	refused, why := 0, error(nil)
	for line, err := range in.otlpLines(req.Logs()) {
		if err != nil {
			refused++
			why = err
			continue
		}
		lines = append(lines, line)
	}
	more, err := in.Take(r.Context(), "otlp", lines)
	if err != nil {
		w.Header().Set("Retry-After", "5")
		http.Error(w, err.Error(), statusOf(err))
		return
	}
	if more > 0 {
		why = errors.Join(why, errOwner)
	}
	out := plogotlp.NewExportResponse()
	if refused += more; refused > 0 {
		out.PartialSuccess().SetRejectedLogRecords(int64(refused))
		out.PartialSuccess().SetErrorMessage(why.Error())
	}
	b, err := marshal(out)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(b) // it is kept; a sender that went away sends it again
}

// otlpLines yields the lines of an export, or why one is none.
func (in *Intake) otlpLines(logs plog.Logs) func(func(record.Record, error) bool) {
	return func(yield func(record.Record, error) bool) {
		for _, rl := range logs.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, lr := range sl.LogRecords().All() {
					line, err := in.otlpLine(rl.Resource().Attributes(), sl.Scope(), lr)
					if !yield(line, err) {
						return
					}
				}
			}
		}
	}
}

func (in *Intake) otlpLine(resource pcommon.Map, scope pcommon.InstrumentationScope, lr plog.LogRecord) (record.Record, error) {
	var r record.Record
	most := in.o.Limits.Fields
	if most == 0 {
		most = 1000
	}
	put := func(name string, v record.Value) { r.Fields = append(r.Fields, record.Field{Name: name, Value: v}) }
	attributes(resource, put)
	if scope.Name() != "" {
		put("log.logger", record.StringValue(clean(scope.Name())))
	}
	attributes(lr.Attributes(), put)
	if len(r.Fields) > most {
		return r, fmt.Errorf("%w: %d, at most %d", record.ErrManyFields, len(r.Fields), most)
	}
	switch body := lr.Body(); body.Type() {
	case pcommon.ValueTypeMap:
		attributes(body.Map(), put)
		if v, ok := body.Map().Get("message"); ok {
			r.Message = clean(v.AsString())
		} else {
			r.Message = clean(body.AsString())
		}
	default:
		r.Message = clean(body.AsString())
	}
	if len(r.Message) > in.o.Line {
		return r, fmt.Errorf("the message has %d bytes, at most %d", len(r.Message), in.o.Line)
	}
	switch {
	case lr.Timestamp() != 0:
		r.Time = int64(lr.Timestamp()) //nolint:gosec // far times are caught later
	case lr.ObservedTimestamp() != 0:
		r.Time = int64(lr.ObservedTimestamp()) //nolint:gosec // the same
	}
	if id := lr.TraceID(); !id.IsEmpty() {
		put("trace.id", record.StringValue(id.String()))
	}
	if id := lr.SpanID(); !id.IsEmpty() {
		put("span.id", record.StringValue(id.String()))
	}
	switch text, n := lr.SeverityText(), lr.SeverityNumber(); {
	case n >= plog.SeverityNumberFatal:
		put(record.Level, record.StringValue(record.LevelCritical))
	case n >= plog.SeverityNumberTrace:
		level := []string{record.LevelTrace, record.LevelDebug, record.LevelInfo, record.LevelWarning, record.LevelError}[(n-1)/4]
		put(record.Level, record.StringValue(level))
	case text != "":
		put(record.Level, record.StringValue(record.LevelOf(clean(text))))
	}
	r.Fields = unreserved(r.Fields)
	r.Sort()
	return r, nil
}

// otlpNames gives the semantic conventions of OpenTelemetry the names of
// Elastic Common Schema where they differ.
var otlpNames = map[string]string{
	"host.name": "host.hostname", "service.instance.id": "service.node.name", "k8s.pod.name": "kubernetes.pod.name", "k8s.namespace.name": "kubernetes.namespace",
	"k8s.node.name": "kubernetes.node.name", "k8s.container.name": "container.name", "deployment.environment": "service.environment",
	"deployment.environment.name": "service.environment", "exception.type": "error.type", "exception.message": "error.message",
	"exception.stacktrace": "error.stack_trace", "code.filepath": "log.origin.file.name", "code.lineno": "log.origin.file.line", "code.function": "log.origin.function",
}

func attributes(m pcommon.Map, put func(string, record.Value)) {
	for name, v := range m.All() {
		name = clean(name)
		if n, ok := otlpNames[name]; ok {
			name = n
		}
		if len(name) == 0 || len(name) > 512 {
			continue
		}
		attribute(name, v, put, 0)
	}
}

func attribute(name string, v pcommon.Value, put func(string, record.Value), depth int) {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		put(name, record.StringValue(clean(v.Str())))
	case pcommon.ValueTypeInt:
		put(name, record.IntValue(v.Int()))
	case pcommon.ValueTypeDouble:
		put(name, record.FloatValue(v.Double()))
	case pcommon.ValueTypeBool:
		put(name, record.BoolValue(v.Bool()))
	case pcommon.ValueTypeSlice:
		for _, one := range v.Slice().All() {
			if one.Type() == pcommon.ValueTypeMap || depth > 10 {
				put(name, record.JSONValue(clean(v.AsString())))
				return
			}
		}
		for _, one := range v.Slice().All() {
			attribute(name, one, put, depth+1)
		}
	case pcommon.ValueTypeMap:
		if depth > 10 {
			put(name, record.JSONValue(clean(v.AsString())))
			return
		}
		for sub, v := range v.Map().All() {
			attribute(name+"."+clean(sub), v, put, depth+1)
		}
	case pcommon.ValueTypeBytes:
		put(name, record.StringValue(v.AsString()))
	case pcommon.ValueTypeEmpty:
	}
}

func clean(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// unreserved leaves out fields that are the hub's own to set.
func unreserved(fields []record.Field) []record.Field {
	kept := fields[:0]
	for _, f := range fields {
		if !record.Reserved(f.Name) && !strings.HasPrefix(f.Name, "vigie.") {
			kept = append(kept, f)
		}
	}
	return kept
}

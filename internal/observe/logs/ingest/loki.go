package ingest

import (
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/golang/snappy"
	"github.com/valyala/fastjson"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// errPush is a body that is no push.
var errPush = errors.New("the request is no push of Loki")

// Loki answers POST /loki/api/v1/push, as JSON or as snappy-compressed
// protobuf. It takes a request whole, or refuses it whole with the reason.
func (in *Intake) Loki(w http.ResponseWriter, r *http.Request) {
	body, err := in.body(w, r)
	var lines []record.Record
	if err == nil {
		if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "application/json" {
			lines, err = lokiJSON(body)
		} else {
			lines, err = in.lokiProto(body, r.Header.Get("Content-Encoding") == "snappy")
		}
	}
	for i := range lines {
		if len(lines[i].Message) > in.o.Line {
			err = fmt.Errorf("%w: line %d has %d bytes, at most %d", errPush, i+1, len(lines[i].Message), in.o.Line)
		}
	}
	refused := 0
	if err == nil {
		refused, err = in.Take(r.Context(), "loki", lines)
	}
	switch {
	case errors.Is(err, errPush):
		http.Error(w, err.Error(), http.StatusBadRequest)
	case err != nil:
		http.Error(w, err.Error(), statusOf(err))
	case refused > 0:
		http.Error(w, fmt.Sprintf("%d of %d lines: %v", refused, len(lines), errOwner), http.StatusForbidden)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

func lokiJSON(body []byte) ([]record.Record, error) {
	var p fastjson.Parser
	v, err := p.ParseBytes(body)
	if err != nil {
		return nil, fmt.Errorf("%w: it is no JSON", errPush)
	}
	streams := v.GetArray("streams")
	if v.Get("streams") == nil {
		return nil, fmt.Errorf("%w: streams is missing", errPush)
	}
	var lines []record.Record
	for i, s := range streams {
		labels := map[string]string{}
		s.GetObject("stream").Visit(func(key []byte, v *fastjson.Value) { labels[clean(string(key))] = clean(string(v.GetStringBytes())) })
		for j, e := range s.GetArray("values") {
			pair, _ := e.Array()
			if len(pair) < 2 || len(pair) > 3 {
				return nil, fmt.Errorf("%w: streams[%d].values[%d] is [\"NANOSECONDS\", \"LINE\"]", errPush, i, j)
			}
			at, err := strconv.ParseInt(string(pair[0].GetStringBytes()), 10, 64)
			if err != nil {
				return nil, fmt.Errorf("%w: the time of streams[%d].values[%d] is no number of nanoseconds in quotes", errPush, i, j)
			}
			text, err := pair[1].StringBytes()
			if err != nil {
				return nil, fmt.Errorf("%w: the line of streams[%d].values[%d] is no text", errPush, i, j)
			}
			meta := maps.Clone(labels)
			if len(pair) == 3 {
				pair[2].GetObject().Visit(func(key []byte, v *fastjson.Value) { meta[clean(string(key))] = clean(string(v.GetStringBytes())) })
			}
			lines = append(lines, lokiLine(meta, at, string(text)))
		}
	}
	return lines, nil
}

// lokiProto reads logproto.PushRequest.
func (in *Intake) lokiProto(b []byte, plain bool) ([]record.Record, error) {
	if !plain { // clients compress it without saying so in a header
		n, err := snappy.DecodedLen(b)
		if err != nil {
			return nil, fmt.Errorf("%w: it is neither JSON, which has the Content-Type application/json, nor snappy", errPush)
		}
		if n > in.o.Body {
			return nil, fmt.Errorf("%w: %d bytes once decompressed, at most %d", errTooLarge, n, in.o.Body)
		}
		if b, err = snappy.Decode(nil, b); err != nil {
			return nil, fmt.Errorf("%w: it cannot be decompressed", errPush)
		}
	}
	var lines []record.Record
	err := message(b, func(n protowire.Number, stream []byte, _ uint64) error {
		if n != 1 {
			return nil
		}
		labels := map[string]string{}
		var entries [][]byte
		err := message(stream, func(n protowire.Number, b []byte, _ uint64) (err error) {
			switch n {
			case 1:
				labels, err = lokiLabels(string(b))
			case 2:
				entries = append(entries, b)
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, e := range entries {
			line, err := lokiEntry(labels, e)
			if err != nil {
				return err
			}
			lines = append(lines, line)
		}
		return nil
	})
	return lines, err
}

func lokiEntry(labels map[string]string, b []byte) (record.Record, error) {
	at, text := int64(0), ""
	meta := maps.Clone(labels)
	err := message(b, func(n protowire.Number, b []byte, _ uint64) error {
		switch n {
		case 1:
			return message(b, func(n protowire.Number, _ []byte, v uint64) error {
				switch n {
				case 1:
					at += int64(v) * 1e9 //nolint:gosec // as protobuf encodes it
				case 2:
					at += int64(int32(v)) //nolint:gosec // the same
				}
				return nil
			})
		case 2:
			text = string(b)
		case 3:
			name, value := "", ""
			err := message(b, func(n protowire.Number, b []byte, _ uint64) error {
				switch n {
				case 1:
					name = clean(string(b))
				case 2:
					value = clean(string(b))
				}
				return nil
			})
			meta[name] = value
			return err
		}
		return nil
	})
	return lokiLine(meta, at, text), err
}

// message hands over the fields of a protobuf message.
func message(b []byte, f func(n protowire.Number, b []byte, v uint64) error) error {
	for len(b) > 0 {
		n, kind, size := protowire.ConsumeTag(b)
		if size < 0 {
			return fmt.Errorf("%w: a field of it is cut off", errPush)
		}
		b = b[size:]
		var text []byte
		var v uint64
		switch kind {
		case protowire.BytesType:
			text, size = protowire.ConsumeBytes(b)
		case protowire.VarintType:
			v, size = protowire.ConsumeVarint(b)
		default:
			size = protowire.ConsumeFieldValue(n, kind, b)
		}
		if size < 0 {
			return fmt.Errorf("%w: field %d of it is cut off", errPush, n)
		}
		b = b[size:]
		if err := f(n, text, v); err != nil {
			return err
		}
	}
	return nil
}

// lokiLabels reads labels as Prometheus writes them: {job="x", host="y"}.
func lokiLabels(s string) (map[string]string, error) {
	out := map[string]string{}
	bad := fmt.Errorf("%w: the labels %.100q are not {name=\"value\", …}", errPush, s)
	s = strings.TrimSpace(s)
	if !strings.HasPrefix(s, "{") || !strings.HasSuffix(s, "}") {
		return nil, bad
	}
	s = s[1 : len(s)-1]
	for {
		s = strings.TrimLeft(s, ", ")
		if s == "" {
			return out, nil
		}
		name, rest, ok := strings.Cut(s, "=")
		if !ok {
			return nil, bad
		}
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return nil, bad
		}
		value, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, bad
		}
		out[clean(strings.TrimSpace(name))] = clean(value)
		s = rest[len(quoted):]
	}
}

// lokiNames gives labels that are common their names of Elastic Common Schema;
// all others are under labels.
var lokiNames = map[string]string{
	"service_name": record.Service, "service": record.Service, "app": record.Service, "job": record.Service, "filename": record.Path,
	"host": "host.hostname", "hostname": "host.hostname", "nodename": "host.hostname", "node_name": "host.hostname",
	"container": "container.name", "container_name": "container.name", "pod": "kubernetes.pod.name", "namespace": "kubernetes.namespace",
	"unit": "systemd.unit", "trace_id": "trace.id", "traceID": "trace.id", "span_id": "span.id",
	"level": record.Level, "detected_level": record.Level, "severity": record.Level,
}

func lokiLine(labels map[string]string, at int64, text string) record.Record {
	r := record.Record{Time: at, Message: clean(strings.TrimRight(text, "\r\n"))}
	taken := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		v := labels[name]
		if v == "" || name == "" || len(name) > 500 {
			continue
		}
		field, ok := lokiNames[name]
		if !ok || taken[field] {
			field = "labels." + name
		}
		taken[field] = true
		if field == record.Level {
			v = record.LevelOf(v)
		}
		r.Fields = append(r.Fields, record.Field{Name: field, Value: record.StringValue(v)})
	}
	fromJSON(&r)
	r.Sort()
	return r
}

// fromJSON reads a line that is an object, as libraries for logs write them.
// What labels say goes first, and so does the time of the push.
func fromJSON(r *record.Record) {
	if !strings.HasPrefix(r.Message, "{") || !strings.HasSuffix(r.Message, "}") {
		return
	}
	v, err := fastjson.Parse(r.Message)
	if err != nil {
		return
	}
	var doc record.Record
	if record.Document(v, record.Limits{}, &doc) != nil {
		return // it is kept as it is
	}
	said := map[string]bool{}
	for _, f := range r.Fields {
		said[f.Name] = true
	}
	for _, f := range doc.Fields {
		if !said[f.Name] {
			r.Fields = append(r.Fields, f)
		}
	}
	if doc.Message != "" {
		r.Message = doc.Message
	}
}

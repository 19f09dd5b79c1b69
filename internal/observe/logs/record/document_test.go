package record_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/valyala/fastjson"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

func document(text string) (record.Record, error) {
	v, err := fastjson.Parse(text)
	if err != nil {
		return record.Record{}, err
	}
	var r record.Record
	err = record.Document(v, record.Limits{}, &r)
	return r, err
}

func TestDocumentsBecomeLines(t *testing.T) {
	str, num := record.StringValue, record.IntValue
	at := time.Date(2026, 11, 25, 10, 0, 0, 123e6, time.UTC).UnixNano()
	for text, want := range map[string]record.Record{
		`{"@timestamp":"2026-11-25T11:00:00.123+01:00","message":"hello","http":{"response":{"status_code":502}},"http.version":"1.1"}`: {
			Time: at, Message: "hello", Fields: []record.Field{{Name: "http.response.status_code", Value: num(502)}, {Name: "http.version", Value: str("1.1")}},
		},
		`{"level":30,"time":1795600800123,"pid":7,"hostname":"app-01","msg":"pino"}`: {
			Time: at, Message: "pino", Fields: []record.Field{{Name: "hostname", Value: str("app-01")}, {Name: "log.level", Value: str("info")}, {Name: "pid", Value: num(7)}},
		},
		`{"_time":"2026-11-25T10:00:00.123Z","_msg":"m","app":"nginx","severity":"WARN"}`: {
			Time: at, Message: "m", Fields: []record.Field{{Name: "app", Value: str("nginx")}, {Name: "log.level", Value: str("warning")}, {Name: "service.name", Value: str("nginx")}},
		},
		`{"message":"x","tags":["a","b",["c"]],"list":[{"a":1}],"none":null,"nothing":[],"ok":true,"f":0.5,"whole":2.0,"big":18446744073709551616,"huge":1e999}`: {
			Message: "x", Fields: []record.Field{
				{Name: "big", Value: str("18446744073709551616")}, {Name: "f", Value: record.FloatValue(0.5)}, {Name: "huge", Value: str("1e999")},
				{Name: "list", Value: record.JSONValue(`[{"a":1}]`)}, {Name: "ok", Value: record.BoolValue(true)},
				{Name: "tags", Value: str("a")}, {Name: "tags", Value: str("b")}, {Name: "tags", Value: str("c")}, {Name: "whole", Value: num(2)},
			},
		},
		`{"ts":"not a time","log":{"level":"ERROR"},"message":{"a":1}}`: {
			Fields: []record.Field{{Name: "log.level", Value: str("error")}, {Name: "message.a", Value: num(1)}, {Name: "ts", Value: str("not a time")}},
		},
		"{\"message\":\"bad \xff bytes\"}": {Message: "bad \uFFFD bytes"},
	} {
		got, err := document(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s:\n%s", text, diff)
		}
	}
}

func TestWhatIsNoLineIsRefused(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 25) + "1" + strings.Repeat("}", 25)
	var wide strings.Builder
	for i := range 1001 {
		fmt.Fprintf(&wide, `,"f%d":1`, i)
	}
	for text, want := range map[string]error{
		`[1]`: record.ErrNoObject, `"x"`: record.ErrNoObject, deep: record.ErrTooDeep, `{"a":[` + deep + `]}`: record.ErrTooDeep,
		`{"a":` + strings.Repeat("[", 25) + strings.Repeat("]", 25) + `}`: record.ErrTooDeep,
		`{"m":1` + wide.String() + `}`:                                    record.ErrManyFields, `{"` + strings.Repeat("n", 513) + `":1}`: record.ErrLongName,
		`{"@timestamp":"yesterday"}`: record.ErrTime, `{"@timestamp":true}`: record.ErrTime, `{"@timestamp":"2026-02-30T00:00:00Z"}`: record.ErrTime,
		`{"_id":"1"}`: record.ErrReserved, `{"vigie":{"owner":"instance:other"}}`: record.ErrReserved, `{"vigie.instance":"other"}`: record.ErrReserved,
	} {
		if _, err := document(text); !errors.Is(err, want) {
			t.Errorf("%.60s: %v, want %v", text, err, want)
		}
	}
}

func TestTimesAreReadAsProgramsWriteThem(t *testing.T) {
	at := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC).UnixNano()
	for text, want := range map[string]int64{
		"2026-11-25T10:00:00Z": at, "2026-11-25 10:00:00": at, "2026-11-25T11:00:00+01:00": at, "2026-11-25T11:00:00+0100": at, "2026-11-25T11:00:00 +01": at,
		"2026-11-25T10:00:00,5Z": at + 5e8, "2026-11-25T10:00:00.123456789Z": at + 123456789, "2026-11-25T10:00:00.1234567891234Z": at + 123456789,
		"2026-11-25T10:00": at, "2026-11-25": at - 10*int64(time.Hour), "2024-02-29T00:00:00Z": time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC).UnixNano(),
	} {
		if got, ok := record.ParseTime(text); !ok || got != want {
			t.Errorf("%s is %d, %t, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "2026", "2026-13-01", "2023-02-29", "2026-11-25T", "2026-11-25T25:00:00Z", "2026-11-25T10:00:00X", "2026-11-25T10:00:00.Z", "2026-11-25T10:00:00+1", "9999-01-01T00:00:00Z", "20 6-11-25"} {
		if got, ok := record.ParseTime(text); ok {
			t.Errorf("%q is %d", text, got)
		}
	}
	for f, want := range map[float64]int64{1795600800: at, 1795600800000: at, 1795600800000000: at, 1795600800e9: at} {
		if got, ok := record.EpochTime(f); !ok || got != want {
			t.Errorf("%v is %d, %t, want %d", f, got, ok, want)
		}
	}
	for _, f := range []float64{0, -1, 5, 1e30} {
		if got, ok := record.EpochTime(f); ok {
			t.Errorf("%v is %d", f, got)
		}
	}
}

func FuzzTimesAreThoseOfTheStandardLibrary(f *testing.F) {
	f.Add("2026-11-25T10:00:00.123456789+02:00")
	f.Add("2000-02-29T23:59:59Z")
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := record.ParseTime(text) // must not panic
		want, err := time.Parse(time.RFC3339Nano, text)
		if err != nil || want.Year() < 1679 || want.Year() > 2260 {
			return
		}
		if ok && got != want.UnixNano() {
			t.Errorf("%q is %d, want %d", text, got, want.UnixNano())
		}
		// It also takes an hour of one digit and an offset of 60 minutes.
		text = want.Format(time.RFC3339Nano)
		if got, ok := record.ParseTime(text); !ok || got != want.UnixNano() {
			t.Errorf("%q is %d, %t, want %d", text, got, ok, want.UnixNano())
		}
	})
}

func FuzzDocumentsAreLinesOrRefused(f *testing.F) {
	f.Add(`{"@timestamp":"2026-11-25T10:00:00Z","message":"x","a":{"b":[1,{"c":null}]},"level":"INFO"}`)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := document(text)
		if err != nil {
			return
		}
		if !slices.IsSortedFunc(r.Fields, func(a, b record.Field) int { return strings.Compare(a.Name, b.Name) }) {
			t.Error("the fields are in no order")
		}
		for _, f := range r.Fields {
			if record.Reserved(f.Name) || !utf8.ValidString(f.Name) || !utf8.ValidString(f.Value.Text()) {
				t.Errorf("field %q is %q", f.Name, f.Value.Text())
			}
		}
		var again record.Record
		if rest, err := record.Decode(record.Append(nil, &r), &again); err != nil || len(rest) > 0 || !cmp.Equal(r, again, cmpopts.EquateEmpty()) {
			t.Errorf("%+v is read again as %+v, %v", r, again, err)
		}
	})
}

func BenchmarkDocument(b *testing.B) {
	const text = `{"_time":"2026-11-25T10:00:00.123456789Z","_msg":"10.1.2.3 - - [25/Nov/2026:10:00:00 +0000] \"GET /api/v1/reports/77 HTTP/1.1\" 200 1234 \"-\" \"curl/8.5.0\" 0.031","instance":"cust07","host":"node07","app":"nginx","status":200,"method":"GET","path":"/api/v1/reports/77","client_ip":"10.1.2.3","bytes":1234,"request_time":"0.031","user_agent":"curl/8.5.0"}`
	var p fastjson.Parser
	var r record.Record
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		v, err := p.Parse(text)
		if err != nil {
			b.Fatal(err)
		}
		if err := record.Document(v, record.Limits{}, &r); err != nil {
			b.Fatal(err)
		}
	}
}

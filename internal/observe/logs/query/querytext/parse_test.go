package querytext_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/querytest"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/querytext"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

var (
	now  = time.Date(2026, 11, 25, 10, 17, 42, 0, time.UTC)
	opts = querytext.Options{Now: now}

	same = cmpopts.IgnoreFields(query.Pattern{}, "Regexp")
)

// Short names for what filters are made of.
func str(s string) record.Value                    { return record.StringValue(s) }
func num(n int64) record.Value                     { return record.IntValue(n) }
func at(s string) record.Value                     { ns, _ := record.ParseTime(s); return record.TimeValue(ns) }
func eq(field string, v record.Value) query.Filter { return query.Equal{Field: field, Value: v} }
func anyw(text string) query.Filter                { return query.NewWords("*", text) }
func msg(text string) query.Filter                 { return query.NewWords("message", text) }
func not(f query.Filter) query.Filter              { return query.Not{Filter: f} }
func glob(field, text string) query.Filter         { return pat(field, query.Wildcard, text, false) }
func day(field string, from, to string) query.Filter {
	return query.Range{Field: field, From: at(from), To: at(to), ToOpen: true}
}

func pat(field string, kind query.PatternKind, text string, fold bool) query.Filter {
	p, err := query.NewPattern(field, kind, text, fold)
	if err != nil {
		panic(err)
	}
	return p
}

const status = "http.response.status_code"

var texts = map[string]query.Filter{
	"":        query.All{},
	"  ":      query.All{},
	"*":       query.All{},
	"*:*":     query.All{},
	"not *:*": query.None{},
	`service.name:nginx and http.response.status_code >= 500 and "upstream timed out"`: query.And{
		eq("service.name", str("nginx")), query.Range{Field: status, From: num(500)}, anyw("upstream timed out")},

	// Words.
	"error":                     anyw("error"),
	"Error timeout":             query.And{anyw("error"), anyw("timeout")},
	"10.0.0.1":                  anyw("10 0 0 1"),
	"http://host/path":          anyw("http host path"),
	"std::vector":               anyw("std vector"),
	"fe80::1":                   anyw("fe80 1"),
	"10:15:02":                  anyw("10 15 02"),
	"2026-11-25T10:15:02.5Z":    anyw("2026 11 25t10 15 02 5z"),
	"user_id=7":                 anyw("user_id 7"),
	"/index.html":               anyw("index html"),
	"/var/log/":                 anyw("var log"),
	"--verbose":                 anyw("verbose"),
	"=>":                        glob("*", "*=>*"),
	`"a\\b \"c\" d\n"`:          anyw(`a\b "c" d\n`),
	`"upstream timed out"~2`:    query.Words{Field: "*", Words: []string{"upstream", "timed", "out"}, Phrase: true, Slop: 2},
	`"upstream time"*`:          query.Words{Field: "*", Words: []string{"upstream", "time"}, Phrase: true, Prefix: true},
	`"out timed"~*`:             query.Words{Field: "*", Words: []string{"out", "timed"}},
	"time*":                     query.Words{Field: "*", Words: []string{"time"}, Prefix: true},
	"error^2 \"a b\"^3.5 (c)^1": query.And{anyw("error"), anyw("a b"), anyw("c")},
	"andy order nothing":        query.And{anyw("andy"), anyw("order"), anyw("nothing")},

	// Operators.
	"a and b or c":    query.Or{query.And{anyw("a"), anyw("b")}, anyw("c")},
	"a AND (b OR c)":  query.And{anyw("a"), query.Or{anyw("b"), anyw("c")}},
	"a && b || !c":    query.Or{query.And{anyw("a"), anyw("b")}, not(anyw("c"))},
	"not a b":         query.And{not(anyw("a")), anyw("b")},
	"NOT (a b)":       not(query.And{anyw("a"), anyw("b")}),
	"+a -b":           query.And{anyw("a"), not(anyw("b"))},
	"-status:200":     not(eq("status", num(200))),
	"not not a":       not(not(anyw("a"))),
	"(a or b or c)@2": query.AtLeast{N: 2, Of: []query.Filter{anyw("a"), anyw("b"), anyw("c")}},
	"((a))":           anyw("a"),
	"a(b)":            query.And{anyw("a"), anyw("b")},

	// Values.
	"status:200":              eq("status", num(200)),
	`status:"200"`:            eq("status", str("200")),
	"status: 200":             eq("status", num(200)),
	"status : 200":            eq("status", num(200)),
	"took:1.5":                eq("took", record.FloatValue(1.5)),
	"version:1.50":            eq("version", str("1.50")),
	"id:007":                  eq("id", str("007")),
	"ok:true":                 eq("ok", record.BoolValue(true)),
	"offset:-5":               eq("offset", num(-5)),
	"user.name:Anna":          eq("user.name", str("Anna")),
	`user.name:"Anna Berg"`:   eq("user.name", str("Anna Berg")),
	"url:http://host/a?b":     glob("url", "http://host/a?b"),
	`path:C\:\temp`:           eq("path", str(`C:\temp`)),
	"url.path:/api/v1/users":  eq("url.path", str("/api/v1/users")),
	"source.ip:fe80::1":       eq("source.ip", str("fe80::1")),
	"log.level:WARN":          eq("log.level", str("warning")),
	"log.level:WARN*":         pat("log.level", query.Prefix, "WARN", true),
	`a\:b:c`:                  eq("a:b", str("c")),
	"not:5":                   eq("not", num(5)),
	"msg:timeout":             msg("timeout"),
	"_msg:timeout":            msg("timeout"),
	`\msg:timeout`:            eq("msg", str("timeout")),
	"message:timeout":         msg("timeout"),
	`message:"timed out"`:     msg("timed out"),
	"message.keyword:Timeout": eq("message", str("Timeout")),
	"error.message:refused":   query.NewWords("error.message", "refused"),
	"*:refused":               anyw("refused"),
	`service.name:"ngin"*`:    query.Words{Field: "service.name", Words: []string{"ngin"}, Prefix: true},
	`service.name:"nginx"~0`:  query.NewWords("service.name", "nginx"),

	// Lists.
	"status:(200 or 404)":            query.OneOf{Field: "status", Values: []record.Value{num(200), num(404)}},
	"status:(200 404)":               query.OneOf{Field: "status", Values: []record.Value{num(200), num(404)}},
	"status:(-1 or 404)":             query.OneOf{Field: "status", Values: []record.Value{num(-1), num(404)}},
	"status:(200 or 404)^2":          query.OneOf{Field: "status", Values: []record.Value{num(200), num(404)}},
	"tags:(a and b)":                 query.And{eq("tags", str("a")), eq("tags", str("b"))},
	"tags:(a and not b)":             query.And{eq("tags", str("a")), not(eq("tags", str("b")))},
	"not tags:(a or b)":              not(query.OneOf{Field: "tags", Values: []record.Value{str("a"), str("b")}}),
	"tags:(a* or b)":                 query.Or{pat("tags", query.Prefix, "a", false), eq("tags", str("b"))},
	"message:(timed and out)":        query.And{msg("timed"), msg("out")},
	"message:(timed out)":            query.And{msg("timed"), msg("out")},
	`message:("timed out" or reset)`: query.Or{msg("timed out"), msg("reset")},
	"service.name:(a or b) and c":    query.And{query.OneOf{Field: "service.name", Values: []record.Value{str("a"), str("b")}}, anyw("c")},

	// Existence and patterns.
	"trace.id:*":              query.Exists{Field: "trace.id"},
	"_exists_:trace.id":       query.Exists{Field: "trace.id"},
	"service.name:ngin*":      pat("service.name", query.Prefix, "ngin", false),
	"service.name:n?i*x":      glob("service.name", "n?i*x"),
	`service.name:a\*b*`:      pat("service.name", query.Prefix, "a*b", false),
	"trace.id:/[a-f]+/":       pat("trace.id", query.Regexp, "[a-f]+", false),
	"trace.id:/[a-f]+/i":      pat("trace.id", query.Regexp, "[a-f]+", true),
	`trace.id:/a\/b c/ and d`: query.And{pat("trace.id", query.Regexp, "a/b c", false), anyw("d")},
	"message:/time.?out/":     pat("message", query.Regexp, ".*(?:time.?out).*", false),
	`x:="A b"`:                eq("x", str("A b")),
	`x:~"A b"`:                query.Equal{Field: "x", Value: str("A b"), Fold: true},
	"x:~A*":                   pat("x", query.Prefix, "A", true),
	"message:=5":              eq("message", num(5)),

	// Ranges.
	"status > 5":                            query.Range{Field: "status", From: num(5), FromOpen: true},
	"status>=5":                             query.Range{Field: "status", From: num(5)},
	"status:<5.5":                           query.Range{Field: "status", To: record.FloatValue(5.5), ToOpen: true},
	"status <= -5":                          query.Range{Field: "status", To: num(-5)},
	`status >= "500"`:                       query.Range{Field: "status", From: num(500)},
	`status >= ="500"`:                      query.Range{Field: "status", From: str("500")},
	"status:[200 TO 299]":                   query.Range{Field: "status", From: num(200), To: num(299)},
	"status:[200 to 300}":                   query.Range{Field: "status", From: num(200), To: num(300), ToOpen: true},
	"status:{200 TO *]":                     query.Range{Field: "status", From: num(200), FromOpen: true},
	"status:[* TO *]":                       query.Exists{Field: "status"},
	`name:[alpha TO "beta z"]`:              query.Range{Field: "name", From: str("alpha"), To: str("beta z")},
	"@timestamp:2026-11-25":                 day("@timestamp", "2026-11-25", "2026-11-26"),
	"@timestamp:now/d":                      day("@timestamp", "2026-11-25", "2026-11-26"),
	"@timestamp >= now-15m":                 query.Range{Field: "@timestamp", From: at("2026-11-25T10:02:42")},
	"@timestamp > 2026-11-25":               query.Range{Field: "@timestamp", From: at("2026-11-26")},
	"@timestamp <= 2026-11-25":              query.Range{Field: "@timestamp", To: at("2026-11-26"), ToOpen: true},
	"@timestamp < 2026-11-25":               query.Range{Field: "@timestamp", To: at("2026-11-25"), ToOpen: true},
	"@timestamp >= 2026-11-25T10:00:00Z":    query.Range{Field: "@timestamp", From: at("2026-11-25T10:00:00Z")},
	`@timestamp > "2026-11-25T10:00:00.5Z"`: query.Range{Field: "@timestamp", From: at("2026-11-25T10:00:00.5Z"), FromOpen: true},
	"@timestamp:[2026-11-24 TO 2026-11-25]": day("@timestamp", "2026-11-24", "2026-11-26"),
	"@timestamp:[now-1d TO now}":            query.Range{Field: "@timestamp", From: at("2026-11-24T10:17:42"), To: at("2026-11-25T10:17:42"), ToOpen: true},
	"certificate.until < now+30d":           query.Range{Field: "certificate.until", To: at("2026-12-25T10:17:42"), ToOpen: true},
	"status:(>=200 and <300)":               query.And{query.Range{Field: "status", From: num(200)}, query.Range{Field: "status", To: num(300), ToOpen: true}},
}

func TestTextBecomesAFilter(t *testing.T) {
	for text, want := range texts {
		got, err := querytext.Parse(text, opts)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if d := cmp.Diff(want, got, same); d != "" {
			t.Errorf("%s:\n%s", text, d)
		}
	}
}

func TestWhatParseReadsFormatWritesBack(t *testing.T) {
	for text, want := range texts {
		written := querytext.Format(want)
		got, err := querytext.Parse(written, opts)
		if err != nil {
			t.Errorf("%s is written %s: %v", text, written, err)
			continue
		}
		if d := cmp.Diff(want, got, same); d != "" {
			t.Errorf("%s is written %s, which is another filter:\n%s", text, written, d)
		}
	}
}

func TestFormatWritesAsPeopleDo(t *testing.T) {
	for want, f := range map[string]query.Filter{
		`service.name:nginx and http.response.status_code >= 500 and "upstream timed out"`: texts[`service.name:nginx and http.response.status_code >= 500 and "upstream timed out"`],
		`user.name:"Anna Berg"`:                  eq("user.name", str("Anna Berg")),
		"not status:(200 or 404)":                not(query.OneOf{Field: "status", Values: []record.Value{num(200), num(404)}}),
		"a and (b or not c)":                     query.And{anyw("a"), query.Or{anyw("b"), not(anyw("c"))}},
		`message:="Connection reset (by peer)"`:  eq("message", str("Connection reset (by peer)")),
		"@timestamp >= 2026-11-25T10:00:00.000Z": query.Range{Field: "@timestamp", From: at("2026-11-25T10:00:00Z")},
		"log.level:error":                        eq("log.level", str("error")),
	} {
		if got := querytext.Format(f); got != want {
			t.Errorf("written %s, want %s", got, want)
		}
	}
}

func TestErrorsPointAtTheCharacter(t *testing.T) {
	for _, c := range []struct{ text, at, says string }{
		{"a and (b or c", "(", "a closing parenthesis is missing; it was opened here"},
		{"a and (", "(", "a closing parenthesis is missing"},
		{"status:(200 or 404", "(", "a closing parenthesis is missing"},
		{"a) and b", ")", "no opening parenthesis"},
		{`a "b c`, `"`, "a closing quotation mark is missing"},
		{"a and", "", "something is missing at the end"},
		{"and b", "and", "in front of and something is missing"},
		{"a or or b", "or", "in front of or something is missing"},
		{"not", "", "something is missing at the end"},
		{"()", "()", "nothing between the parentheses"},
		{"status:", "status:", "a value is missing"},
		{"status >", ">", "a value is missing"},
		{"> 5", ">", "the name of a field is missing"},
		{":5", ":", "the name of a field is missing"},
		{"[error] x", "[", "a bracket cannot stand here"},
		{"service.*:x", "service.*", "no wildcards"},
		{`"a b":c`, `"a b"`, "no quotation marks"},
		{"roam~", "~", "only similar"},
		{"status:[200 TO 300", "[", "a closing bracket is missing"},
		{"status:[200 300]", "[200 300]", "the range cannot be read"},
		{"user:{name:anna}", "{name:anna}", "the range cannot be read"},
		{"@timestamp:yesterday", "yesterday", "the time cannot be read"},
		{"@timestamp >= now-5x", "now-5x", "the time cannot be read"},
		{"x:/[/", "/[/", "the pattern cannot be read"},
		{"(a b)@x", "@", "how many must be there"},
		{strings.Repeat("(", 51) + "a", "", "nested deeper than 50"},
		{strings.Repeat("!", 60) + "a", "", "nested deeper than 50"},
		{strings.Repeat("a ", 1100), "", "more than 1000 parts"},
		{strings.Repeat("a", 10_001), "", "too long"},
	} {
		_, err := querytext.Parse(c.text, opts)
		var e *querytext.SyntaxError
		if !errors.As(err, &e) {
			t.Errorf("%.40s: %v", c.text, err)
			continue
		}
		if e.At < 0 || e.End < e.At || e.End > len(c.text) {
			t.Errorf("%.40s: it is at %d to %d of %d", c.text, e.At, e.End, len(c.text))
			continue
		}
		if at := c.text[e.At:e.End]; c.at != "" && at != c.at || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%.40s: %q at %q, want %q at %q", c.text, err, at, c.says, c.at)
		}
	}
}

func TestElasticsearchsQueryStringMakesAlternatives(t *testing.T) {
	o := querytext.Options{Now: now, Or: true, Fields: []string{"message", "error.type"}}
	either := func(w string) query.Filter { return query.Or{msg(w), eq("error.type", str(w))} }
	for text, want := range map[string]query.Filter{
		"a b":         query.Or{either("a"), either("b")},
		"a AND b":     query.And{either("a"), either("b")},
		"+a b -c":     query.And{either("a"), not(either("c"))},
		"a -c":        query.And{either("a"), not(either("c"))},
		"a b AND c":   query.Or{either("a"), query.And{either("b"), either("c")}},
		"status:5 ok": query.Or{eq("status", num(5)), either("ok")},
		"-a -b":       query.And{not(either("a")), not(either("b"))},
	} {
		got, err := querytext.Parse(text, o)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if d := cmp.Diff(want, got, same); d != "" {
			t.Errorf("%s:\n%s", text, d)
		}
	}
}

func TestPatternsAreOfWordsInText(t *testing.T) {
	for _, c := range []struct {
		text, message string
		want          bool
	}{
		{"message:time*", "upstream TIMEOUT", true},
		{"message:time*", "uptime", false},
		{"message:*time", "uptime 3", true},
		{"message:*time", "uptimes", false},
		{"message:*time*", "uptimes", true},
		{"message:t?me", "it is time.", true},
		{"message:t?me", "it is timed", false},
		{"message:10.0.*.5", "from 10.0.77.5 port", true},
		{"message:10.0.*.5", "from 10.0.77.50 port", false},
		{"message:/5\\d\\d/", "status 503 here", true},
		{"message:(t?me or x)", "X", true},
		{"=>", "a => b", true},
		{"message:?", "a bc", true},
		{"message:??", "a b", false},
		{"Größ*", "GRÖSSE größe", true},
		{"*größe", "die größe", true},
	} {
		f, err := querytext.Parse(c.text, opts)
		if err != nil {
			t.Fatal(c.text, err)
		}
		if got := query.Match(f, &record.Record{Message: c.message}); got != c.want {
			t.Errorf("%s takes %q: %v (%#v)", c.text, c.message, got, f)
		}
	}
}

// Whatever the filter, its text takes the same lines.
func TestEveryFilterHasAText(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	lines := querytest.Records(r, 300)
	for i := range 3000 {
		f := querytest.Filter(r, 3)
		if !utf8.ValidString(fmt.Sprint(f)) {
			continue // it asks for a half of a character
		}
		text := querytext.Format(f)
		got, err := querytext.Parse(text, opts)
		if err != nil {
			t.Fatalf("%d: %s: %v\n%#v", i, text, err, f)
		}
		for j := range lines {
			if query.Match(f, &lines[j]) != query.Match(got, &lines[j]) {
				t.Fatalf("%d: %s takes other lines than\n%#v\n%#v\nsuch as %+v", i, text, f, got, lines[j])
			}
		}
	}
}

func TestNamesAndValuesOfAnySignsAreWritten(t *testing.T) {
	strange := []string{"a b", "a:b", "and", "OR", "not", "to", "-x", "+x", "(", "\"", `\`, `a\b`, "12", "2026-11-25T10", "msg", "_all", "x.keyword", "_exists_", "é", "\n", "a*", "?", "/x/", "=x", "~x", "[", "^2", "a~2", "<", "now", "true", "5", "1e3", "a@b", "", "NaN", "@timestamp"}
	for _, s := range strange {
		for _, f := range []query.Filter{
			eq("x", str(s)), eq("message", str(s)), eq("log.level", str(s)), eq("@timestamp", str(s)), eq(s, str(s)), eq(s, num(5)), query.Exists{Field: s},
			query.Equal{Field: s, Value: str(s), Fold: true}, query.Range{Field: s, From: str(s)}, query.Range{Field: s, From: str(s), To: str(s), ToOpen: true},
			query.OneOf{Field: s, Values: []record.Value{str(s), num(1)}}, pat("x", query.Prefix, s, true), pat("message", query.Prefix, s, false),
		} {
			if strings.HasPrefix(fmt.Sprintf("%#v", f), `query.Exists{Field:""`) || s == "" && strings.Contains(fmt.Sprintf("%#v", f), `Field:""`) {
				continue // there is no such field
			}
			text := querytext.Format(f)
			got, err := querytext.Parse(text, opts)
			if err != nil {
				t.Errorf("%#v is written %s: %v", f, text, err)
				continue
			}
			if d := cmp.Diff(f, got, same); d != "" {
				t.Errorf("%s:\n%s", text, d)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for text := range texts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := querytext.Parse(text, opts)
		if err != nil {
			var e *querytext.SyntaxError
			if !errors.As(err, &e) || e.At < 0 || e.End < e.At || e.End > len(text) {
				t.Fatalf("%q: %#v", text, err)
			}
		} else {
			if err := query.Check(got); err != nil {
				t.Fatalf("%q is no filter: %v", text, err)
			}
			written := querytext.Format(got)
			again, err := querytext.Parse(written, opts)
			if err != nil {
				if len(written) > querytext.MaxLength {
					return
				}
				t.Fatalf("%q is written %q: %v", text, written, err)
			}
			if d := cmp.Diff(got, again, same); d != "" {
				t.Fatalf("%q is written %q, which is another filter:\n%s", text, written, d)
			}
		}
		_ = querytext.Simple(text, opts)
	})
}

func BenchmarkParse(b *testing.B) {
	for b.Loop() {
		if _, err := querytext.Parse(`service.name:nginx and http.response.status_code >= 500 and "upstream timed out"`, opts); err != nil {
			b.Fatal(err)
		}
	}
}

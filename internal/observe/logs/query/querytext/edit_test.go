package querytext_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/querytext"
)

func TestAConditionIsAddedAndTheTextKept(t *testing.T) {
	f := eq("service.name", str("nginx"))
	for text, want := range map[string]string{
		"":                      "service.name:nginx",
		"*:*":                   "service.name:nginx",
		"@timestamp >= now-15m": "@timestamp >= now-15m and service.name:nginx",
		"a b":                   "a b and service.name:nginx",
		"a or b":                "(a or b) and service.name:nginx",
		"a  OR  b":              "(a  OR  b) and service.name:nginx",
		"(a or b)":              "(a or b) and service.name:nginx",
		"a and (":               "a and ( and service.name:nginx",
	} {
		if got := querytext.And(text, f); got != want {
			t.Errorf("%q with a condition is %q, want %q", text, got, want)
		}
	}
	if got, want := querytext.And("a", not(f)), "a and not service.name:nginx"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := querytext.And("a", query.Or{f, anyw("b")}), "a and (service.name:nginx or b)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := querytext.Not("a or b"), "not (a or b)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzAnd(f *testing.F) {
	for text := range texts {
		f.Add(text)
	}
	more := eq("service.name", str("nginx"))
	f.Fuzz(func(t *testing.T, text string) {
		before, err := querytext.Parse(text, opts)
		if err != nil || len(text) > querytext.MaxLength-100 {
			return
		}
		after, err := querytext.Parse(querytext.And(text, more), opts)
		if err != nil {
			var e *querytext.SyntaxError
			if errors.As(err, &e) && (strings.Contains(e.Message, "more than") || strings.Contains(e.Message, "deeper")) {
				return
			}
			t.Fatalf("%q: %v", text, err)
		}
		var want query.Filter
		switch b := before.(type) {
		case query.All:
			return
		case query.And:
			if d := cmp.Diff(append(slices.Clone(b), more), after, same); d == "" {
				return
			}
			want = query.And{b, more}
		default:
			want = query.And{b, more}
		}
		if d := cmp.Diff(want, after, same); d != "" {
			t.Fatalf("%q with a condition is %q:\n%s", text, querytext.And(text, more), d)
		}
	})
}

func TestSimpleTextNeverFails(t *testing.T) {
	for text, want := range map[string]query.Filter{
		"":                       query.None{},
		"a b":                    query.And{anyw("a"), anyw("b")},
		"a + b | c":              query.Or{query.And{anyw("a"), anyw("b")}, anyw("c")},
		`"timed out" -reset`:     query.And{anyw("timed out"), not(anyw("reset"))},
		`"timed out"~3`:          query.Words{Field: "*", Words: []string{"timed", "out"}, Phrase: true, Slop: 3},
		"time*":                  query.Words{Field: "*", Words: []string{"time"}, Prefix: true},
		"(a | b) + c":            query.And{query.Or{anyw("a"), anyw("b")}, anyw("c")},
		`a ) ( "b`:               query.And{anyw("a"), anyw("b")},
		"status:500":             anyw("status 500"),
		"a~2":                    anyw("a"),
		"((((":                   query.None{},
		"| + - *":                query.All{},
		"foo:(bar AND /x/ [1 TO": nil,
	} {
		got := querytext.Simple(text, opts)
		if want == nil {
			continue
		}
		if strings.HasPrefix(text, "| + -") {
			want = not(want)
		}
		if d := cmp.Diff(want, got, same); d != "" {
			t.Errorf("%s:\n%s", text, d)
		}
	}
}

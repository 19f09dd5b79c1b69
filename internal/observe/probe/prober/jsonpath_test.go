package prober_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
)

const document = `{"status":"ok","n":3,"yes":true,"none":null,"a.b":{"c":"deep"},"items":[{"ok":true},{"ok":false}],"":"empty","list":[1,2]}`

func TestConditionsOnJSON(t *testing.T) {
	f := func(path, equals, want string) {
		t.Helper()
		err := prober.JSONCondition{Path: path, Equals: equals}.Check([]byte(document))
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s = %s: %q, want %q", path, equals, got, want)
		}
	}
	f("status", "ok", "")
	f("$.status", "ok", "")
	f("n", "3", "")
	f("n", "3.0", "")
	f("n", "4", `n is "3" in the JSON body, expected "4"`)
	f("yes", "true", "")
	f("none", "null", "")
	f(`["a.b"].c`, "deep", "")
	f(`[""]`, "empty", "")
	f("items[1].ok", "false", "")
	f("items.0.ok", "true", "")
	f("list", "[1,2]", "")
	f("items[2]", "x", "the JSON body has no items[2]")
	f("status.more", "x", "the JSON body has no status.more")
	f("items.first", "x", "the JSON body has no items.first")
	f("Status", "ok", "the JSON body has no Status")
	f("[0]", "ok", "the JSON body has no [0]")
}

func TestPathsThatAreWrong(t *testing.T) {
	for _, in := range []string{"", ".a", "a.", "a..b", "a[", "a[]", "a[-1]", "a[+1]", "a[x]", `a["x]`, `a["x"`, "a]b", "a[0]b", "$a"} {
		if p, err := prober.ParsePath(in); err == nil {
			t.Errorf("ParsePath(%q) = %v, want an error", in, p)
		} else if in != "" && !strings.Contains(err.Error(), "the JSON path") {
			t.Errorf("ParsePath(%q): %v says not what is wrong", in, err)
		}
	}
}

func FuzzPath(f *testing.F) {
	for _, s := range []string{"status", "$", "$.a[0]", `a["b.c"][1].d`, `[""]`, `["$x"]`, "a[", "é.ü", `["\xff"]`} {
		f.Add(s, "ok")
	}
	f.Fuzz(func(t *testing.T, path, equals string) {
		p, err := prober.ParsePath(path)
		if err != nil {
			return
		}
		again, err := prober.ParsePath(p.String())
		if err != nil {
			t.Fatalf("%q was read as %v, which cannot be read: %v", path, p, err)
		}
		if diff := cmp.Diff(p.String(), again.String()); diff != "" {
			t.Fatalf("%q changes when it is written and read:\n%s", path, diff)
		}
		_ = prober.JSONCondition{Path: path, Equals: equals}.Check([]byte(document))
	})
}

func FuzzConditionBody(f *testing.F) {
	for _, s := range []string{document, "{}", "[1", `{"status":{}}`, "{} {}", "1e999"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(_ *testing.T, body []byte) {
		_ = prober.JSONCondition{Path: "status", Equals: "1"}.Check(body)
		_ = prober.JSONCondition{Path: "$", Equals: "1"}.Check(body)
	})
}

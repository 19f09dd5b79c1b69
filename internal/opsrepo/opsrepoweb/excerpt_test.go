package opsrepoweb

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/vigie-ops/vigie/internal/opsrepo"
)

func TestExcerpts(t *testing.T) {
	fsys := fstest.MapFS{
		"a.yaml": {Data: []byte("one\ntwo\nthree\n\tfour\nfive\nsix\nseven\neight\nnine\nten\n")},
		"b.yaml": {Data: []byte("été: x\r\n")},
	}
	f := func(pos opsrepo.Pos, want ...string) {
		t.Helper()
		if got := excerpt(fsys, pos); got != strings.Join(want, "\n") {
			t.Errorf("%s:\ngot\n%s\nwant\n%s", pos, got, strings.Join(want, "\n"))
		}
	}
	f(opsrepo.Pos{File: "a.yaml", Line: 1, Column: 3}, "1  one", "     ^", "2  two", "3  three")
	f(opsrepo.Pos{File: "a.yaml", Line: 4, Column: 2}, "2  two", "3  three", "4  \tfour", "   \t^", "5  five", "6  six")
	f(opsrepo.Pos{File: "a.yaml", Line: 9}, " 7  seven", " 8  eight", " 9  nine", "10  ten")
	f(opsrepo.Pos{File: "b.yaml", Line: 1, Column: 6}, "1  été: x", "        ^")
	f(opsrepo.Pos{File: "a.yaml", Line: 99, Column: 1})
	f(opsrepo.Pos{File: "a.yaml"})
	f(opsrepo.Pos{File: "../etc/passwd", Line: 1})
	f(opsrepo.Pos{File: "c.yaml", Line: 1})
	if got := excerpt(nil, opsrepo.Pos{File: "a.yaml", Line: 1}); got != "" {
		t.Errorf("without files: got %q", got)
	}
}

func TestCommitsAreShort(t *testing.T) {
	f := func(commit, want string) {
		t.Helper()
		if got := short(commit); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f("9f31c02aabbccdd", "9f31c02")
	f("dir:0123456789", "files 0123456")
	f("abc", "abc")
	f("", "")
}

func FuzzExcerpt(f *testing.F) {
	f.Add("a: 1\nb: 2\n", 2, 4)
	f.Fuzz(func(_ *testing.T, content string, line, column int) {
		excerpt(fstest.MapFS{"x.yaml": {Data: []byte(content)}}, opsrepo.Pos{File: "x.yaml", Line: line, Column: column})
	})
}

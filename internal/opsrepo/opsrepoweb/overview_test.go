package opsrepoweb_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/opsrepo/opsrepoweb"
	"github.com/vigie-ops/vigie/internal/people"
)

// byHeader signs in whoever the header Role names.
type byHeader struct{}

func (byHeader) Authenticate(r *http.Request) (people.Actor, people.Session, error) {
	role := people.Role(r.Header.Get("Role"))
	if role == "" {
		return people.Actor{}, people.Session{}, people.ErrNobody
	}
	return people.Actor{Slug: "nadia", Name: "Nadia", Role: role}, people.Session{}, nil
}

// shelf is a source that a test fills.
type shelf struct {
	tree opsrepo.Tree
	err  error
}

func (s *shelf) String() string                              { return "https://git.example.net/ops.git" }
func (s *shelf) Fetch(context.Context) (opsrepo.Tree, error) { return s.tree, s.err }
func (s *shelf) Log(context.Context, time.Time, int) ([]opsrepo.Commit, error) {
	return nil, nil
}

func (s *shelf) put(commit, subject string, files map[string]string) {
	m := fstest.MapFS{"vigie.yaml": {Data: []byte("vigie: 1\ncompany: {name: Example, domain: example.net, timezone: Europe/Paris}\n")}}
	for name, content := range files {
		m[name] = &fstest.MapFile{Data: []byte(content)}
	}
	s.tree = opsrepo.Tree{Commit: commit, Hash: commit, Author: "Idris Bah", Subject: subject, At: time.Now().Add(-time.Hour).UTC(), FS: m, Files: len(m)}
}

// house is a console that shows a repository followed by the real follower.
type house struct {
	t        *testing.T
	shelf    *shelf
	follower *opsrepo.Follower
	console  *console.Console
	recorded []string
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, shelf: &shelf{}}
	log := slog.New(slog.DiscardHandler)
	h.follower = opsrepo.NewFollower(opsrepo.FollowerOptions{
		Source: h.shelf, Sections: fleet.Sections(), DB: dbtest.Open(t, dbtest.SQLite(t), opsrepo.Tables), Log: log,
	})
	h.console = console.New(console.Options{Auth: byHeader{}, Log: log})
	h.console.RegisterNow()
	opsrepoweb.Register(h.console, opsrepoweb.Options{Repository: h.follower, Refused: h.follower.Refused, Audit: func(_ context.Context, a people.Actor, verb, object string) error {
		h.recorded = append(h.recorded, a.Slug+" "+verb+" "+object)
		return nil
	}})
	return h
}

func (h *house) do(role people.Role, method, path string) (int, string) {
	h.t.Helper()
	r := httptest.NewRequestWithContext(h.t.Context(), method, path, nil)
	r.Header.Set("Role", string(role))
	w := httptest.NewRecorder()
	h.console.Handler().ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func (h *house) page(path string) string {
	h.t.Helper()
	code, body := h.do(people.Viewer, http.MethodGet, path)
	if code != http.StatusOK {
		h.t.Fatalf("GET %s: got %d, want 200\n%s", path, code, body)
	}
	return body
}

func wants(t *testing.T, body string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(body, text) {
			t.Errorf("%q is not there\n%s", text, body)
		}
	}
}

const servers = "servers:\n  - slug: app-01\n    address: 192.0.2.1\n    ring: staging\n"

func TestThePageSaysWhatRuns(t *testing.T) {
	h := newHouse(t)
	wants(t, h.page("/operations"), "not read yet", "No commit runs yet")
	h.shelf.put("9f31c02aabbccdd", "Add app-01", map[string]string{"servers/app.yaml": servers})
	h.follower.Check(t.Context())
	wants(t, h.page("/operations"), "valid", "9f31c02", "Add app-01", "Idris Bah", "https://git.example.net/ops.git", "servers/app.yaml", ">servers<", `href="/operations/files/servers/app.yaml"`)
	wants(t, h.page("/"), "Operations repository:", "9f31c02, Add app-01", "by Idris Bah")
}

func TestARefusedCommitShowsTheLines(t *testing.T) {
	h := newHouse(t)
	h.shelf.put("9f31c02aabbccdd", "Add app-01", map[string]string{"servers/app.yaml": servers})
	h.follower.Check(t.Context())
	h.shelf.put("c0ffee1aabbccdd", "Move app-01", map[string]string{"servers/app.yaml": strings.Replace(servers, "staging", "stagin", 1)})
	h.follower.Check(t.Context())
	wants(t, h.page("/operations"), "the newest commit is refused", "Refused: c0ffee1, Move app-01", "1 problem", "servers/app.yaml:4:11", "staging",
		"4      ring: stagin\n             ^", "9f31c02")
	wants(t, h.page("/"), "Operations repository refused:", "servers/app.yaml:4:11")
	// What runs is still the last good one.
	wants(t, h.page("/operations/files/servers/app.yaml"), "ring: staging", "commit 9f31c02")
}

func TestAnUnreachableRepositorySaysWhy(t *testing.T) {
	h := newHouse(t)
	h.shelf.err = errors.New("could not resolve host git.example.net")
	h.follower.Check(t.Context())
	wants(t, h.page("/operations"), "cannot be read", "could not resolve host git.example.net")
	wants(t, h.page("/"), "Operations repository could not be read")
}

func TestAFileHasALinkForEachLine(t *testing.T) {
	h := newHouse(t)
	const evil = `<script>alert("x")</script>`
	h.shelf.put("9f31c02aabbccdd", evil, map[string]string{"servers/app 1.yaml": servers + "# " + evil + "\n"})
	h.follower.Check(t.Context())
	body := h.page("/operations/files/servers/app%201.yaml")
	wants(t, body, `id="L2"`, `href="#L2"`, "slug: app-01", "&lt;script&gt;")
	for _, b := range []string{body, h.page("/operations"), h.page("/")} {
		if strings.Contains(b, "<script>alert") {
			t.Errorf("a script came through\n%s", b)
		}
	}
	for _, path := range []string{"/operations/files/nothing.yaml", "/operations/files/..%2Fvigie.yaml", "/operations/files/"} {
		if code, _ := h.do(people.Viewer, http.MethodGet, path); code != http.StatusNotFound {
			t.Errorf("GET %s: got %d, want 404", path, code)
		}
	}
}

func TestWhoMayCheckNow(t *testing.T) {
	h := newHouse(t)
	for role, want := range map[people.Role]int{"": http.StatusUnauthorized, people.Viewer: http.StatusForbidden, people.Responder: http.StatusForbidden, people.Operator: http.StatusSeeOther} {
		if got, _ := h.do(role, http.MethodPost, "/operations/check"); got != want {
			t.Errorf("%s: got %d, want %d", role, got, want)
		}
	}
	if fmt.Sprint(h.recorded) != "[nadia opsrepo.check opsrepo]" {
		t.Errorf("recorded %q", h.recorded)
	}
	if strings.Contains(h.page("/operations"), "Check now") {
		t.Error("a viewer is offered what only operators may do")
	}
	if _, body := h.do(people.Operator, http.MethodGet, "/operations"); !strings.Contains(body, "Check now") {
		t.Error("an operator is not offered to check")
	}
}

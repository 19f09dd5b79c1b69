package console_test

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/people"
)

// door is an authenticator that believes a header.
type door struct{}

func (door) Authenticate(r *http.Request) (people.Actor, people.Session, error) {
	role := people.Role(r.Header.Get("X-Role"))
	switch {
	case role == "":
		return people.Actor{}, people.Session{}, people.ErrNobody
	case role == "broken":
		return people.Actor{}, people.Session{}, errors.New("the state does not answer")
	case r.Header.Get("X-Session") != "":
		return people.Actor{Slug: "nadia", Role: role, Via: people.ViaSession}, people.Session{ID: "s", CSRF: "right"}, nil
	}
	return people.Actor{Slug: "robot", Role: role, Via: people.ViaToken}, people.Session{}, nil
}

func newConsole() *console.Console {
	c := console.New(console.Options{Auth: door{}, Log: slog.New(slog.DiscardHandler)})
	ok := func(w http.ResponseWriter, r *http.Request) error {
		_, err := w.Write([]byte("done by " + console.Actor(r).Slug))
		return err
	}
	c.Page("GET /page", people.Viewer, ok)
	c.Action("POST /act", people.Operator, ok)
	c.API("GET /api/vigie/v1/things", people.Viewer, ok, console.Doc{Summary: "Things"})
	c.Page("GET /lost", people.Viewer, func(http.ResponseWriter, *http.Request) error { return console.NotFound("No such thing.") })
	c.Page("GET /bug", people.Viewer, func(http.ResponseWriter, *http.Request) error { return errors.New("pq: relation secret_table") })
	c.Open("POST /open", "test", ok)
	return c
}

func ask(c *console.Console, method, target string, headers ...string) *httptest.ResponseRecorder {
	var body *strings.Reader
	if i := strings.Index(target, "#"); i >= 0 {
		body, target = strings.NewReader(target[i+1:]), target[:i]
	} else {
		body = strings.NewReader("")
	}
	r := httptest.NewRequest(method, "http://vigie.example"+target, body)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	c.Handler().ServeHTTP(w, r)
	return w
}

func TestTheRoleOfARouteIsEnforcedInOnePlace(t *testing.T) {
	c := newConsole()
	f := func(want int, method, target string, headers ...string) {
		t.Helper()
		if w := ask(c, method, target, headers...); w.Code != want {
			t.Errorf("%s %s %v answers %d, want %d: %s", method, target, headers, w.Code, want, w.Body)
		}
	}
	f(303, "GET", "/page") // to sign in
	f(401, "GET", "/page", "Accept", "application/json")
	f(401, "GET", "/api/vigie/v1/things")
	f(401, "POST", "/act")
	f(200, "GET", "/page", "X-Role", "viewer")
	f(200, "GET", "/api/vigie/v1/things", "X-Role", "viewer")
	f(403, "POST", "/act", "X-Role", "viewer")
	f(403, "POST", "/act", "X-Role", "responder")
	f(200, "POST", "/act", "X-Role", "operator")
	f(200, "POST", "/act", "X-Role", "admin")
	f(500, "GET", "/page", "X-Role", "broken", "Authorization", "Bearer x")
	f(404, "GET", "/nowhere", "X-Role", "admin")
	f(405, "GET", "/act", "X-Role", "admin")
}

func TestASessionActsOnlyFromItsOwnPages(t *testing.T) {
	c := newConsole()
	f := func(want int, target string, headers ...string) {
		t.Helper()
		headers = append([]string{"X-Role", "operator", "X-Session", "1"}, headers...)
		if w := ask(c, "POST", target, headers...); w.Code != want {
			t.Errorf("POST %s %v answers %d, want %d", target, headers, w.Code, want)
		}
	}
	f(403, "/act")
	f(403, "/act#csrf=wrong")
	f(200, "/act#csrf=right")
	f(200, "/act", "X-CSRF-Token", "right")
	f(403, "/act#csrf=right", "Sec-Fetch-Site", "cross-site")
	f(403, "/act#csrf=right", "Origin", "https://elsewhere.example")
	f(403, "/open", "Origin", "https://elsewhere.example")
}

func TestWhoeverHasToSignInComesBackAndNeverElsewhere(t *testing.T) {
	w := ask(newConsole(), "GET", "/page?range=1h")
	if got, want := w.Header().Get("Location"), "/sign-in?next=%2Fpage%3Frange%3D1h"; got != want {
		t.Errorf("led to %s, want %s", got, want)
	}
	for in, want := range map[string]string{
		"/page": "/page", "//evil.example": "/", "https://evil.example": "/", "/\\evil.example": "/", "": "/", "/sign-out": "/",
		"/\t/evil.example": "/", "/\n/evil.example": "/", "/.//\\evil.example": "/", "/./\\evil.example": "/", "///evil.example": "/",
		"/x/..//evil.example": "/", "/./sign-out": "/", "/alerts?q=a//b#L3": "/alerts?q=a//b#L3", "/servers/": "/servers/",
	} {
		r := httptest.NewRequest("GET", "/sign-in?next="+url.QueryEscape(in), nil)
		if got := console.Next(r); got != want {
			t.Errorf("next %q leads to %q, want %q", in, got, want)
		}
	}
}

func TestErrorsSayToPeopleOnlyWhatIsForThem(t *testing.T) {
	c := newConsole()
	w := ask(c, "GET", "/lost", "X-Role", "viewer")
	if w.Code != 404 || !strings.Contains(w.Body.String(), "No such thing.") {
		t.Errorf("a lost page answers %d %s", w.Code, w.Body)
	}
	w = ask(c, "GET", "/bug", "X-Role", "viewer")
	if w.Code != 500 || strings.Contains(w.Body.String(), "secret_table") {
		t.Errorf("a bug answers %d and shows its insides: %s", w.Code, w.Body)
	}
	w = ask(c, "GET", "/api/nothing", "X-Role", "viewer")
	if w.Code != 404 || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("a program gets %d %s, want a problem in JSON", w.Code, w.Header().Get("Content-Type"))
	}
}

func TestEveryPageIsStrict(t *testing.T) {
	w := ask(newConsole(), "GET", "/nowhere")
	csp := w.Header().Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("the policy is %q", csp)
	}
}

func TestListenersHearTheirTopicsOnceABurst(t *testing.T) {
	c := newConsole()
	s := httptest.NewServer(c.Handler())
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", s.URL+"/events?topic=alerts&topic=issues", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Role", "viewer")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	read := bufio.NewReader(resp.Body)
	next := func() string {
		for {
			line, err := read.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if after, ok := strings.CutPrefix(line, "data: "); ok {
				return strings.TrimSpace(after)
			}
			if strings.HasPrefix(line, "retry:") { // subscribed
				for range 100 {
					c.Events().Publish("alerts", "issues", "server:app-07")
				}
			}
		}
	}
	if got := next(); got != "alerts issues" {
		t.Errorf("heard %q, want alerts issues", got)
	}
	c.Events().Publish("server:app-07")
	c.Events().Publish("issues")
	if got := next(); got != "issues" {
		t.Errorf("heard %q, want issues", got)
	}
}

// hear opens a stream and returns its first message and the id of it.
func hear(t *testing.T, url, last string) (topics, id string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Role", "viewer")
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for read := bufio.NewScanner(resp.Body); read.Scan(); {
		if after, ok := strings.CutPrefix(read.Text(), "id: "); ok {
			id = after
		}
		if after, ok := strings.CutPrefix(read.Text(), "data: "); ok {
			return after, id
		}
	}
	t.Fatal("the stream ended")
	return "", ""
}

func TestAPageHearsWhatChangedWhileItWasMade(t *testing.T) {
	c := newConsole()
	s := httptest.NewServer(c.Handler())
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	c.Events().Publish("alerts") // before the page
	page := c.Events().Now()
	c.Events().Publish("issues")
	c.Events().Publish("runs")
	stream := s.URL + "/events?topic=alerts&topic=issues&since=" + page
	topics, id := hear(t, stream, "")
	if topics != "issues" {
		t.Errorf("heard %q, want issues", topics)
	}
	// A browser that lost the stream says what it heard last.
	c.Events().Publish("alerts")
	if topics, _ := hear(t, stream, id); topics != "alerts" {
		t.Errorf("after a break heard %q, want alerts", topics)
	}
	// A hub that started anew does not know what it missed.
	if topics, _ := hear(t, s.URL+"/events?topic=alerts&topic=issues&since=GONE-7", ""); topics != "alerts issues" {
		t.Errorf("of another hub heard %q, want everything", topics)
	}
}

func TestListsArePagedByKey(t *testing.T) {
	all := []string{"a", "b", "c", "d"}
	key := func(s string) string { return s }
	page, next := console.Cut(all, key, "", 2)
	if strings.Join(page, "") != "ab" || next != "b" {
		t.Errorf("first page %v, next %q", page, next)
	}
	page, next = console.Cut(all, key, next, 2)
	if strings.Join(page, "") != "cd" || next != "" {
		t.Errorf("second page %v, next %q", page, next)
	}
	page, _ = console.Cut(all, key, "bb", 2) // the entry of the cursor is gone
	if strings.Join(page, "") != "cd" {
		t.Errorf("page after a gone entry %v", page)
	}
}

package prober_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
)

func statusRanges(t *testing.T, words ...string) []prober.StatusRange {
	t.Helper()
	var out []prober.StatusRange
	for _, w := range words {
		r, err := prober.ParseStatus(w)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

func statusPage() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("all systems go")) })
	mux.HandleFunc("/json", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"status":"degraded","checks":[{"db":{"lag":1.0}}]}`))
	})
	mux.HandleFunc("/bad", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	mux.HandleFunc("/big", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(strings.Repeat("x", 2<<20) + "end"))
	})
	mux.HandleFunc("/here", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/ok", http.StatusFound) })
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) {
		to := "http://" + strings.Replace(r.Host, "127.0.0.1", "localhost", 1) + "/ok"
		http.Redirect(w, r, to, http.StatusMovedPermanently)
	})
	mux.HandleFunc("/hang", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("short"))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.Method + " " + r.Host + " " + r.Header.Get("X-Probe") + " " + r.UserAgent()))
	})
	return mux
}

func TestWhatAStatusPageMayAnswer(t *testing.T) {
	s := httptest.NewServer(statusPage())
	t.Cleanup(s.Close)
	equals := func(path, want string) prober.Expect {
		return prober.Expect{JSON: &prober.JSONCondition{Path: path, Equals: want}}
	}
	f := func(path string, e prober.Expect, want string) {
		t.Helper()
		got := run(t, prober.Options{}, prober.Target{Kind: prober.HTTP, URL: s.URL + path, Expect: e})
		if got.Error != want || got.OK != (want == "") || got.Unable {
			t.Errorf("%s: %+v, want error %q", path, got, want)
		}
	}
	f("/ok", prober.Expect{}, "")
	f("/ok", prober.Expect{Status: statusRanges(t, "200")}, "")
	f("/bad", prober.Expect{Status: statusRanges(t, "200")}, "answered 502, expected 200")
	f("/bad", prober.Expect{}, "answered 502, expected 200-299")
	f("/bad", prober.Expect{Status: statusRanges(t, "200", "204", "3xx")}, "answered 502, expected 200, 204 or 300-399")
	f("/bad", prober.Expect{Status: statusRanges(t, "500-599")}, "")
	f("/ok", prober.Expect{BodyContains: "systems"}, "")
	f("/ok", prober.Expect{BodyContains: "failure"}, `the body does not contain "failure"`)
	f("/ok", prober.Expect{BodyMatches: "^all .* go$"}, "")
	f("/ok", prober.Expect{BodyMatches: "^go"}, `the body does not match "^go"`)
	f("/big", prober.Expect{BodyContains: "end"}, `the first MiB of the body does not contain "end"`)
	f("/big", prober.Expect{}, "")
	f("/json", equals("status", "degraded"), "")
	f("/json", equals("status", "ok"), `status is "degraded" in the JSON body, expected "ok"`)
	f("/json", equals("checks[0].db.lag", "1"), "")
	f("/json", equals("checks[1].db", "1"), "the JSON body has no checks[1]")
	f("/ok", equals("status", "ok"), "the body is no JSON")
	f("/big", equals("status", "ok"), "the body is longer than 1 MiB, too long for a JSON condition")
	f("/here", prober.Expect{BodyContains: "go"}, "")
	f("/cut", prober.Expect{}, strings.TrimPrefix(s.URL, "http://")+" closed the connection before the answer was complete")
}

func TestRedirects(t *testing.T) {
	s := httptest.NewServer(statusPage())
	t.Cleanup(s.Close)
	f := func(path string, r prober.Redirects, want int) {
		t.Helper()
		got := run(t, prober.Options{}, prober.Target{Kind: prober.HTTP, URL: s.URL + path, Redirects: r})
		if got.Status != want {
			t.Errorf("%s with %q: status %d (%s), want %d", path, r, got.Status, got.Error, want)
		}
	}
	f("/here", "", 200)
	f("/here", prober.SameHost, 200)
	f("/here", prober.NoRedirects, 302)
	f("/away", prober.SameHost, 301)
	f("/away", prober.NoRedirects, 301)
	got := run(t, prober.Options{}, prober.Target{Kind: prober.HTTP, URL: s.URL + "/loop"})
	if !strings.HasPrefix(got.Error, "was redirected more than 10 times") {
		t.Errorf("a loop gives %q", got.Error)
	}
}

func TestARedirectCannotLeaveTheNetworks(t *testing.T) {
	inside := httptest.NewServer(http.RedirectHandler("http://192.0.2.7/secret", http.StatusFound))
	t.Cleanup(inside.Close)
	o := prober.Options{Guard: prober.Within(netip.MustParsePrefix("127.0.0.0/8"))}
	got := run(t, o, prober.Target{Kind: prober.HTTP, URL: inside.URL})
	if !got.Unable || !strings.Contains(got.Error, "192.0.2.7 is outside") {
		t.Errorf("got %+v, want it stopped at the guard", got)
	}
}

func TestHeadersMethodAndHost(t *testing.T) {
	s := httptest.NewServer(statusPage())
	t.Cleanup(s.Close)
	got := run(t, prober.Options{UserAgent: "lookout"}, prober.Target{
		Kind: prober.HTTP, URL: s.URL + "/echo", Method: http.MethodPost,
		Headers: map[string]string{"X-Probe": "yes", "host": "borealis.example"},
		Expect:  prober.Expect{BodyMatches: "^POST borealis.example yes lookout$"},
	})
	if !got.OK {
		t.Errorf("got %+v", got)
	}
}

func TestTheEnvironmentsProxyIsNotAsked(t *testing.T) {
	proxy := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(proxy.Close)
	t.Setenv("HTTP_PROXY", proxy.URL)
	n := &names{answers: map[string][][]string{"page.example": {{"127.0.0.1"}}}}
	s := httptest.NewServer(statusPage())
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	got := run(t, prober.Options{Resolver: n}, prober.Target{Kind: prober.HTTP, URL: "http://page.example:" + u.Port() + "/ok"})
	if !got.OK {
		t.Errorf("got %+v, want an answer of the page itself", got)
	}
}

func TestNoAnswerInTime(t *testing.T) {
	s := httptest.NewServer(statusPage())
	t.Cleanup(s.Close)
	got := run(t, prober.Options{}, prober.Target{Kind: prober.HTTP, URL: s.URL + "/hang", Timeout: 50 * time.Millisecond})
	if got.OK || got.Unable || got.Error != "no answer within 50 ms" {
		t.Errorf("got %+v", got)
	}
}

func TestTimeIsSplitByPhase(t *testing.T) {
	s := httptest.NewTLSServer(statusPage())
	t.Cleanup(s.Close)
	n := &names{answers: map[string][][]string{"example.com": {{"127.0.0.1"}}}} // httptest's certificate is for this name
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	got := run(t, prober.Options{Roots: poolOf(s.Certificate()), Resolver: n}, prober.Target{Kind: prober.HTTP, URL: "https://example.com:" + u.Port() + "/ok"})
	p := got.Phases
	if !got.OK || p.DNS <= 0 || p.Connect <= 0 || p.TLS <= 0 || p.FirstByte <= 0 || p.Transfer <= 0 {
		t.Fatalf("got %+v, want OK and all five phases", got)
	}
	if sum := p.DNS + p.Connect + p.TLS + p.FirstByte + p.Transfer; sum > got.Duration {
		t.Errorf("the phases take %s, longer than the probe, %s", sum, got.Duration)
	}
}

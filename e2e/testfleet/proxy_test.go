package testfleet

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestTheProxyKeepsWhatNeverChangesAndReachesArchivesAlone(t *testing.T) {
	asked := map[string]int{}
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked[r.URL.Path]++
		if strings.Contains(r.URL.Path, "missing") {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, "content of "+r.URL.Path)
	})
	plain, secure := httptest.NewServer(answer), httptest.NewTLSServer(answer)
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	p := &proxy{dir: t.TempDir(), archives: []string{plain.URL + "/debian/", secure.URL + "/debian/"}, client: secure.Client().Transport}
	get := func(method, url string) (int, string) {
		t.Helper()
		w := httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, url, nil))
		return w.Code, w.Body.String()
	}
	insecure := strings.Replace(secure.URL, "https:", "http:", 1)
	for _, c := range []struct {
		path   string
		status int
		asked  int // of three times
	}{
		{"/debian/pool/a_1.0_amd64.deb", 200, 1},
		{"/debian/dists/stable/by-hash/SHA256/abc", 200, 1},
		{"/debian/dists/stable/InRelease", 200, 3},
		{"/debian/pool/missing.deb", 404, 3},
	} {
		for _, base := range []string{plain.URL, insecure} {
			clear(asked)
			for range 3 {
				if status, body := get("GET", base+c.path); status != c.status || status == 200 && body != "content of "+c.path {
					t.Errorf("%s: %d %q", base+c.path, status, body)
				}
			}
			if asked[c.path] != c.asked {
				t.Errorf("%s was fetched %d times, want %d", base+c.path, asked[c.path], c.asked)
			}
		}
	}
	clear(asked)
	for method, url := range map[string]string{"GET": plain.URL + "/elsewhere/a.deb", "POST": plain.URL + "/debian/a.deb", "CONNECT": secure.URL + "/debian/", "HEAD": "http://192.0.2.1/debian/a.deb"} {
		if status, _ := get(method, url); status != http.StatusForbidden {
			t.Errorf("%s %s: %d", method, url, status)
		}
	}
	if len(asked) > 0 {
		t.Errorf("something was fetched: %v", asked)
	}
}

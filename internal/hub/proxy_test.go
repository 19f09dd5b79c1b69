package hub

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestOnlyAProxySaysWhereARequestComesFrom(t *testing.T) {
	for _, c := range []struct {
		name, remote string
		forwarded    []string
		want         string
	}{
		{"through the proxy", "127.0.0.1:4711", []string{"203.0.113.9"}, "203.0.113.9:0"},
		{"what the sender made up stands before", "127.0.0.1:4711", []string{"198.51.100.1, 203.0.113.9"}, "203.0.113.9:0"},
		{"through two proxies", "127.0.0.1:4711", []string{"198.51.100.1", "203.0.113.9, 10.0.0.3"}, "203.0.113.9:0"},
		{"IPv6", "127.0.0.1:4711", []string{"2001:db8::7"}, "[2001:db8::7]:0"},
		{"with a port", "127.0.0.1:4711", []string{"203.0.113.9:1234"}, "203.0.113.9:0"},
		{"past the proxy", "203.0.113.9:4711", []string{"198.51.100.1"}, "203.0.113.9:4711"},
		{"the proxy names nobody", "127.0.0.1:4711", nil, "127.0.0.1:4711"},
		{"the proxy names nonsense", "127.0.0.1:4711", []string{"198.51.100.1, unknown"}, "127.0.0.1:4711"},
	} {
		var got string
		h := behind([]string{"127.0.0.1/32", "10.0.0.0/8"}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr }))
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.RemoteAddr = c.remote
		for _, f := range c.forwarded {
			r.Header.Add("X-Forwarded-For", f)
		}
		h.ServeHTTP(httptest.NewRecorder(), r)
		if got != c.want {
			t.Errorf("%s: it comes from %s, want %s", c.name, got, c.want)
		}
	}
}

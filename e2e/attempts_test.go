package e2e_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

// TestAttempts tries on a real hub what somebody who wants in tries. A stolen
// certificate after its revocation is the story of the agent that is revoked.
func TestAttempts(t *testing.T) {
	t.Parallel()
	h := startHub(t, hubOptions{})
	y := &yard{hub: h}
	nadia := y.signUp(t, "nadia")
	base := h.endpoints.Console
	// send sends a request as it stands, without following anybody.
	send := func(t *testing.T, method, path string, body io.Reader, headers ...string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, base+path, body)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = resp.Body.Close() })
		return resp
	}
	const form = "application/x-www-form-urlencoded"
	session := nadia.cookie.Name + "=" + nadia.cookie.Value

	t.Run("a session that was chosen before signing in opens nothing after it", func(t *testing.T) {
		const chosen = "chosen-by-somebody-else-0123456789abcdef0123"
		b := &browser{t: t, base: base, cookie: &http.Cookie{Name: nadia.cookie.Name, Value: chosen}}
		if status, _, to := b.open("/sign-in", url.Values{"name": {"nadia"}, "password": {yardPassword}}); status != http.StatusSeeOther || to != "/" || b.cookie.Value == chosen {
			t.Fatalf("signing in answers %d %s with the cookie %s", status, to, b.cookie)
		}
		if resp := send(t, "GET", "/servers", nil, "Cookie", nadia.cookie.Name+"="+chosen); resp.StatusCode != http.StatusSeeOther {
			t.Errorf("the chosen one answers %d", resp.StatusCode)
		}
	})
	t.Run("a form of another site does nothing", func(t *testing.T) {
		body := url.Values{"title": {"forged"}, "severity": {"critical"}}.Encode()
		for _, headers := range [][]string{
			{}, {"Origin", "https://evil.example"}, {"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, {"Origin", "null"}, {"Sec-Fetch-Site", "same-site"},
		} {
			resp := send(t, "POST", "/issues", strings.NewReader(body), append([]string{"Cookie", session, "Content-Type", form}, headers...)...)
			if resp.StatusCode != http.StatusForbidden {
				t.Errorf("with %v it answers %d", headers, resp.StatusCode)
			}
			// Nor does an interface for programs, to which a browser sends the cookie too.
			resp = send(t, "POST", "/api/vigie/v1/issues", strings.NewReader(`{"title": "forged", "severity": "critical"}`), append([]string{"Cookie", session, "Content-Type", "text/plain"}, headers...)...)
			if resp.StatusCode != http.StatusForbidden {
				t.Errorf("with %v the interface answers %d", headers, resp.StatusCode)
			}
		}
		if issues, err := list[issueItem](h.demo, "/api/vigie/v1/issues"); err != nil || len(issues) > 0 {
			t.Errorf("issues are %+v, %v", issues, err)
		}
		if status, _, _ := nadia.open("/servers", nil); status != http.StatusOK {
			t.Errorf("nadia is out: %d", status)
		}
	})
	t.Run("signing in leads to no other site", func(t *testing.T) {
		for _, next := range []string{"https://evil.example", "//evil.example", `/\evil.example`, "/\t/evil.example", "javascript:alert(1)", "/%5cevil.example/..//evil.example", "http:evil.example"} {
			b := &browser{t: t, base: base}
			_, _, to := b.open("/sign-in", url.Values{"name": {"nadia"}, "password": {yardPassword}, "next": {next}})
			if u, err := url.Parse(to); err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
				t.Errorf("next %q leads to %q", next, to)
			}
		}
	})
	t.Run("a path leads out of no folder", func(t *testing.T) {
		for _, path := range []string{
			"/assets/../../../../etc/passwd", "/assets/..%2f..%2f..%2f..%2fetc%2fpasswd", "/assets/%2e%2e/%2e%2e/etc/passwd", "/operations/files/../../../etc/passwd",
			"/operations/files/..%2f..%2f..%2fetc%2fpasswd", "/operations/files//etc/passwd", "/runs/commits/..%2f..%2fetc", "/servers/..%2f..%2fetc%2fpasswd",
		} {
			c, err := net.Dial("tcp", h.listen)
			if err != nil {
				t.Fatal(err)
			}
			// As it stands: no client tidies the path up.
			if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: "+h.listen+"\r\nCookie: "+session+"\r\nConnection: close\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(c)
			if err != nil || bytes.Contains(b, []byte("root:")) || bytes.HasPrefix(b, []byte("HTTP/1.1 200")) || bytes.HasPrefix(b, []byte("HTTP/1.1 5")) {
				t.Errorf("%s answers %v %.300s", path, err, b)
			}
			_ = c.Close()
		}
	})
	t.Run("what is sent becomes no header", func(t *testing.T) {
		for _, path := range []string{"/sign-in?next=/%0d%0aSet-Cookie:%20stolen=1", "/servers?q=%0d%0aX-Evil:%201", "/api/vigie/v1/logs/export?q=%0d%0aX-Evil:%201"} {
			resp := send(t, "GET", path, nil, "Cookie", session)
			if resp.Header.Get("X-Evil") != "" || strings.Contains(strings.Join(resp.Header.Values("Set-Cookie"), ";"), "stolen") {
				t.Errorf("%s answers %v", path, resp.Header)
			}
		}
		b := &browser{t: t, base: base}
		if _, _, to := b.open("/sign-in", url.Values{"name": {"nadia"}, "password": {yardPassword}, "next": {"/\r\nSet-Cookie: stolen=1"}}); to != "/" {
			t.Errorf("a line break leads to %q", to)
		}
		// Who is no proxy of the hub's says nothing about where a request is from.
		resp := send(t, "GET", "/servers", nil, "X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "https", "Forwarded", "host=evil.example")
		if to := resp.Header.Get("Location"); strings.Contains(to, "evil") {
			t.Errorf("a header leads to %q", to)
		}
	})
	t.Run("a body that is too large is refused", func(t *testing.T) {
		for path, size := range map[string]int{"/sign-in": 1 << 20, "/issues": 4 << 20, "/api/vigie/v1/issues": 20 << 20} {
			body := io.LimitReader(endless{}, int64(size))
			resp := send(t, "POST", path, body, "Content-Type", form, "Authorization", "Bearer "+adminToken)
			if resp.StatusCode < 400 || resp.StatusCode >= 500 {
				t.Errorf("%d bytes to %s answer %d", size, path, resp.StatusCode)
			}
		}
		if resp := send(t, "GET", "/servers", nil, "Cookie", session, "X-Large", strings.Repeat("x", 100<<10)); resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("a large header answers %d", resp.StatusCode)
		}
	})
	t.Run("who sends slowly is sent away, and holds nobody up", func(t *testing.T) {
		var slow []net.Conn
		for range 200 {
			c, err := net.Dial("tcp", h.listen)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close() //nolint:errcheck // it is over then
			if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: "); err != nil {
				t.Fatal(err)
			}
			slow = append(slow, c)
		}
		if status, _, _ := nadia.open("/servers", nil); status != http.StatusOK {
			t.Errorf("meanwhile nadia is answered with %d", status)
		}
		for _, c := range slow {
			if err := c.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := bufio.NewReader(c).ReadByte(); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal("a connection that sends nothing is kept for half a minute")
			}
		}
	})
	t.Run("a changed audit trail is found", func(t *testing.T) {
		h.stop()
		if out, errs, status := vigie(t, "audit", "verify", "--config", h.file); status != 0 {
			t.Fatalf("untouched, verify says %d %s%s", status, out, errs)
		}
		y.alter(t, `UPDATE audit_entry SET actor = 'somebody-else' WHERE seq = 2`)
		if _, errs, status := vigie(t, "audit", "verify", "--config", h.file); status != 1 || !strings.Contains(errs, "was changed at entry 2") {
			t.Errorf("changed, verify says %d %s", status, errs)
		}
	})
}

// endless is a body without an end.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'a'
	}
	return len(b), nil
}

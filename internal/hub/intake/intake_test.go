package intake_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/audit"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/fleet/enrol"
	"github.com/vigie-ops/vigie/internal/hub/intake"
	"github.com/vigie-ops/vigie/internal/keyring"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/wire"
)

// taken is what reached the rooms, by server.
type taken struct {
	heard   map[string]wire.Heartbeat
	facts   map[string]fleet.Fact
	probes  map[string]wire.ProbeResults
	refused map[string][]string
	writes  map[string]string
}

func (k *taken) Heard(server string, _ time.Time, b wire.Heartbeat) { k.heard[server] = b }

func (k *taken) Put(_ context.Context, f fleet.Fact) (bool, error) {
	k.facts[f.Server] = f
	return true, nil
}

func (k *taken) Targets(server string) wire.Targets {
	return wire.Targets{Commit: "c1", Targets: []wire.Target{{ID: "for-" + server, Kind: "tcp", Host: "192.0.2.1", Port: 22}}}
}

func (k *taken) TakeRefusals(server string, probes []string) { k.refused[server] = probes }

func (k *taken) TakeResults(_ context.Context, server string, r wire.ProbeResults) error {
	k.probes[server] = r
	return nil
}

func (k *taken) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	server, _ := intake.ServerOf(r)
	b, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	k.writes[server] = string(b)
	w.WriteHeader(http.StatusNoContent)
}

type listener struct {
	url   string
	agent *enrol.Authority
	taken *taken
}

// listen serves the intake over real TLS with a real authority.
func listen(t *testing.T) *listener {
	t.Helper()
	d := dbtest.Open(t, dbtest.SQLite(t), audit.Tables, keyring.Tables, enrol.Tables)
	keys, err := keyring.Open(t.Context(), d, []byte("vO3k1Jx9QmZt7Lr5Yw2Bc8Nd6Fh4Gs0PaUeIiTnXqRA="))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	a, err := enrol.Open(t.Context(), enrol.Options{
		DB: d, Keys: keys, Audit: audit.New(d), Log: log,
		Server: func(slug string) (appliance, known bool) { return false, slug == "app-01" || slug == "app-02" },
	})
	if err != nil {
		t.Fatal(err)
	}
	k := &taken{map[string]wire.Heartbeat{}, map[string]fleet.Fact{}, map[string]wire.ProbeResults{}, map[string][]string{}, map[string]string{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: intake.New(intake.Options{
		Authority: a, Hearing: k, Facts: k, Probes: k, Write: k, Changed: func(string) {}, Log: log, Now: time.Now,
	})}
	go func() { _ = s.Serve(tls.NewListener(l, a.TLSConfig([]string{"127.0.0.1"}))) }()
	t.Cleanup(func() { _ = s.Close() })
	return &listener{url: "https://" + l.Addr().String(), agent: a, taken: k}
}

// dial returns a client that shows the certificate, or none.
func (l *listener) dial(t *testing.T, cert *tls.Certificate) *http.Client {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(l.agent.CA())
	c := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}
	if cert != nil {
		c.Certificates = []tls.Certificate{*cert}
	}
	transport := &http.Transport{TLSClientConfig: c}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// closedHeader marks an answer after which the hub closed the connection.
const closedHeader = "X-Closed"

func (l *listener) send(t *testing.T, c *http.Client, method, path string, body any) (int, []byte, http.Header) {
	t.Helper()
	var raw []byte
	switch b := body.(type) {
	case nil:
	case string:
		raw = []byte(b)
	default:
		var err error
		if raw, err = json.Marshal(b); err != nil {
			t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), method, l.url+path, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Close {
		resp.Header.Set(closedHeader, "yes")
	}
	return resp.StatusCode, out, resp.Header
}

// enrol gets a certificate the way an agent does.
func (l *listener) enrol(t *testing.T, server string) *tls.Certificate {
	t.Helper()
	token, err := l.agent.IssueToken(t.Context(), server, time.Minute, people.Actor{Slug: "nadia", Role: people.Operator})
	if err != nil {
		t.Fatal(err)
	}
	key, csr := request(t)
	status, body, _ := l.send(t, l.dial(t, nil), "POST", wire.PathEnrol, wire.EnrolRequest{Version: 1, Token: token, CSR: csr})
	if status != http.StatusOK {
		t.Fatalf("enrol answers %d %s", status, body)
	}
	var r wire.EnrolResponse
	if err := json.Unmarshal(body, &r); err != nil || r.Server != server {
		t.Fatalf("enrolled as %q, %v; want %s", r.Server, err, server)
	}
	raw, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair([]byte(r.Certificate), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw}))
	if err != nil {
		t.Fatal(err)
	}
	return &pair
}

// request makes a key and asks for its certificate.
func request(t *testing.T) (*ecdsa.PrivateKey, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

func beat() wire.Heartbeat {
	return wire.Heartbeat{Version: 1, Agent: "test", Sent: time.Now(), Started: time.Now(), Boot: "b"}
}

func TestWhatAnAgentSendsBelongsToTheServerOfItsCertificate(t *testing.T) {
	l := listen(t)
	one, two := l.dial(t, l.enrol(t, "app-01")), l.dial(t, l.enrol(t, "app-02"))
	for server, c := range map[string]*http.Client{"app-01": one, "app-02": two} {
		said := beat()
		said.Refused = []string{"beyond-" + server}
		if status, body, h := l.send(t, c, "POST", wire.PathHeartbeat, said); status != http.StatusOK || h.Get(wire.HeaderVersion) != "1" {
			t.Fatalf("heartbeat answers %d %s, version %q", status, body, h.Get(wire.HeaderVersion))
		}
		if _, ok := l.taken.heard[server]; !ok {
			t.Errorf("%s was not heard", server)
		}
		if got := l.taken.refused[server]; !slices.Equal(got, said.Refused) {
			t.Errorf("%s refuses %q, want %q", server, got, said.Refused)
		}
		if status, body, _ := l.send(t, c, "POST", wire.PathWrite, "samples of "+server); status != http.StatusNoContent || l.taken.writes[server] != "samples of "+server {
			t.Errorf("samples of %s answer %d %s and arrive as %q", server, status, body, l.taken.writes[server])
		}
		status, body, h := l.send(t, c, "GET", wire.PathTargets, nil)
		if status != http.StatusOK || !strings.Contains(string(body), "for-"+server) || h.Get("ETag") == "" {
			t.Errorf("targets of %s answer %d %s", server, status, body)
		}
	}
	if status, _, _ := l.send(t, one, "POST", wire.PathProbes, wire.ProbeResults{Results: []wire.ProbeResult{{Target: "x", At: time.Now(), OK: true}}}); status != http.StatusNoContent || len(l.taken.probes["app-01"].Results) != 1 {
		t.Errorf("probe results answer %d, kept %v", status, l.taken.probes)
	}
}

func TestNobodyPassesWithoutACertificate(t *testing.T) {
	l := listen(t)
	stranger := l.dial(t, nil)
	for _, r := range wire.Routes() {
		status, body, _ := l.send(t, stranger, r.Method, r.Path, "{}")
		if r.Certificate && status != http.StatusUnauthorized {
			t.Errorf("%s %s answers a stranger %d %s", r.Method, r.Path, status, body)
		}
		if !r.Certificate && status/100 != 4 {
			t.Errorf("%s %s answers an empty body %d", r.Method, r.Path, status)
		}
	}
	for _, path := range []string{"/", "/api/v1/query?query=up", "/healthz"} {
		if status, _, _ := l.send(t, stranger, "GET", path, nil); status != http.StatusNotFound {
			t.Errorf("GET %s answers %d on the agents' listener, want 404", path, status)
		}
	}
}

func TestARevokedAgentIsToldOnItsOpenConnection(t *testing.T) {
	l := listen(t)
	c := l.dial(t, l.enrol(t, "app-01"))
	if status, _, _ := l.send(t, c, "POST", wire.PathHeartbeat, beat()); status != http.StatusOK {
		t.Fatalf("heartbeat answers %d", status)
	}
	if err := l.agent.RevokeServer(t.Context(), "app-01", people.Actor{Slug: "nadia", Role: people.Admin}, "stolen"); err != nil {
		t.Fatal(err)
	}
	status, body, h := l.send(t, c, "POST", wire.PathHeartbeat, beat())
	var e wire.Error
	if err := json.Unmarshal(body, &e); err != nil || status != http.StatusForbidden || e.Code != wire.CodeRevoked {
		t.Errorf("a revoked agent gets %d %s", status, body)
	}
	if h.Get(closedHeader) == "" {
		t.Error("the connection of a revoked agent stays open")
	}
}

func TestWhatCannotBeReadIsRefusedForGoodAndWhatFailsIsNot(t *testing.T) {
	l := listen(t)
	c := l.dial(t, l.enrol(t, "app-01"))
	f := func(want int, path string, body any) {
		t.Helper()
		if status, b, _ := l.send(t, c, "POST", path, body); status != want {
			t.Errorf("POST %s answers %d %s, want %d", path, status, b, want)
		}
	}
	f(http.StatusBadRequest, wire.PathHeartbeat, "no JSON")
	f(http.StatusBadRequest, wire.PathFacts, wire.Facts{Kind: "secrets", At: time.Now(), Body: json.RawMessage("{}")})
	f(http.StatusRequestEntityTooLarge, wire.PathHeartbeat, `{"agent":"`+strings.Repeat("x", 100<<10)+`"}`)
	_, csr := request(t)
	f(http.StatusForbidden, wire.PathEnrol, wire.EnrolRequest{Version: 1, Token: "vigie1.app-01.c2VjcmV0." + strings.Repeat("ab", 32), CSR: csr})
}

package agent

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/wire"
)

// fakeHub is a hub with a CA of its own behind a network of pipes, so that a
// test with a fake clock may talk to it over real TLS and real HTTP.
type fakeHub struct {
	t        testing.TB
	url      string
	ca       *x509.Certificate
	key      *ecdsa.PrivateKey
	roots    *x509.CertPool
	listener *pipeListener
	server   *http.Server
	tls      *tls.Config
	lifetime time.Duration // of certificates it issues

	mu       sync.Mutex
	down     bool
	revoked  bool
	answer   func(r *http.Request) int // instead of taking; 0 takes
	header   http.Header
	targets  wire.Targets
	records  []string // bodies of records taken, in order
	ids      []string
	tried    []time.Time // when records were offered
	beats    []wire.Heartbeat
	calls    map[string]int
	renewals int
}

func newFakeHub(t testing.TB, host string) *fakeHub {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	h := &fakeHub{t: t, url: "https://" + host, key: key, roots: x509.NewCertPool(), calls: map[string]int{}, lifetime: 30 * 24 * time.Hour, header: http.Header{}}
	der := h.sign(&x509.Certificate{Subject: pkix.Name{CommonName: "CA of " + host}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, key.Public(), 10*365*24*time.Hour)
	if h.ca, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	h.roots.AddCert(h.ca)
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaf := h.sign(&x509.Certificate{Subject: pkix.Name{CommonName: "hub"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, own.Public(), 10*365*24*time.Hour)
	h.listener = &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	h.server = &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	h.tls = &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{leaf, der}, PrivateKey: own}},
		ClientAuth:   tls.VerifyClientCertIfGiven, ClientCAs: h.roots, NextProtos: []string{"http/1.1"},
	}
	go h.server.Serve(tls.NewListener(h.listener, h.tls))
	t.Cleanup(func() { h.server.Close() })
	return h
}

func (h *fakeHub) sign(tmpl *x509.Certificate, pub any, life time.Duration) []byte {
	h.t.Helper()
	tmpl.SerialNumber = big.NewInt(time.Now().UnixNano())
	tmpl.NotBefore, tmpl.NotAfter = time.Now().Add(-time.Second), time.Now().Add(life)
	parent := h.ca
	if parent == nil {
		parent = tmpl
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, pub, h.key)
	if err != nil {
		h.t.Error(err)
	}
	return der
}

func (h *fakeHub) issue(csr string) string {
	block, _ := pem.Decode([]byte(csr))
	req, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		h.t.Error(err)
		return ""
	}
	der := h.sign(&x509.Certificate{Subject: pkix.Name{CommonName: "app-07"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, req.PublicKey, h.lifetime)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func (h *fakeHub) caPEM() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.ca.Raw}))
}

func (h *fakeHub) token() string {
	return wire.Token{Server: "app-07", Secret: "s3cret", Fingerprint: wire.Fingerprint(h.ca.Raw)}.String()
}

// set changes the hub under its lock.
func (h *fakeHub) set(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
}

func (h *fakeHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls[r.URL.Path]++
	refuse := func(status int, code string) {
		for k, v := range h.header {
			w.Header()[k] = v
		}
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(wire.Error{Code: code, Message: "A sentence."})
	}
	if r.URL.Path == wire.PathEnrol {
		var req wire.EnrolRequest
		json.Unmarshal(body, &req)
		if req.Token != h.token() {
			refuse(403, wire.CodeToken)
			return
		}
		json.NewEncoder(w).Encode(wire.EnrolResponse{Version: 1, Server: "app-07", Certificate: h.issue(req.CSR), CA: h.caPEM()})
		return
	}
	if len(r.TLS.VerifiedChains) == 0 || h.revoked {
		refuse(403, wire.CodeRevoked)
		return
	}
	switch r.URL.Path {
	case wire.PathRenew:
		var req wire.RenewRequest
		json.Unmarshal(body, &req)
		h.renewals++
		json.NewEncoder(w).Encode(wire.RenewResponse{Version: 1, Certificate: h.issue(req.CSR), CA: h.caPEM()})
	case wire.PathHeartbeat:
		var b wire.Heartbeat
		json.Unmarshal(body, &b)
		h.beats = append(h.beats, b)
		json.NewEncoder(w).Encode(wire.HeartbeatAnswer{Version: 1, Now: time.Now()})
	case wire.PathTargets:
		w.Header().Set("ETag", `"`+h.targets.Commit+`"`)
		if r.Header.Get("If-None-Match") == `"`+h.targets.Commit+`"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		json.NewEncoder(w).Encode(h.targets)
	default:
		h.tried = append(h.tried, time.Now())
		if h.answer != nil {
			if status := h.answer(r); status != 0 {
				refuse(status, "no")
				return
			}
		}
		h.records = append(h.records, string(body))
		h.ids = append(h.ids, r.Header.Get(wire.HeaderRecord))
		w.WriteHeader(http.StatusNoContent)
	}
}

// taken returns the records taken so far.
func (h *fakeHub) taken() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.records...)
}

// network is where several fake hubs are.
func network(hubs ...*fakeHub) dialer {
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		for _, h := range hubs {
			if "https://"+address != h.url {
				continue
			}
			h.mu.Lock()
			down := h.down
			h.mu.Unlock()
			if down {
				return nil, errors.New("connection refused")
			}
			return h.listener.dial(ctx)
		}
		return nil, errors.New("no route to " + address)
	}
}

// goAway closes the hub's connections and refuses new ones.
func (h *fakeHub) goAway() {
	h.set(func() { h.down = true })
	h.listener.closeConns()
}

func (h *fakeHub) comeBack() { h.set(func() { h.down = false }) }

type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
	mu    sync.Mutex
	open  []net.Conn
}

func (l *pipeListener) dial(ctx context.Context) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case l.conns <- there:
		l.mu.Lock()
		l.open = append(l.open, there)
		l.mu.Unlock()
		return here, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) closeConns() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.open {
		c.Close()
	}
	l.open = nil
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

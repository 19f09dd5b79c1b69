package enrol_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/fleet/enrol"
)

func serial(a agent) string { return fmt.Sprintf("%032x", a.cert.SerialNumber) }

func state(a agent) *tls.ConnectionState {
	return &tls.ConnectionState{
		PeerCertificates: []*x509.Certificate{a.cert},
		VerifiedChains:   [][]*x509.Certificate{{a.cert}},
	}
}

// serve runs an agents' listener that answers with the server it sees.
func serve(t *testing.T, h *house) string {
	t.Helper()
	return listen(t, h.TLSConfig([]string{"127.0.0.1", "hub.example"}), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		server, err := h.Identify(r.TLS)
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		_, _ = io.WriteString(w, server)
	}))
}

// listen serves without the certificate that httptest would put first.
func listen(t *testing.T, c *tls.Config, handler http.Handler) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", c)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l)
	}()
	t.Cleanup(func() {
		_ = s.Close()
		<-done
	})
	return "https://" + l.Addr().String()
}

func (a agent) client(t *testing.T, h *house, certs ...tls.Certificate) *http.Client {
	t.Helper()
	c := &tls.Config{RootCAs: a.pool, Time: h.now}
	if len(certs) > 0 { // shown whatever the hub asks for, unlike Certificates
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certs[0], nil }
	}
	tr := &http.Transport{TLSClientConfig: c}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func (a agent) pair() tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{a.cert.Raw}, PrivateKey: a.key}
}

func get(t *testing.T, c *http.Client, url string) (int, string, error) {
	t.Helper()
	r, err := c.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = r.Body.Close() }()
	b, err := io.ReadAll(r.Body)
	return r.StatusCode, string(b), err
}

func TestTheHubKnowsAnAgentByItsCertificate(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		url := serve(t, h)
		for _, server := range []string{"app-01", "app-02"} {
			a := h.enrol(server)
			if code, body, err := get(t, a.client(t, h, a.pair()), url); err != nil || code != 200 || body != server {
				t.Errorf("got %d %q %v, want %s", code, body, err, server)
			}
		}
		a := h.enrol("app-01")
		if code, _, err := get(t, a.client(t, h), url); err != nil || code != 403 {
			t.Errorf("without a certificate: got %d %v, want a connection and 403", code, err)
		}
	})
}

func TestOneAgentCannotBeAnother(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		url := serve(t, h)
		mine, theirs := h.enrol("app-01"), h.enrol("app-02")

		// The other's certificate without the other's key.
		stolen := tls.Certificate{Certificate: [][]byte{theirs.cert.Raw}, PrivateKey: mine.key}
		if code, body, err := get(t, mine.client(t, h, stolen), url); err == nil {
			t.Errorf("another's certificate without its key: got %d %q", code, body)
		}
		// A certificate for the other signed with one's own.
		for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageAny} {
			template := *theirs.cert
			template.SerialNumber, template.ExtKeyUsage = big.NewInt(7), []x509.ExtKeyUsage{usage}
			der, err := x509.CreateCertificate(nil, &template, mine.cert, theirs.cert.PublicKey, mine.key)
			if err != nil {
				t.Fatal(err)
			}
			forged := tls.Certificate{Certificate: [][]byte{der, mine.cert.Raw}, PrivateKey: theirs.key}
			if code, body, err := get(t, mine.client(t, h, forged), url); err == nil {
				t.Errorf("a certificate signed by an agent: got %d %q", code, body)
			}
		}
		// A certificate of another authority, and no key of the hub's.
		dir := open(t, otherState(t))
		stranger := dir.enrol("app-02")
		if code, body, err := get(t, mine.client(t, h, stranger.pair()), url); err == nil {
			t.Errorf("a certificate of another authority: got %d %q", code, body)
		}
		// A hub that is none: the agent does not talk to it.
		if _, _, err := get(t, mine.client(t, h, mine.pair()), serve(t, dir)); err == nil {
			t.Error("the agent talked to a hub of another authority")
		}
	})
}

func TestAnAgentCannotServeAsTheHub(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		mine, other := h.enrol("app-01"), h.enrol("app-02")
		url := listen(t, &tls.Config{Certificates: []tls.Certificate{mine.pair()}}, http.NotFoundHandler())
		if code, body, err := get(t, other.client(t, h, other.pair()), url); err == nil {
			t.Errorf("an agent's certificate served: %d %q", code, body)
		}
	})
}

func TestWhoIsRefusedIsRefusedOnAnOpenConnectionToo(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(t *testing.T, h *house, a agent)
		want error
	}{
		{"certificate revoked", func(t *testing.T, h *house, a agent) {
			if err := h.RevokeCertificate(t.Context(), serial(a), nadia, "stolen"); err != nil {
				t.Fatal(err)
			}
		}, enrol.ErrRevoked},
		{"server revoked", func(t *testing.T, h *house, _ agent) {
			if err := h.RevokeServer(t.Context(), "app-01", nadia, "stolen"); err != nil {
				t.Fatal(err)
			}
		}, enrol.ErrRevoked},
		{"server enrolled again", func(_ *testing.T, h *house, _ agent) { h.enrol("app-01") }, enrol.ErrRevoked},
		{"server left the repository", func(_ *testing.T, h *house, _ agent) { h.remove("app-01") }, enrol.ErrServer},
		{"certificate expired", func(_ *testing.T, h *house, _ agent) { h.pass(31 * 24 * time.Hour) }, enrol.ErrNoCertificate},
	} {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(t *testing.T, h *house) {
				url := serve(t, h)
				a := h.enrol("app-01")
				client := a.client(t, h, a.pair())
				if code, body, err := get(t, client, url); err != nil || code != 200 {
					t.Fatalf("before: %d %q %v", code, body, err)
				}
				c.do(t, h, a)
				if code, body, err := get(t, client, url); err != nil || code != 403 || body != c.want.Error()+"\n" {
					t.Errorf("got %d %q %v, want 403 %q", code, body, err, c.want)
				}
			})
		})
	}
}

func TestTheListenerShowsTheAuthorityAndRenewsItsCertificate(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		url := serve(t, h)
		a := h.enrol("app-01")
		shown := func() []*x509.Certificate {
			t.Helper()
			client := a.client(t, h, a.pair())
			r, err := client.Get(url)
			if err != nil {
				t.Fatal(err)
			}
			_ = r.Body.Close()
			if r.TLS.Version != tls.VersionTLS13 {
				t.Errorf("the connection is TLS %x", r.TLS.Version)
			}
			return r.TLS.PeerCertificates
		}
		first := shown()
		block, _ := pem.Decode(h.CA())
		if len(first) != 2 || string(first[1].Raw) != string(block.Bytes) {
			t.Errorf("%d certificates are shown, want the hub's and the authority's", len(first))
		}
		if err := first[0].VerifyHostname("hub.example"); err != nil {
			t.Error(err)
		}
		if again := shown(); !again[0].Equal(first[0]) {
			t.Error("every connection sees another certificate")
		}
		h.pass(6 * 24 * time.Hour)
		if later := shown(); later[0].Equal(first[0]) || !later[0].NotAfter.After(first[0].NotAfter) {
			t.Error("the certificate was not renewed before it expires")
		}
	})
}

func TestIdentifyDoesNotBelieveWhatWasNotVerified(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a := h.enrol("app-01")
		noSAN := *a.cert
		noSAN.URIs = nil
		wrong := *a.cert
		wrong.Subject.CommonName = "app-02"
		unverified := state(a)
		unverified.VerifiedChains = nil
		for name, cs := range map[string]*tls.ConnectionState{
			"no TLS": nil, "nothing": {}, "unverified": unverified,
			"no URI": state(agent{cert: &noSAN}), "two names": state(agent{cert: &wrong}),
		} {
			if server, ok := h.ServerFrom(cs); ok {
				t.Errorf("%s: believed to be %q", name, server)
			}
			if _, err := h.Identify(cs); !errors.Is(err, enrol.ErrNoCertificate) {
				t.Errorf("%s: got %v, want %v", name, err, enrol.ErrNoCertificate)
			}
		}
	})
}

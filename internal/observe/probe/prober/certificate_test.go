package prober_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
)

func poolOf(certs ...*x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range certs {
		p.AddCert(c)
	}
	return p
}

// authority signs certificates for tests.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	a := authority{key: newKey(t)}
	a.cert, _ = sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-1000 * time.Hour), NotAfter: time.Now().Add(1000 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}, nil, a.key, a.key)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sign(t *testing.T, c, parent *x509.Certificate, key, by *ecdsa.PrivateKey) (*x509.Certificate, []byte) {
	t.Helper()
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return parsed, der
}

// serve starts a page with a certificate of the authority.
func (a authority) serve(t *testing.T, c *x509.Certificate) *httptest.Server {
	t.Helper()
	key := newKey(t)
	c.SerialNumber = big.NewInt(2)
	_, der := sign(t, c, a.cert, key, a.key)
	s := httptest.NewUnstartedServer(statusPage())
	s.Config.ErrorLog = nil
	s.EnableHTTP2 = true
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}} //nolint:gosec // a test
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func TestCertificates(t *testing.T) {
	ca := newAuthority(t)
	now := time.Now()
	local := []net.IP{net.IPv4(127, 0, 0, 1)}
	day := 24 * time.Hour
	f := func(c *x509.Certificate, roots *x509.CertPool, e prober.Expect, want string) {
		t.Helper()
		s := ca.serve(t, c)
		got := run(t, prober.Options{Roots: roots}, prober.Target{Kind: prober.HTTP, URL: s.URL + "/ok", Expect: e})
		if got.Error != want || got.OK != (want == "") {
			t.Errorf("got %+v, want error %q", got, want)
		}
		if !got.CertificateNotAfter.Equal(c.NotAfter.Truncate(time.Second)) {
			t.Errorf("certificate until %s, want %s", got.CertificateNotAfter, c.NotAfter)
		}
	}
	good := x509.Certificate{NotBefore: now.Add(-day), NotAfter: now.Add(10 * day), IPAddresses: local}
	expired := x509.Certificate{NotBefore: now.Add(-30 * day), NotAfter: now.Add(-3*day - time.Hour), IPAddresses: local}
	early := x509.Certificate{NotBefore: now.Add(5*day + time.Hour), NotAfter: now.Add(30 * day), IPAddresses: local}
	other := x509.Certificate{NotBefore: now.Add(-day), NotAfter: now.Add(10 * day), DNSNames: []string{"atlas.example"}}
	trusted := poolOf(ca.cert)
	f(&good, trusted, prober.Expect{}, "")
	f(&good, poolOf(), prober.Expect{}, "certificate is signed by nobody this machine trusts")
	f(&good, poolOf(), prober.Expect{AnyCertificate: true}, "")
	f(&expired, trusted, prober.Expect{}, "certificate expired 3 days ago")
	f(&expired, poolOf(), prober.Expect{}, "certificate expired 3 days ago")
	f(&expired, poolOf(), prober.Expect{AnyCertificate: true}, "")
	f(&early, trusted, prober.Expect{}, "certificate is valid only in 5 days")
	f(&other, trusted, prober.Expect{}, "certificate is not for 127.0.0.1 but for atlas.example")
}

func TestAPlainServerBehindHTTPS(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	got := run(t, prober.Options{}, prober.Target{Kind: prober.HTTP, URL: strings.Replace(s.URL, "http:", "https:", 1)})
	if !strings.Contains(got.Error, "does not speak TLS") {
		t.Errorf("got %q", got.Error)
	}
}

package certfile_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/lib/certfile"
)

func selfSigned(t testing.TB) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "shop.example"}, NotAfter: time.Unix(2e9, 0)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func TestTheFirstCertificateOfAFileIsRead(t *testing.T) {
	key := []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
	root := fstest.MapFS{
		"etc/a/one.pem": {Data: append(key, selfSigned(t)...)},
		"etc/a/key.pem": {Data: key},
		"etc/a/b.crt":   {Data: []byte("no PEM")},
	}
	found := certfile.Find(root, []string{"/etc/*/*.pem", "/etc/a/one.pem", "/etc/[", "/nowhere/*"})
	if d := cmp.Diff([]string{"/etc/a/key.pem", "/etc/a/one.pem"}, found); d != "" {
		t.Fatal(d)
	}
	cert, err := certfile.Read(root, "/etc/a/one.pem")
	if err != nil || cert.Subject.CommonName != "shop.example" {
		t.Errorf("read %v, %v", cert, err)
	}
	for _, path := range []string{"/etc/a/key.pem", "/etc/a/b.crt"} {
		if _, err := certfile.Read(root, path); !errors.Is(err, certfile.ErrNone) {
			t.Errorf("%s: %v, want ErrNone", path, err)
		}
	}
}

func TestPatterns(t *testing.T) {
	for p, ok := range map[string]bool{"/etc/*/cert.pem": true, "etc/x": false, "/etc/[": false} {
		if err := certfile.CheckPattern(p); (err == nil) != ok {
			t.Errorf("%s: %v", p, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(selfSigned(f))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if cert, err := certfile.Parse(b); (cert == nil) == (err == nil) {
			t.Fatal("neither certificate nor error")
		}
	})
}

package enrol

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/vigie-ops/vigie/internal/keyring"
)

const caLifetime = 10 * 365 * 24 * time.Hour

// ca is the hub's own certificate authority.
type ca struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
	pool *x509.CertPool
}

// openCA reads the authority from the keyring, where key and certificate lie
// together so that neither exists without the other, and makes it on first
// use.
func openCA(ctx context.Context, keys *keyring.Ring, now func() time.Time) (*ca, error) {
	sealed, err := keys.Sealed(ctx, "enrol/ca", func() ([]byte, error) { return makeCA(now()) })
	if err != nil {
		return nil, err
	}
	defer sealed.Zero()
	return parseCA(sealed.Bytes())
}

func makeCA(now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	serial := newSerial()
	template := &x509.Certificate{
		SerialNumber: serial,
		// Part of the serial tells two hubs' authorities apart in lists.
		Subject:               pkix.Name{CommonName: "Vigie agents " + serialText(serial)[:8]},
		NotBefore:             now.Add(-24 * time.Hour),
		NotAfter:              now.Add(caLifetime),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	defer clear(secret)
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...), nil
}

func parseCA(sealed []byte) (*ca, error) {
	certBlock, rest := pem.Decode(sealed)
	keyBlock, _ := pem.Decode(rest)
	if certBlock == nil || keyBlock == nil {
		return nil, errors.New("what the keyring holds is no authority")
	}
	defer clear(keyBlock.Bytes)
	cert, err := x509.ParseCertificate(certBlock.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	key, err := x509.ParsePKCS8PrivateKey(keyBlock.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	signer, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("its key is a %T, want an ECDSA key", key)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &ca{cert: cert, key: signer, pem: pem.EncodeToMemory(certBlock), pool: pool}, nil
}

// sign returns a certificate in DER.
func (c *ca) sign(template *x509.Certificate, public any) ([]byte, error) {
	return x509.CreateCertificate(rand.Reader, template, c.cert, public, c.key)
}

// newSerial returns 128 random bits, of which one is set so that the number is
// positive and always as long.
func newSerial() *big.Int {
	b := make([]byte, 16)
	rand.Read(b) // never fails since Go 1.24
	b[0] = b[0]&0x7f | 0x40
	return new(big.Int).SetBytes(b)
}

func serialText(serial *big.Int) string { return fmt.Sprintf("%032x", serial) }

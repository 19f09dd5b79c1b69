package agent

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/vigie-ops/vigie/internal/wire"
)

// A hub shows a certificate of its own CA, and that CA certifies nothing but
// hubs (for servers) and agents (for clients). So an agent checks the chain and
// what the certificate is for, not the host name: a hub that moves to another
// address stays the same hub, and nobody else can be it.

// verifyChain checks a connection against the CA of the hub.
func verifyChain(cs tls.ConnectionState, roots *x509.CertPool) error {
	if roots == nil { // without roots the library would ask the machine's
		return errNotEnrolled
	}
	if len(cs.PeerCertificates) == 0 {
		return errors.New("the hub shows no certificate")
	}
	between := x509.NewCertPool()
	for _, c := range cs.PeerCertificates[1:] {
		between.AddCert(c)
	}
	_, err := cs.PeerCertificates[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		return fmt.Errorf("this is not the hub this server enrolled with: %w", err)
	}
	return nil
}

// ErrOtherHub says that a hub is not the one a token is for.
var ErrOtherHub = errors.New("the hub's CA is not the one the token names; check the address, and that nobody sits in between")

// verifyPinned checks a first connection: the chain the hub shows must lead to
// the CA with this fingerprint.
func verifyPinned(cs tls.ConnectionState, fingerprint string) error {
	for _, c := range cs.PeerCertificates {
		if wire.Fingerprint(c.Raw) == fingerprint && c.IsCA {
			roots := x509.NewCertPool()
			roots.AddCert(c)
			return verifyChain(cs, roots)
		}
	}
	return ErrOtherHub
}

package enrol

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"sync"
	"time"
)

const (
	hubLifetime = 7 * 24 * time.Hour
	hubRenew    = 2 * 24 * time.Hour // renewed when less is left
)

// TLSConfig returns what the agents' listener serves with, under the given
// names and IP addresses. The hub's certificate comes from its own authority
// and never leaves memory. The chain includes the authority, because an agent
// that enrols knows of it no more than the fingerprint in its token.
//
// A client certificate is optional, since an agent that enrols has none; one
// that is shown must come from the authority. Whether it was revoked is not
// asked here but by Identify, on each request: an agent is to be told why it
// is refused, which a broken handshake cannot do.
func (a *Authority) TLSConfig(hosts []string) *tls.Config {
	h := &hubCertificate{authority: a, hosts: hosts}
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		GetCertificate:         func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return h.current() },
		ClientAuth:             tls.VerifyClientCertIfGiven,
		ClientCAs:              a.ca.pool,
		Time:                   a.now,
		SessionTicketsDisabled: true, // every connection shows its certificate anew
	}
}

// Identify returns the server at the other end of a connection. It is cheap
// and is to be called on every request: what was revoked, has expired or left
// the operations repository is refused on connections that are open already.
// The listener closes those.
func (a *Authority) Identify(cs *tls.ConnectionState) (string, error) {
	if cs == nil || len(cs.VerifiedChains) == 0 || len(cs.PeerCertificates) == 0 {
		return "", ErrNoCertificate
	}
	return a.identify(cs.PeerCertificates[0])
}

// ServerFrom is Identify for who does not ask why.
func (a *Authority) ServerFrom(cs *tls.ConnectionState) (slug string, ok bool) {
	slug, err := a.Identify(cs)
	return slug, err == nil
}

// identify reads a certificate whose chain was verified.
func (a *Authority) identify(peer *x509.Certificate) (string, error) {
	server := peer.Subject.CommonName
	if server == "" || len(peer.URIs) != 1 || peer.URIs[0].String() != identity(server).String() {
		return "", ErrNoCertificate
	}
	if a.now().After(peer.NotAfter) {
		return "", ErrNoCertificate
	}
	if a.revoked.has(serialText(peer.SerialNumber)) {
		return "", ErrRevoked
	}
	if !a.runs(server) {
		return "", ErrServer
	}
	return server, nil
}

// hubCertificate is the hub's own certificate, made anew before it expires.
type hubCertificate struct {
	authority *Authority
	hosts     []string

	mu   sync.Mutex
	cert *tls.Certificate
}

func (h *hubCertificate) current() (*tls.Certificate, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.authority.now()
	if h.cert != nil && now.Before(h.cert.Leaf.NotAfter.Add(-hubRenew)) {
		return h.cert, nil
	}
	cert, err := h.authority.ca.serve(h.hosts, now)
	if err != nil {
		return nil, fmt.Errorf("make the hub's certificate: %w", err)
	}
	h.cert = cert
	return cert, nil
}

func (c *ca) serve(hosts []string, now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          newSerial(),
		Subject:               pkix.Name{CommonName: "Vigie hub"},
		NotBefore:             now.Add(-24 * time.Hour),
		NotAfter:              now.Add(hubLifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := c.sign(template, key.Public())
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der, c.cert.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

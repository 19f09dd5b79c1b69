package agent

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/vigie-ops/vigie/internal/wire"
)

// Enrolment says with which hub to enrol, and where to keep what comes of it.
type Enrolment struct {
	DataDir string
	Hub     Hub    // its URL, and its name if it has one
	Token   string // as `vigie agent token SERVER` printed it
	Build   string // of this agent

	dial dialer
}

// ErrRefused says that the hub does not take the token.
var ErrRefused = errors.New("the hub refused the enrolment")

// Enrol trades a one-time token for a certificate: it makes a key that never
// leaves this server, checks that the hub is the one the token names, and keeps
// key, certificate and CA. It returns the name of this server.
func Enrol(ctx context.Context, e Enrolment) (server string, err error) {
	token, err := wire.ParseToken(e.Token)
	if err != nil {
		return "", err
	}
	if e.Hub.Name == "" {
		u, err := url.Parse(e.Hub.URL)
		if err != nil || u.Scheme != "https" || u.Host == "" {
			return "", fmt.Errorf("%q is no hub; write https://HOST:PORT", e.Hub.URL)
		}
		e.Hub.Name = hubName(u.Host)
	}
	key, csr, err := newKey()
	if err != nil {
		return "", err
	}
	pinned := func(cs tls.ConnectionState) error { return verifyPinned(cs, token.Fingerprint) }
	c := newClient(e.Hub.URL, "vigie-agent/"+e.Build, e.dial, pinned, func() *tls.Certificate { return nil })
	defer c.close()
	var res wire.EnrolResponse
	a, err := c.call(ctx, wire.PathEnrol, wire.EnrolRequest{Version: wire.Version, Token: token.String(), CSR: string(csr), Agent: e.Build}, &res)
	if err != nil {
		return "", fmt.Errorf("enrol with %s: %w", e.Hub.URL, err)
	}
	if a.status/100 == 4 && a.status != 429 {
		return "", fmt.Errorf("%w: %s", ErrRefused, a.problem().Message)
	}
	if a.status/100 != 2 {
		return "", fmt.Errorf("enrol with %s: the hub answered %d: %s", e.Hub.URL, a.status, a.problem().Message)
	}
	if err := checkEnrolment(token, res); err != nil {
		return "", fmt.Errorf("enrol with %s: %w", e.Hub.URL, err)
	}
	id := &identity{dir: hubDir(e.DataDir, e.Hub.Name)}
	if err := id.save(key, []byte(res.Certificate), []byte(res.CA)); err != nil {
		return "", err
	}
	return res.Server, nil
}

// EnrolAt enrols with a hub of the configuration, named by its URL or name; an
// empty text means the only one. The hub is told the build of this agent. A
// running agent notices by itself.
func EnrolAt(ctx context.Context, c Config, hub, token, build string) (server string, err error) {
	h, err := c.hub(hub)
	if err != nil {
		return "", err
	}
	return Enrol(ctx, Enrolment{DataDir: c.DataDir, Hub: h, Token: token, Build: build})
}

// hub finds a hub by its URL or name.
func (c Config) hub(which string) (Hub, error) {
	if which == "" && len(c.Hubs) == 1 {
		return c.Hubs[0], nil
	}
	var urls []string
	for _, h := range c.Hubs {
		if h.Name == which || h.URL == strings.TrimSuffix(which, "/") {
			return h, nil
		}
		urls = append(urls, h.URL)
	}
	if which == "" {
		return Hub{}, fmt.Errorf("the configuration lists several hubs; say which one: %s", strings.Join(urls, ", "))
	}
	return Hub{}, fmt.Errorf("the configuration lists no hub %q; there is %s", which, strings.Join(urls, ", "))
}

// checkEnrolment checks that the answer is for the server and the CA of the token.
func checkEnrolment(token wire.Token, res wire.EnrolResponse) error {
	block, _ := pem.Decode([]byte(res.CA))
	if block == nil || wire.Fingerprint(block.Bytes) != token.Fingerprint {
		return ErrOtherHub
	}
	leaf, _ := pem.Decode([]byte(res.Certificate))
	if leaf == nil {
		return errors.New("the hub answered without a certificate")
	}
	cert, err := x509.ParseCertificate(leaf.Bytes)
	if err != nil {
		return fmt.Errorf("read the certificate: %w", err)
	}
	if res.Server != token.Server || cert.Subject.CommonName != token.Server {
		return fmt.Errorf("the token is for %q, the certificate for %q", token.Server, cert.Subject.CommonName)
	}
	return nil
}

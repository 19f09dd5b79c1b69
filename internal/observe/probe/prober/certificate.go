package prober

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"time"
)

// verify notes when the certificate expires and checks its chain and its name.
func (a *attempt) verify(cs tls.ConnectionState, host string) error {
	if len(cs.PeerCertificates) == 0 {
		return sentence("the server showed no certificate")
	}
	leaf := cs.PeerCertificates[0]
	a.note(func(r *Result) {
		if r.CertificateNotAfter.IsZero() || leaf.NotAfter.Before(r.CertificateNotAfter) {
			r.CertificateNotAfter = leaf.NotAfter.UTC()
		}
	})
	if a.t.Expect.AnyCertificate {
		return nil
	}
	between := x509.NewCertPool()
	for _, c := range cs.PeerCertificates[1:] {
		between.AddCert(c)
	}
	now := time.Now()
	_, err := leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: a.p.o.Roots, Intermediates: between, CurrentTime: now})
	return certificateWords(err, leaf, host, now)
}

// certificateWords says what is wrong with a certificate. The dates of the
// leaf come first: an expired certificate is expired whoever signed it.
func certificateWords(err error, leaf *x509.Certificate, host string, now time.Time) error {
	if err == nil {
		return nil
	}
	var (
		name    x509.HostnameError
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
	)
	switch {
	case now.After(leaf.NotAfter):
		return sentencef("certificate expired %s ago", Span(now.Sub(leaf.NotAfter)))
	case now.Before(leaf.NotBefore):
		return sentencef("certificate is valid only in %s", Span(leaf.NotBefore.Sub(now)))
	case errors.As(err, &name):
		return sentencef("certificate is not for %s but for %s", host, certificateNames(leaf))
	case errors.As(err, &unknown):
		return sentence("certificate is signed by nobody this machine trusts")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return sentence("a certificate of the chain expired")
	}
	return sentencef("certificate is not valid: %s", strings.TrimPrefix(err.Error(), "x509: "))
}

func certificateNames(c *x509.Certificate) string {
	names := c.DNSNames
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	switch {
	case len(names) == 0:
		return "no name at all"
	case len(names) > 3:
		return strings.Join(names[:3], ", ") + " and others"
	}
	return strings.Join(names, ", ")
}

package enrol

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vigie-ops/vigie/internal/audit"
	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/lib/attempts"
	"github.com/vigie-ops/vigie/internal/wire"
)

// Lifetime is how long an agent's certificate holds. Agents renew theirs well
// before.
const Lifetime = 30 * 24 * time.Hour

// Request asks for a server's first certificate.
type Request struct {
	Token string
	CSR   []byte // PEM
}

// Issued is a certificate for an agent.
type Issued struct {
	Server      string
	Certificate []byte // PEM
	CA          []byte // PEM
	NotAfter    time.Time
}

// Enrol gives a server its first certificate. The token is used up in the
// transaction that stores the certificate. Certificates that the server had
// before are revoked: a server has one agent, and this is the one an
// administrator let in last.
func (a *Authority) Enrol(ctx context.Context, remote string, r Request) (Issued, error) {
	if retry, ok := a.enrols.Allow(attempts.Remote(remote)); !ok {
		return Issued{}, &TooMany{Retry: retry}
	}
	issued, err := a.enrol(ctx, r)
	if errors.Is(err, ErrToken) || errors.Is(err, ErrServer) {
		a.log.Warn("enrolment refused", "remote", remote, "err", err)
	}
	return issued, err
}

func (a *Authority) enrol(ctx context.Context, r Request) (Issued, error) {
	public, err := publicKey(r.CSR)
	if err != nil {
		return Issued{}, err
	}
	t, err := wire.ParseToken(r.Token)
	if err != nil || strings.ContainsRune(t.Server, 0) || !utf8.ValidString(t.Server) { // no text for a database
		return Issued{}, ErrToken
	}
	var issued Issued
	err = a.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		now := a.now().UTC()
		cert, row, err := a.issue(t.Server, public, now)
		if err != nil {
			return err
		}
		row.How = "enrolled"
		ok, err := useToken(ctx, tx, hashSecret(t.Secret), t.Server, row.Serial, now)
		if err != nil {
			return err
		}
		if !ok {
			return ErrToken
		}
		if !a.runs(t.Server) {
			return ErrServer
		}
		actor := "server:" + t.Server
		if _, err := a.revokeIn(ctx, tx, byServer, t.Server, actor, "the server enrolled again"); err != nil {
			return err
		}
		if err := insertCertificate(ctx, tx, row); err != nil {
			return err
		}
		issued = cert
		return a.audit.Record(ctx, tx, audit.Entry{
			Actor: actor, Via: "enrolment", Verb: "agent.enrol", Object: actor,
			Details: map[string]any{"serial": row.Serial, "not_after": row.NotAfter},
		})
	})
	if err != nil {
		return Issued{}, fmt.Errorf("enrol: %w", err)
	}
	return issued, nil
}

// Renew gives an agent its next certificate, for the server that the one it
// shows is for. The old one holds until it expires, so that an agent that is
// killed before it stored the new one is not locked out.
func (a *Authority) Renew(ctx context.Context, peer *x509.Certificate, csr []byte) (Issued, error) {
	server, err := a.identify(peer)
	if err != nil {
		return Issued{}, err
	}
	if retry, ok := a.renews.Allow(server); !ok {
		return Issued{}, &TooMany{Retry: retry}
	}
	public, err := publicKey(csr)
	if err != nil {
		return Issued{}, err
	}
	var issued Issued
	err = a.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		// Another hub may have revoked it a moment ago.
		gone, err := isRevoked(ctx, tx, serialText(peer.SerialNumber))
		if err != nil {
			return err
		}
		if gone {
			return ErrRevoked
		}
		cert, row, err := a.issue(server, public, a.now().UTC())
		if err != nil {
			return err
		}
		row.How = "renewed"
		if err := insertCertificate(ctx, tx, row); err != nil {
			return err
		}
		issued = cert
		return a.audit.Record(ctx, tx, audit.Entry{
			Actor: "server:" + server, Via: "certificate", Verb: "agent.renew", Object: "server:" + server,
			Details: map[string]any{"serial": row.Serial, "not_after": row.NotAfter},
		})
	})
	if err != nil {
		return Issued{}, fmt.Errorf("renew certificate of %q: %w", server, err)
	}
	return issued, nil
}

// issue signs a certificate that says nothing but which server this is.
func (a *Authority) issue(server string, public any, now time.Time) (Issued, certificateRow, error) {
	serial := newSerial()
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: server},
		URIs:                  []*url.URL{identity(server)},
		NotBefore:             now.Add(-24 * time.Hour), // clocks of servers are wrong now and then
		NotAfter:              now.Add(Lifetime).Truncate(time.Second),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	der, err := a.ca.sign(template, public)
	if err != nil {
		return Issued{}, certificateRow{}, fmt.Errorf("sign certificate of %q: %w", server, err)
	}
	return Issued{
			Server: server, Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
			CA: a.ca.pem, NotAfter: template.NotAfter,
		}, certificateRow{
			Serial: serialText(serial), Server: server, IssuedAt: now, NotAfter: template.NotAfter,
		}, nil
}

// identity is the URI by which a certificate names a server.
func identity(server string) *url.URL {
	return &url.URL{Scheme: "vigie", Host: "server", Path: "/" + server}
}

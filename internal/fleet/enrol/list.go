package enrol

import (
	"context"
	"fmt"
	"time"
)

// Enrolment sums up the certificates of one server.
type Enrolment struct {
	First    time.Time // when the server enrolled for the first time
	Last     time.Time // when it got its newest certificate
	NotAfter time.Time // until when it has one that was not revoked; zero if it has none
	Revoked  bool      // whether every certificate it had was revoked
}

// Certificate is one that the authority gave to an agent.
type Certificate struct {
	Serial    string
	Server    string
	Issued    time.Time
	NotAfter  time.Time
	How       string    // enrolled or renewed
	Revoked   time.Time // zero while it was not
	RevokedBy string
	Reason    string
}

// Enrolled returns every server that ever enrolled.
func (a *Authority) Enrolled(ctx context.Context) (map[string]Enrolment, error) {
	rows, err := enrolments(ctx, a.db.Read())
	if err != nil {
		return nil, fmt.Errorf("list enrolled servers: %w", err)
	}
	all := make(map[string]Enrolment, len(rows))
	for _, r := range rows {
		e := Enrolment{First: r.First.UTC(), Last: r.Last.UTC(), Revoked: r.NotAfter == nil}
		if r.NotAfter != nil {
			e.NotAfter = r.NotAfter.UTC()
		}
		all[r.Server] = e
	}
	return all, nil
}

// CertificatesOf returns the certificates of a server, newest first.
func (a *Authority) CertificatesOf(ctx context.Context, server string) ([]Certificate, error) {
	rows, err := certificatesOf(ctx, a.db.Read(), server)
	if err != nil {
		return nil, fmt.Errorf("list certificates of %q: %w", server, err)
	}
	all := make([]Certificate, 0, len(rows))
	for _, r := range rows {
		c := Certificate{
			Serial: r.Serial, Server: r.Server, Issued: r.IssuedAt.UTC(), NotAfter: r.NotAfter.UTC(),
			How: r.How, RevokedBy: r.RevokedBy, Reason: r.Reason,
		}
		if r.RevokedAt != nil {
			c.Revoked = r.RevokedAt.UTC()
		}
		all = append(all, c)
	}
	return all, nil
}

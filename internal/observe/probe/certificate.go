package probe

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
	"github.com/vigie-ops/vigie/internal/signal"
)

// watchCertificate reports a certificate that ends soon, when that changes.
func (s *Service) watchCertificate(r *run, res prober.Result, now time.Time) {
	end := res.CertificateNotAfter
	if end.IsZero() {
		return
	}
	sev := r.plan.certificateSeverity(now, end)
	days := daysLeft(now, end)
	if sev == r.certificate && (sev == "" || end.Equal(r.certificateEnd) && days == r.certificateDays) {
		return
	}
	slug := r.plan.Slug
	if sev == "" {
		s.later(func(ctx context.Context, tx *db.Tx) error {
			return resolveSignals(ctx, tx, slug, CertificateExpiring, now)
		})
	} else {
		if r.certificate == "" {
			r.certificateSince = now
		}
		sig := r.plan.certificateSignal(sev, now, r.certificateSince, end)
		s.later(func(ctx context.Context, tx *db.Tx) error {
			if !s.watched(slug) {
				return nil
			}
			return putSignal(ctx, tx, sig)
		})
	}
	r.certificate, r.certificateEnd, r.certificateDays = sev, end, days
}

// certificateSeverity says how urgent it is that a certificate ends then;
// empty means not at all.
func (p Plan) certificateSeverity(now, notAfter time.Time) signal.Severity {
	left := notAfter.Sub(now)
	const day = 24 * time.Hour
	switch {
	case notAfter.IsZero() || p.CertificateDays == 0:
		return ""
	case left < time.Duration(min(certificateCritical, p.CertificateDays))*day:
		return signal.Critical
	case left < time.Duration(p.CertificateDays)*day:
		return signal.Warning
	}
	return ""
}

// certificateSignal tells of a certificate that ends soon.
func (p Plan) certificateSignal(sev signal.Severity, now, since, notAfter time.Time) signal.Signal {
	s := p.signal(CertificateExpiring, sev, since, now)
	left := notAfter.Sub(now)
	days := daysLeft(now, notAfter)
	value := fmt.Sprintf("%d days left", days)
	summary := fmt.Sprintf("Certificate of %s expires in %s", p.certificateOwner(), prober.Span(left))
	switch {
	case left <= 0:
		value, summary = "expired", fmt.Sprintf("Certificate of %s expired %s ago", p.certificateOwner(), prober.Span(-left))
	case days == 1:
		value = "1 day left"
	}
	s.Annotations = map[string]string{
		signal.Summary:     summary,
		signal.Description: fmt.Sprintf("The certificate of %s ends on %s. From then on browsers and programs refuse to connect.", p.Target.URL, notAfter.UTC().Format("2 January 2006 at 15:04 UTC")),
		signal.Value:       value,
		signal.Limit:       fmt.Sprintf("at least %d days", p.CertificateDays),
		signal.FirstStep:   p.firstStep(CertificateExpiring),
		signal.Link:        p.link(),
	}
	return s
}

func daysLeft(now, end time.Time) int { return int(math.Floor(end.Sub(now).Hours() / 24)) }

func (p Plan) certificateOwner() string {
	if p.Subject.Slug != "" {
		return p.Subject.Slug
	}
	return p.Name
}

package probe

import (
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
	"github.com/vigie-ops/vigie/internal/signal"
)

func TestCertificatesAreReportedBeforeTheyEnd(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, w *world) {
		s := open(t, d, w, nil, pagePlan())
		now := time.Now()
		first, day := now, 24*time.Hour
		f := func(left time.Duration, expect ...string) {
			t.Helper()
			now = now.Add(10 * time.Second)
			w.end = first.Add(left)
			look(t, s, now)
			want(t, left.String(), w.heard(), expect)
		}
		f(60 * day)
		f(20*day, "firing CertificateExpiring warning")
		f(20 * day)
		f(6*day, "firing CertificateExpiring critical")
		f(5*day+time.Hour, "firing CertificateExpiring critical") // its words count the days
		f(90*day, "resolved CertificateExpiring critical")
	})
}

func TestHowUrgentACertificateIs(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	f := func(limit, hours int, want signal.Severity) {
		t.Helper()
		p := Plan{Kind: string(prober.HTTP), CertificateDays: limit}
		if got := p.certificateSeverity(now, now.Add(time.Duration(hours)*time.Hour)); got != want {
			t.Errorf("%d hours left of %d days: %q, want %q", hours, limit, got, want)
		}
	}
	f(21, 22*24, "")
	f(21, 21*24, "")
	f(21, 21*24-1, signal.Warning)
	f(21, 7*24, signal.Warning)
	f(21, 7*24-1, signal.Critical)
	f(21, -5, signal.Critical)
	f(3, 5*24, "")
	f(3, 2*24, signal.Critical)
	f(60, 50*24, signal.Warning)
	f(0, 1, "")
	if got := (Plan{CertificateDays: 21}).certificateSeverity(now, time.Time{}); got != "" {
		t.Errorf("no certificate: %q", got)
	}
}

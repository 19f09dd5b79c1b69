package signal_test

import (
	"testing"

	"github.com/vigie-ops/vigie/internal/signal"
)

func TestFingerprintIgnoresOrderAndSeverity(t *testing.T) {
	a := signal.Signal{Labels: map[string]string{"alertname": "DiskFull", "server": "db-03", "severity": "warning"}}
	b := signal.Signal{Labels: map[string]string{"severity": "critical", "server": "db-03", "alertname": "DiskFull"}}
	if a.Fingerprint() != b.Fingerprint() {
		t.Errorf("a warning that turns critical became another alert: %s, %s", a.Fingerprint(), b.Fingerprint())
	}
	c := signal.Signal{Labels: map[string]string{"alertname": "DiskFull", "server": "db-04"}}
	if a.Fingerprint() == c.Fingerprint() {
		t.Error("two servers share one alert")
	}
}

func TestFingerprintKeepsLabelBordersApart(t *testing.T) {
	a := signal.Signal{Labels: map[string]string{"a": "bc"}}
	b := signal.Signal{Labels: map[string]string{"ab": "c"}}
	if a.Fingerprint() == b.Fingerprint() {
		t.Error("labels a=bc and ab=c share one fingerprint")
	}
}

func TestSubjectsAreReadBack(t *testing.T) {
	for _, want := range []signal.Subject{{Kind: signal.Server, Slug: "app-07"}, {Kind: signal.Hub}} {
		if got := signal.ParseSubject(want.String()); got != want {
			t.Errorf("ParseSubject(%q) = %v, want %v", want.String(), got, want)
		}
	}
}

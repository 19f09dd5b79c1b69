package enrol_test

import (
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/fleet/enrol"
)

func TestCertificatesThatExpiredLongAgoAreForgotten(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		const day = 24 * time.Hour
		first := h.now()
		for range 4 { // each revokes the one before
			h.enrol("app-01")
			h.pass(50 * day)
		}
		h.enrol("app-02")
		prune := func(want int) {
			t.Helper()
			if err := h.Prune(t.Context()); err != nil {
				t.Fatal(err)
			}
			if list, err := h.CertificatesOf(t.Context(), "app-01"); err != nil || len(list) != want {
				t.Errorf("%d certificates are left, %v; want %d", len(list), err, want)
			}
		}
		prune(3) // the second one expired 120 days ago, the third 70
		h.pass(365 * day)
		prune(2)
		all, err := h.Enrolled(t.Context())
		if err != nil || len(all) != 2 || all["app-01"].First.Sub(first) > time.Hour || all["app-01"].Last.Sub(first) < 150*day {
			t.Errorf("enrolled are %+v, %v; want both, app-01 since the beginning", all, err)
		}
		if all["app-02"].NotAfter.IsZero() || enrol.Lifetime != 30*day {
			t.Errorf("the one certificate of app-02 is gone: %+v", all["app-02"])
		}
	})
}

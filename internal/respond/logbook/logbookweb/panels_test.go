package logbookweb

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/respond/logbook"
	"github.com/vigie-ops/vigie/internal/signal"
)

func TestWhatNeedsAPersonMostComesFirst(t *testing.T) {
	all := []logbook.Issue{
		{ID: "warning taken", Severity: signal.Warning, TakenBy: "ann"},
		{ID: "critical taken", Severity: signal.Critical, TakenBy: "ann"},
		{ID: "info", Severity: signal.Info},
		{ID: "warning", Severity: signal.Warning},
		{ID: "critical, newer", Severity: signal.Critical},
		{ID: "critical, older", Severity: signal.Critical},
	}
	slices.SortStableFunc(all, byNeed)
	var got []string
	for _, i := range all {
		got = append(got, i.ID)
	}
	want := []string{"critical, newer", "critical, older", "critical taken", "warning", "warning taken", "info"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the order differs (-want +got):\n%s", diff)
	}
}

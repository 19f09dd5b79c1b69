package notifyweb

import (
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/internal/respond/notify"
)

func TestANoticeLeadsToWhatItIsAbout(t *testing.T) {
	f := &face{name: func(person string) string { return strings.ToUpper(person) }}
	var page strings.Builder
	err := table(f.rows([]notify.Delivery{
		{Kind: notify.KindNotice, Subject: "[notice] Approve? <b>", Link: "/runs/01J", Person: "nadia", Channel: "mail", State: notify.Sent},
		{Kind: notify.KindNotice, Subject: "[urgent] Nowhere", Person: "ghost", Channel: "mail", State: notify.Failed, LastError: "no e-mail address of ghost is known"},
		{Kind: notify.KindFiring, Subject: "[critical] Down", Issue: "01I", Person: "tom", Channel: "mail", State: notify.Sent},
	})).Render(t.Context(), &page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`href="/runs/01J"`, "[notice] Approve? &lt;b&gt;", "to NADIA", "[urgent] Nowhere", "no e-mail address of ghost is known", `href="/issues/01I"`} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the list does not say %s:\n%s", want, page.String())
		}
	}
	if n := strings.Count(page.String(), "href="); n != 2 {
		t.Errorf("%d links, want 2", n)
	}
}

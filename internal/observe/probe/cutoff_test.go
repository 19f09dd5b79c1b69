package probe

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
)

// The hub's own network dies, and comes back.
func TestAHubThatIsCutOffTellsOneAlert(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, w *world) {
		plans := []Plan{pagePlan()}
		for i := range 20 {
			plans = append(plans, portOf(fmt.Sprintf("app-%d", i)))
		}
		s := open(t, d, w, nil, plans...)
		now := time.Now()
		pass := func() {
			t.Helper()
			for range 12 {
				look(t, s, now)
				s.tick(now.Add(time.Second))
				settle(t, s)
				now = now.Add(5 * time.Second)
			}
		}
		pass()
		want(t, "while all is well", w.heard(), nil)
		for _, p := range plans {
			w.set(p.Slug, "no answer within 5 s")
		}
		pass()
		want(t, "cut off", w.heard(), []string{"firing HubCutOff critical"})
		if got, _ := s.Reachable("app-1"); got != Unseen {
			t.Errorf("a server that a cut-off hub does not reach is %s", got)
		}
		for _, p := range plans[1:] {
			w.set(p.Slug, "")
		}
		pass()
		want(t, "with all but the page back", w.heard(), []string{"firing StatusPageNotOK critical", "resolved HubCutOff critical"})
	})
}

func TestOneOutageNeedsOneWhoAnswers(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, w *world) {
		plans := []Plan{pagePlan(), portOf("app-1"), portOf("app-2"), portOf("app-3")}
		s := open(t, d, w, nil, plans...)
		now := time.Now()
		for _, p := range plans[:3] {
			w.set(p.Slug, "no answer within 5 s")
		}
		for i := range 3 {
			look(t, s, now.Add(time.Duration(10*i)*time.Second))
		}
		if got := len(w.heard()); got != 3 {
			t.Errorf("%d outages told while a fourth subject answers, want 3", got)
		}
	})
}

func TestFewSubjectsSayNothingAboutTheHub(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, w *world) {
		plans := []Plan{pagePlan(), portOf("app-1"), portOf("app-2")}
		s := open(t, d, w, nil, plans...)
		for _, p := range plans {
			w.set(p.Slug, "no answer within 5 s")
		}
		for i := range 3 {
			look(t, s, time.Now().Add(time.Duration(10*i)*time.Second))
		}
		if got := len(w.heard()); got != 3 {
			t.Errorf("%d outages told, want 3", got)
		}
	})
}

// What was told of a cut-off before a restart ends with the first good answer
// after it, and not before.
func TestACutOffOutlivesARestart(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, w *world) {
		err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			return putSignal(ctx, tx, cutOffSignal(4, time.Now(), time.Now()))
		})
		if err != nil {
			t.Fatal(err)
		}
		s := open(t, d, w, nil, pagePlan())
		s.tick(time.Now())
		settle(t, s)
		want(t, "after the start", w.heard(), []string{"firing HubCutOff critical"})
		look(t, s, time.Now())
		s.tick(time.Now())
		settle(t, s)
		want(t, "after an answer", w.heard(), []string{"resolved HubCutOff critical"})
	})
}

func TestHowFarATargetIs(t *testing.T) {
	for host, want := range map[string]reach{
		"127.0.0.1": thisMachine, "localhost": thisMachine, "::1": thisMachine, "10.1.2.3": nearby, "fd00::1": nearby,
		"192.0.2.1": outside, "app.example.com": outside,
	} {
		if got := reachOf(prober.Target{Kind: prober.TCP, Address: host}); got != want {
			t.Errorf("%s is %d away, want %d", host, got, want)
		}
	}
	if got := reachOf(prober.Target{Kind: prober.HTTP, URL: "http://127.0.0.1:8080/status"}); got != thisMachine {
		t.Errorf("a page of this machine is %d away", got)
	}
	if got := reachOf(prober.Target{Kind: prober.DNS, Address: "example.com", Resolver: "127.0.0.53:53"}); got != thisMachine {
		t.Errorf("a resolver of this machine is %d away", got)
	}
}

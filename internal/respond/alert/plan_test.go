package alert

import (
	"testing"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"github.com/vigie-ops/vigie/internal/signal"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func rec(f func(r *record)) *record {
	r := &record{Alert: Alert{ID: "a", State: Firing, Severity: signal.Warning, Subject: signal.Subject{Kind: signal.Server, Slug: "db-03"}}, since: noon}
	f(r)
	return r
}

func TestWhenAGroupIsDue(t *testing.T) {
	p := DefaultPolicy()
	told := func(r *record) {
		r.ID, r.told, r.toldSeverity, r.since = "told", toldFiring, signal.Warning, noon.Add(-time.Hour)
	}
	ago := noon.Add(-time.Minute)
	f := func(name string, last time.Time, want time.Duration, rs ...*record) {
		t.Helper()
		_, due := plan(p, last, rs, noon)
		switch {
		case want < 0 && !due.IsZero():
			t.Errorf("%s: due in %v, want never", name, due.Sub(noon))
		case want >= 0 && !due.Equal(noon.Add(want)):
			t.Errorf("%s: due in %v, want %v", name, due.Sub(noon), want)
		}
	}
	f("nothing", ago, -1)
	f("the first alert", time.Time{}, 10*time.Second, rec(func(*record) {}))
	f("a new subject", ago, 10*time.Second, rec(told), rec(func(r *record) { r.Subject.Slug = "db-04" }))
	f("a worse alert on a known subject", ago, 10*time.Second, rec(told), rec(func(r *record) { r.Severity = signal.Critical }))
	f("one more alert on a known subject", ago, 4*time.Minute, rec(told), rec(func(*record) {}))
	f("one more after the interval", noon.Add(-time.Hour), 10*time.Second, rec(told), rec(func(*record) {}))
	f("a severity that is worse", ago, 10*time.Second, rec(func(r *record) { told(r); r.Severity, r.since = signal.Critical, noon }))
	f("a severity that is better", ago, 4*time.Minute, rec(func(r *record) { told(r); r.Severity, r.since = signal.Info, noon }))
	f("a resolution", ago, 10*time.Second, rec(func(r *record) { told(r); r.State, r.since = Resolved, noon }))
	f("a resolution of what flaps, for the logbook", ago, 10*time.Second, rec(func(r *record) { told(r); r.State, r.since, r.Flaps = Resolved, noon, flapping }))
	f("the same, for people", ago, 15*time.Minute, rec(func(r *record) { told(r); r.State, r.since, r.Flaps, r.told = Resolved, noon, flapping, toldEnding }))
	f("what flaps and came back, for the logbook", ago, 10*time.Second, rec(func(r *record) { told(r); r.since, r.Flaps, r.told = noon, flapping, toldBack }))
	f("a resolution nobody asks for", ago, -1, rec(func(r *record) { r.State = Resolved }))
	f("a reminder", ago, 4*time.Hour-time.Minute, rec(told))
	f("no reminder of what somebody has", ago, -1, rec(func(r *record) { told(r); r.Ack = &Ack{By: "nadia"} }))
	f("no reminder of what is silenced", ago, -1, rec(func(r *record) { told(r); r.SilencedBy = []string{"s"} }))
	f("nothing new of what is hidden", ago, -1, rec(func(r *record) { r.InhibitedBy = []string{"x"} }))
	f("an acknowledgement that ended", ago, 10*time.Second, rec(func(r *record) { told(r); r.told, r.since = toldAgain, noon }))
	f("what may still recover with its server", ago, 70*time.Second, rec(func(r *record) { r.since = noon.Add(time.Minute) }))
}

func TestASilencedAlertThatWasToldIsToldToBeOver(t *testing.T) {
	n, _ := plan(DefaultPolicy(), noon.Add(-time.Hour), []*record{rec(func(r *record) {
		r.told, r.State, r.SilencedBy, r.since = toldFiring, Resolved, []string{"s"}, noon.Add(-time.Minute)
	})}, noon)
	if len(n.resolved) != 1 || !n.tell {
		t.Errorf("news %+v, want the resolution", n)
	}
}

func TestGroupsIgnoreWhatAnAlertHasNot(t *testing.T) {
	by := DefaultPolicy().GroupBy
	f := func(a, b map[string]string, same bool) {
		t.Helper()
		ka, _ := groupOf(by, a)
		kb, _ := groupOf(by, b)
		if (ka == kb) != same {
			t.Errorf("%v and %v in one group: %v, want %v", a, b, ka == kb, same)
		}
	}
	f(map[string]string{"alertname": "DiskFull", "server": "db-03", "device": "sda"}, map[string]string{"alertname": "DiskFull", "server": "db-03", "device": "sdb"}, true)
	f(map[string]string{"alertname": "DiskFull", "server": "db-03"}, map[string]string{"alertname": "DiskFull", "server": "db-04"}, false)
	f(map[string]string{"alertname": "DiskFull", "server": ""}, map[string]string{"alertname": "DiskFull"}, true)
	by = []string{"..."}
	f(map[string]string{"alertname": "DiskFull", "device": "sda"}, map[string]string{"alertname": "DiskFull", "device": "sdb"}, false)
}

func TestInhibition(t *testing.T) {
	one := func(id string, l map[string]string) Alert { return Alert{ID: id, State: Firing, Labels: l} }
	firing := []Alert{
		one("silent", map[string]string{"alertname": ServerUnresponsive, "server": "db-03"}),
		one("there", map[string]string{"alertname": "DiskFull", "server": "db-03"}),
		one("elsewhere", map[string]string{"alertname": "DiskFull", "server": "db-04"}),
		one("nowhere", map[string]string{"alertname": "StatusPageDown"}),
		one("without", map[string]string{"alertname": ServerUnresponsive}),
	}
	hidden := inhibited([]InhibitRule{silentServer}, firing)
	if len(hidden) != 1 || len(hidden["there"]) != 1 || hidden["there"][0] != "silent" {
		t.Errorf("hidden %v, want what runs on db-03 alone", hidden)
	}
	mutual := InhibitRule{Source: labels.Matchers{must(labels.MatchEqual, "alertname", "DiskFull")}, Target: labels.Matchers{must(labels.MatchEqual, "alertname", "DiskFull")}}
	if hidden := inhibited([]InhibitRule{mutual}, firing); len(hidden) != 0 {
		t.Errorf("alerts hide each other: %v", hidden)
	}
}

func TestRoutesLeadToEachPlaceOnce(t *testing.T) {
	match := func(s string) labels.Matchers {
		ms, err := ParseMatchers(s)
		if err != nil {
			t.Fatal(err)
		}
		return ms
	}
	p := Policy{Routes: []Route{
		{Match: match(`severity="critical"`), Continue: true, To: []Target{{Person: "nadia", Channel: "mail"}}},
		{Match: match(`client="acme"`), To: []Target{{Person: "nadia", Channel: "mail"}, {Channel: "chat"}}},
		{To: []Target{{Team: "ops", Channel: "mail"}}},
	}}
	f := func(l map[string]string, want int) {
		t.Helper()
		if got := p.Targets(l); len(got) != want {
			t.Errorf("%v leads to %v, want %d places", l, got, want)
		}
	}
	f(map[string]string{"severity": "critical", "client": "acme"}, 2)
	f(map[string]string{"severity": "critical"}, 2)
	f(map[string]string{"severity": "info"}, 1)
	f(map[string]string{"client": "acme"}, 2)
}

func FuzzParseMatchers(f *testing.F) {
	for _, s := range []string{`a="b"`, `a=~"b.*",c!="d"`, `{a="b"}`, `a=`, `"`, "a=\"\\n\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ms, err := ParseMatchers(s)
		if err != nil {
			return
		}
		again, err := ParseMatchers(matcherTexts(ms)...)
		if err != nil || len(again) != len(ms) {
			t.Fatalf("%q is read as %v, which is not read back: %v, %v", s, ms, again, err)
		}
		for i := range ms {
			if ms[i].String() != again[i].String() {
				t.Errorf("%v became %v", ms[i], again[i])
			}
		}
	})
}

package probe

import (
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/signal"
)

func TestSignalsSayWhatIsWrong(t *testing.T) {
	name := Plan{Slug: "mx", Name: "Mail of borealis", Kind: "dns", Subject: signal.Subject{Kind: signal.Hub}, Severity: signal.Warning}
	onServer := pagePlan()
	onServer.Subject, onServer.Name = signal.Subject{Kind: signal.Server, Slug: "app-1"}, "Metrics page"
	f := func(p Plan, cause, alert, summary, link string) {
		t.Helper()
		s := p.outageSignal(time.Unix(0, 0), time.Unix(60, 0), cause, []string{"app-2", Hub})
		if s.Name() != alert || s.Annotations[signal.Summary] != summary || s.Annotations[signal.Link] != link {
			t.Errorf("got %s, %q, %s; want %s, %q, %s", s.Name(), s.Annotations[signal.Summary], s.Annotations[signal.Link], alert, summary, link)
		}
		for _, key := range []string{signal.Description, signal.Value, signal.Limit, signal.FirstStep} {
			if s.Annotations[key] == "" {
				t.Errorf("%s has no %s", alert, key)
			}
		}
		if s.Detector != Detector || s.Subject != p.Subject || s.State != signal.Firing || !s.Until.IsZero() || s.Labels[LabelProbe] != p.Slug {
			t.Errorf("signal %+v", s)
		}
	}
	f(pagePlan(), "answered 502, expected 200", StatusPageNotOK, "Status page of borealis answers 502", "/instances/borealis")
	f(pagePlan(), "no answer within 5 s", StatusPageNotOK, "Status page of borealis: no answer within 5 s", "/instances/borealis")
	f(onServer, "answered 502, expected 200", ProbeFailed, "Metrics page failed: answered 502, expected 200", "/servers/app-1")
	f(portOf("app-1"), "connection refused on 192.0.2.1:22", PortNotListening,
		"Port 22 of app-1 does not accept connections: connection refused on 192.0.2.1:22", "/servers/app-1")
	f(heartbeatPlan(), "no heartbeat since noon, expected every 5 min", HeartbeatMissing,
		"Nightly dump is late: no heartbeat since noon, expected every 5 min", "/servers/app-1")
	f(name, "the name borealis.example does not exist", ProbeFailed, "Mail of borealis failed: the name borealis.example does not exist", "/probes/mx")
}

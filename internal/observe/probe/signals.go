package probe

import (
	"fmt"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
	"github.com/vigie-ops/vigie/internal/signal"
)

// Detector is the name under which this room reports signals.
const Detector = "probe"

// The names of the alerts that probes raise.
const (
	PortNotListening    = "PortNotListening"    // a port of a server does not accept
	StatusPageNotOK     = "StatusPageNotOK"     // a page of an instance does not answer as expected
	HeartbeatMissing    = "HeartbeatMissing"    // a heartbeat is late
	ProbeFailed         = "ProbeFailed"         // any other probe is down
	CertificateExpiring = "CertificateExpiring" // a certificate ends soon
)

// LabelProbe names the probe on signals and series.
const LabelProbe = "probe"

// certificateCritical is how many days before its end a certificate wakes
// somebody.
const certificateCritical = 7

// alertName is the alert that an outage of the probe raises.
func (p Plan) alertName() string {
	switch {
	case p.Kind == KindHeartbeat:
		return HeartbeatMissing
	case p.Kind == string(prober.TCP) && p.Subject.Kind == signal.Server:
		return PortNotListening
	case p.Kind == string(prober.HTTP) && p.Subject.Kind == signal.Instance:
		return StatusPageNotOK
	}
	return ProbeFailed
}

// outageSignal tells of an outage.
func (p Plan) outageSignal(since, at time.Time, cause string, places []string) signal.Signal {
	name := p.alertName()
	s := p.signal(name, p.Severity, since, at)
	s.Annotations = map[string]string{
		signal.Summary:     p.summary(name, cause),
		signal.Description: p.description(name, places),
		signal.Value:       cause,
		signal.Limit:       p.limit(),
		signal.FirstStep:   p.firstStep(name),
		signal.Link:        p.link(),
	}
	return s
}

func (p Plan) signal(name string, sev signal.Severity, since, at time.Time) signal.Signal {
	return signal.Signal{
		Detector: Detector, Subject: p.Subject, State: signal.Firing, StartsAt: since.UTC(), At: at.UTC(),
		Labels: p.labels(signal.LabelName, name, signal.LabelSeverity, string(sev), LabelProbe, p.Slug),
	}
}

func (p Plan) summary(name, cause string) string {
	switch name {
	case HeartbeatMissing:
		return fmt.Sprintf("%s is late: %s", p.Name, cause)
	case PortNotListening:
		return fmt.Sprintf("Port %d of %s does not accept connections: %s", p.Target.Port, p.Subject.Slug, cause)
	case StatusPageNotOK:
		if answered, ok := strings.CutPrefix(cause, "answered "); ok {
			code, _, _ := strings.Cut(answered, ",")
			return fmt.Sprintf("Status page of %s answers %s", p.Subject.Slug, code)
		}
		return fmt.Sprintf("Status page of %s: %s", p.Subject.Slug, cause)
	}
	return fmt.Sprintf("%s failed: %s", p.Name, cause)
}

func (p Plan) description(name string, places []string) string {
	if name == HeartbeatMissing {
		return "Somebody promised to call regularly and did not. The job behind it did not run, did not finish, or could not reach the hub."
	}
	from := strings.Join(places, " and ")
	if from == "" {
		from = "outside"
	}
	seen := fmt.Sprintf("Seen from %s, %d times in a row.", from, max(1, p.Rules.Confirmations))
	switch name {
	case StatusPageNotOK:
		return "The instance does not answer as it should; its users most likely see the same. " + seen
	case PortNotListening:
		return "Nothing accepts connections on this port, or something between drops them. " + seen
	}
	return "The probe did not get the answer it expects. " + seen
}

// limit says what the probe expects, ready to read.
func (p Plan) limit() string {
	switch {
	case p.Kind == KindHeartbeat:
		return fmt.Sprintf("every %s, at most %s late", prober.Span(p.Every), prober.Span(p.Grace))
	case p.Kind == string(prober.TCP):
		return "accepts connections within " + prober.Span(p.Target.Timeout)
	}
	return "the expected answer within " + prober.Span(p.Target.Timeout)
}

func (p Plan) firstStep(name string) string {
	switch name {
	case HeartbeatMissing:
		return "Look at the log of the job that sends this heartbeat, and whether its machine is up."
	case PortNotListening:
		return fmt.Sprintf("Look whether the service behind port %d of %s runs and whether the firewall lets it through.", p.Target.Port, p.Subject.Slug)
	case StatusPageNotOK:
		return fmt.Sprintf("Open %s, then look at the servers and the latest logs of %s.", p.Target.URL, p.Subject.Slug)
	case CertificateExpiring:
		return "Look why the certificate was not renewed, renew it, and reload what serves it."
	}
	return "See on the probe's page from where it fails and since when, then ask the same question from another network if you can."
}

func (p Plan) link() string {
	switch p.Subject.Kind {
	case signal.Server:
		return "/servers/" + p.Subject.Slug
	case signal.Instance:
		return "/instances/" + p.Subject.Slug
	}
	return "/probes/" + p.Slug
}

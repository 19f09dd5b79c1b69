package probeweb

import (
	"cmp"
	"math"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/probe"
	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
	"github.com/vigie-ops/vigie/internal/signal"
	"github.com/vigie-ops/vigie/internal/ui"
)

// stateOf puts the state of a probe into words.
func stateOf(s probe.Status, now time.Time) (ui.Kind, string) {
	switch s.State {
	case probe.Down:
		words := "down for " + ui.Duration(now.Sub(s.Since).Truncate(time.Second))
		if s.Flapping {
			words += ", again and again"
		}
		return ui.Bad, words
	case probe.Failing:
		return ui.Warn, "failing, not confirmed yet"
	case probe.OnePlace:
		return ui.Warn, "bad from one place only"
	case probe.Up:
		return ui.OK, "well"
	}
	if s.Kind == probe.KindHeartbeat {
		return ui.Quiet, "waiting for the first one"
	}
	return ui.Quiet, "nobody has looked yet"
}

// urgency orders states for "worst first".
func urgency(s probe.State) int {
	switch s {
	case probe.Down:
		return 0
	case probe.Failing:
		return 1
	case probe.OnePlace:
		return 2
	case probe.Unknown:
		return 3
	}
	return 4
}

func worstFirst(a, b probe.Status) int {
	return cmp.Or(cmp.Compare(urgency(a.State), urgency(b.State)), cmp.Compare(a.Probe, b.Probe))
}

// portNames are the ports that people know by name.
var portNames = map[int]string{22: "ssh", 25: "smtp", 53: "dns", 80: "http", 443: "https", 587: "submission", 993: "imaps", 3306: "mysql", 5432: "postgresql", 6379: "redis"}

// short names a probe on the page of its subject: "443 https".
func short(s probe.Status) string {
	if s.Implicit {
		port := s.Target.Port
		if known := portNames[port]; known != "" {
			return strconv.Itoa(port) + " " + known
		}
		return "port " + strconv.Itoa(port)
	}
	return s.Name
}

// asks says what the probe asks.
func asks(s probe.Status) string {
	t := s.Target
	switch prober.Kind(s.Kind) {
	case prober.HTTP:
		return t.URL
	case prober.TCP:
		return "connects to " + net.JoinHostPort(t.Address, strconv.Itoa(t.Port))
	case prober.ICMP:
		return "pings " + t.Address
	case prober.DNS:
		words := "asks for " + cmp.Or(t.Record, "A") + " of " + t.Address
		if t.Resolver != "" {
			words += " at " + t.Resolver
		}
		return words
	}
	return "expects a heartbeat every " + ui.Duration(s.Every)
}

// took is how long the first place's last answer took.
func took(s probe.Status) string {
	if s.Kind == probe.KindHeartbeat || len(s.Last) == 0 {
		return "–"
	}
	r := s.Last[0].Result
	if !r.OK && r.Status != 0 {
		return strconv.Itoa(r.Status)
	}
	if r.Duration <= 0 || !r.OK {
		return "–"
	}
	return ui.Duration(r.Duration)
}

// phaseNames are what prober.Phases.List calls them, in words.
var phaseNames = map[string]string{"dns": "name", "connect": "connect", "tls": "TLS", "first_byte": "first byte", "transfer": "transfer"}

// phases is where the time of the last answer went.
func phases(s probe.Status) string {
	if len(s.Last) == 0 {
		return ""
	}
	var words []string
	for _, p := range s.Last[0].Result.Phases.List() {
		words = append(words, cmp.Or(phaseNames[p.Name], p.Name)+" "+ui.Duration(p.Took))
	}
	return strings.Join(words, " · ")
}

// places are where it is looked from.
func places(s probe.Status) string {
	var names []string
	for _, l := range s.Last {
		names = append(names, l.Place)
	}
	return and(names)
}

// and joins words as people do: "hub, app-02 and app-03".
func and(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// certificate says how long the certificate holds, by the first place that saw
// one.
func certificate(s probe.Status, now time.Time) (ui.Kind, string) {
	for _, l := range s.Last {
		end := l.Result.CertificateNotAfter
		if end.IsZero() {
			continue
		}
		days := int(math.Floor(end.Sub(now).Hours() / 24))
		switch {
		case days < 0:
			return ui.Bad, "expired " + ui.Ago(now.Sub(end))
		case days < 8:
			return ui.Bad, ui.Count(days, "day", "days")
		case days < 21:
			return ui.Warn, ui.Count(days, "day", "days")
		}
		return ui.OK, ui.Count(days, "day", "days")
	}
	return ui.Quiet, ""
}

// subjectLink leads to the page of what a probe is about.
func subjectLink(s signal.Subject) ui.Link {
	switch s.Kind {
	case signal.Server:
		return ui.Link{Text: s.Slug, Href: "/servers/" + s.Slug}
	case signal.Instance:
		return ui.Link{Text: s.Slug, Href: "/instances/" + s.Slug}
	}
	return ui.Link{}
}

func probeHref(slug string) string { return "/probes/" + url.PathEscape(slug) }

// Package signal is one observation of one subject: what observe, operate and
// opsrepo report, and what respond takes over.
package signal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"
)

// State says whether what was observed is wrong now.
type State string

// The states of a signal.
const (
	Firing   State = "firing"
	Resolved State = "resolved"
)

// Severity says how soon a person is needed.
type Severity string

// The severities, worst first.
const (
	Critical Severity = "critical" // a person now, at any hour
	Warning  Severity = "warning"  // a person today
	Info     Severity = "info"     // worth knowing
)

// Rank orders severities: 3 critical, 2 warning, 1 info, 0 anything else.
func (s Severity) Rank() int {
	switch s {
	case Critical:
		return 3
	case Warning:
		return 2
	case Info:
		return 1
	}
	return 0
}

// Subject names what a signal is about, by kind and slug: server "app-07",
// instance "borealis", the hub itself, the operations repository.
type Subject struct {
	Kind string
	Slug string
}

// The kinds of subject.
const (
	Server   = "server"
	Instance = "instance"
	Client   = "client"
	Hub      = "hub"
	OpsRepo  = "opsrepo"
)

// String returns "kind:slug", or the kind alone where there is only one.
func (s Subject) String() string {
	if s.Slug == "" {
		return s.Kind
	}
	return s.Kind + ":" + s.Slug
}

// ParseSubject reads what Subject.String wrote.
func ParseSubject(s string) Subject {
	kind, slug, _ := strings.Cut(s, ":")
	return Subject{Kind: kind, Slug: slug}
}

// The labels every detector uses for the same thing. `job` and `instance` keep
// Prometheus's meaning; a client's stack is app_instance.
const (
	LabelName        = "alertname"
	LabelSeverity    = "severity"
	LabelServer      = "server"
	LabelAppInstance = "app_instance"
	LabelClient      = "client"
	LabelProject     = "project"
	LabelRing        = "ring"
)

// The annotations that pages, mails and issues show.
const (
	Summary     = "summary"     // one sentence: what is wrong, with the subject's name
	Description = "description" // what it means
	Value       = "value"       // what was measured, ready to read
	Limit       = "limit"       // what it is compared with, ready to read
	Expr        = "expr"        // PromQL for the chart, where there is one
	FirstStep   = "first_step"  // what to do first
	Link        = "link"        // path in the console where to look
)

// Signal is one observation of one subject.
type Signal struct {
	Detector    string            // who observed: "rule", "probe", "opsrepo", "notify", "alertmanager", …
	Subject     Subject           // what it is about
	State       State             // firing or resolved
	Labels      map[string]string // identity: alertname, severity and whatever tells it from others
	Annotations map[string]string // words for people; not identity
	StartsAt    time.Time         // when it began, UTC
	At          time.Time         // when this was observed, UTC
	// Until, if set, is when a firing signal that is not reported again counts
	// as resolved. Detectors that report their own resolution leave it zero.
	Until time.Time
}

// Name returns the alert's name.
func (s Signal) Name() string { return s.Labels[LabelName] }

// Severity returns the severity label; a signal without one is a warning.
func (s Signal) Severity() Severity {
	if v := s.Labels[LabelSeverity]; v != "" {
		return Severity(v)
	}
	return Warning
}

// Fingerprint identifies what is observed, over all reports of it: a hash of
// the labels without the severity, so that a warning that turns critical stays
// the same alert.
func (s Signal) Fingerprint() string {
	h := sha256.New()
	for _, k := range slices.Sorted(maps.Keys(s.Labels)) {
		if k == LabelSeverity {
			continue
		}
		h.Write([]byte(k))
		h.Write([]byte{0xff})
		h.Write([]byte(s.Labels[k]))
		h.Write([]byte{0xff})
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// Sink takes signals over. Reporting the same signal again changes nothing; an
// error means none of them was taken and the caller reports again.
type Sink interface {
	Report(ctx context.Context, signals ...Signal) error
}

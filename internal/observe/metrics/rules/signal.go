package rules

import (
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	promrules "github.com/prometheus/prometheus/rules"

	"github.com/vigie-ops/vigie/internal/signal"
)

// Detector is what signals of rules name as their observer.
const Detector = "rule"

// toSignal says of an alert what the next stage wants to know.
func toSignal(a *promrules.Alert, expr string, now time.Time) signal.Signal {
	s := signal.Signal{
		Detector:    Detector,
		State:       signal.Firing,
		Labels:      a.Labels.Map(),
		Annotations: a.Annotations.Map(),
		StartsAt:    a.ActiveAt.UTC(),
		At:          now.UTC(),
	}
	delete(s.Labels, model.MetricNameLabel)
	s.Subject = Subject(s.Labels)
	fill := func(key, value string) {
		if s.Annotations[key] == "" {
			s.Annotations[key] = value
		}
	}
	fill(signal.Summary, s.Name()+" on "+s.Subject.String())
	fill(signal.Value, strconv.FormatFloat(a.Value, 'g', 5, 64))
	fill(signal.Expr, expr)
	return s
}

// Subject derives what an alert is about from its labels: the client's stack
// before the server it runs on, and the hub for everything else.
func Subject(ls map[string]string) signal.Subject {
	if v := ls[signal.LabelAppInstance]; v != "" {
		return signal.Subject{Kind: signal.Instance, Slug: v}
	}
	if v := ls[signal.LabelServer]; v != "" {
		return signal.Subject{Kind: signal.Server, Slug: v}
	}
	return signal.Subject{Kind: signal.Hub}
}

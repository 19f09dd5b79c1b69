package amapi

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/go-openapi/strfmt"
	amalert "github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/api/v2/models"
	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"

	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/signal"
)

// postAlerts takes all alerts that are valid and then says what is wrong with
// the others.
func (a *api) postAlerts(w http.ResponseWriter, r *http.Request) {
	var posted models.PostableAlerts
	if !a.read(w, r, &posted) {
		return
	}
	var (
		signals []signal.Signal
		wrong   error
		now     = a.o.Now().UTC()
	)
	for _, p := range posted {
		s, err := signalOf(p, now)
		if err != nil {
			wrong = errors.Join(wrong, err)
			continue
		}
		signals = append(signals, s)
	}
	if err := a.b.Report(r.Context(), signals...); err != nil {
		a.fail(w, err)
		return
	}
	if wrong != nil {
		a.answer(w, http.StatusBadRequest, wrong.Error())
		return
	}
	w.WriteHeader(http.StatusOK)
}

// signalOf reads one posted alert. What Alertmanager checks of it is checked by
// its own code.
func signalOf(p *models.PostableAlert, now time.Time) (signal.Signal, error) {
	if p == nil {
		return signal.Signal{}, errors.New("an alert is null")
	}
	starts, ends := time.Time(p.StartsAt), time.Time(p.EndsAt)
	switch {
	case starts.IsZero() && ends.IsZero():
		starts = now
	case starts.IsZero():
		starts = ends
	}
	ls := maps.Clone(p.Labels)
	maps.DeleteFunc(ls, func(_, v string) bool { return v == "" })
	check := amalert.Alert{Alert: model.Alert{Labels: labelSet(ls), Annotations: labelSet(p.Annotations), StartsAt: starts, EndsAt: ends}}
	if err := check.Validate(); err != nil {
		return signal.Signal{}, err
	}
	s := signal.Signal{
		Detector: Detector, Subject: subjectOf(ls), State: signal.Firing, Labels: ls, Annotations: maps.Clone(p.Annotations), StartsAt: starts, At: now,
		Until: ends,
	}
	if s.Annotations == nil {
		s.Annotations = map[string]string{}
	}
	switch {
	case ends.IsZero():
		s.Until = now.Add(resolveTimeout)
	case !ends.After(now):
		s.State, s.At, s.Until = signal.Resolved, ends, time.Time{}
	}
	return s, nil
}

func labelSet(m map[string]string) model.LabelSet {
	ls := make(model.LabelSet, len(m))
	for k, v := range m {
		ls[model.LabelName(k)] = model.LabelValue(v)
	}
	return ls
}

// external is the kind of subject that only another system knows.
const external = "external"

// subjectOf finds out what somebody else's alert is about by our labels.
func subjectOf(ls map[string]string) signal.Subject {
	for _, k := range []struct{ kind, label string }{
		{signal.Instance, signal.LabelAppInstance}, {signal.Server, signal.LabelServer}, {signal.Client, signal.LabelClient},
	} {
		if v := ls[k.label]; v != "" {
			return signal.Subject{Kind: k.kind, Slug: v}
		}
	}
	return signal.Subject{Kind: external, Slug: ls["instance"]}
}

// open returns all open alerts that the query asks for.
func (a *api) open(ctx context.Context, r *http.Request, ms labels.Matchers, only *regexp.Regexp) ([]alert.Alert, error) {
	var all []alert.Alert
	f := alert.Filter{State: "open", Limit: 1000}
	for {
		page, err := a.b.List(ctx, f)
		if err != nil {
			return nil, err
		}
		for _, one := range page.Items {
			if a.asked(r, one, ms, only) {
				all = append(all, one)
			}
		}
		if f.Cursor = page.Next; f.Cursor == "" {
			slices.SortFunc(all, func(x, y alert.Alert) int { return cmp.Compare(x.Fingerprint, y.Fingerprint) })
			return all, nil
		}
	}
}

func (a *api) asked(r *http.Request, one alert.Alert, ms labels.Matchers, only *regexp.Regexp) bool {
	switch {
	case !wants(r, "silenced") && len(one.SilencedBy) > 0,
		!wants(r, "inhibited") && len(one.InhibitedBy) > 0,
		!wants(r, "active") && !one.Muted():
		return false
	}
	for _, m := range ms {
		if !m.Matches(one.Labels[m.Name]) {
			return false
		}
	}
	return only == nil || slices.ContainsFunc(a.receivers(one.Labels), only.MatchString)
}

func (a *api) receivers(ls map[string]string) []string {
	var names []string
	for _, t := range a.b.Policy().Targets(ls) {
		names = append(names, receiver(t))
	}
	return names
}

// query reads what both lists of alerts filter by; with false it has answered.
func (a *api) query(w http.ResponseWriter, r *http.Request) ([]alert.Alert, bool) {
	ms, ok := a.filter(w, r)
	if !ok {
		return nil, false
	}
	var only *regexp.Regexp
	if name := r.URL.Query().Get("receiver"); name != "" {
		var err error
		if only, err = regexp.Compile("^(?:" + name + ")$"); err != nil {
			a.answer(w, http.StatusBadRequest, "failed to parse receiver param: "+err.Error())
			return nil, false
		}
	}
	all, err := a.open(r.Context(), r, ms, only)
	if err != nil {
		a.fail(w, err)
		return nil, false
	}
	return all, true
}

func (a *api) getAlerts(w http.ResponseWriter, r *http.Request) {
	all, ok := a.query(w, r)
	if !ok {
		return
	}
	out := models.GettableAlerts{}
	for _, one := range all {
		out = append(out, a.model(one))
	}
	a.answer(w, http.StatusOK, out)
}

func (a *api) getGroups(w http.ResponseWriter, r *http.Request) {
	all, ok := a.query(w, r)
	if !ok {
		return
	}
	groups, err := a.b.Groups(r.Context())
	if err != nil {
		a.fail(w, err)
		return
	}
	byKey := map[string][]*models.GettableAlert{}
	for _, one := range all {
		byKey[one.Group] = append(byKey[one.Group], a.model(one))
	}
	out := models.AlertGroups{}
	for _, g := range groups {
		if len(byKey[g.Key]) == 0 {
			continue
		}
		name := "nobody"
		if to := a.receivers(g.Alerts[0].Labels); len(to) > 0 {
			name = to[0]
		}
		out = append(out, &models.AlertGroup{Labels: g.Labels, Receiver: &models.ReceiverReference{Name: &name}, Alerts: byKey[g.Key]})
	}
	a.answer(w, http.StatusOK, out)
}

func (a *api) model(one alert.Alert) *models.GettableAlert {
	ends := one.Until
	if ends.IsZero() {
		ends = a.o.Now().UTC().Add(resolveTimeout)
	}
	state := models.AlertStatusStateActive
	if one.Muted() {
		state = models.AlertStatusStateSuppressed
	}
	starts, updated, until := strfmt.DateTime(one.StartedAt), strfmt.DateTime(one.LastReportedAt), strfmt.DateTime(ends)
	g := &models.GettableAlert{
		Alert: models.Alert{Labels: one.Labels}, Annotations: one.Annotations, StartsAt: &starts, UpdatedAt: &updated, EndsAt: &until,
		Fingerprint: &one.Fingerprint, Receivers: []*models.ReceiverReference{},
		Status: &models.AlertStatus{State: &state, SilencedBy: list(one.SilencedBy), InhibitedBy: list(one.InhibitedBy), MutedBy: []string{}},
	}
	if g.Annotations == nil {
		g.Annotations = models.LabelSet{}
	}
	for _, name := range a.receivers(one.Labels) {
		g.Receivers = append(g.Receivers, &models.ReceiverReference{Name: &name})
	}
	return g
}

// list is never null in JSON.
func list(s []string) []string { return append([]string{}, s...) }

package amapi

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/go-openapi/strfmt"
	"github.com/prometheus/alertmanager/api/v2/models"
	"github.com/prometheus/alertmanager/pkg/labels"

	"github.com/vigie-ops/vigie/internal/respond/alert"
)

func (a *api) getSilences(w http.ResponseWriter, r *http.Request) {
	ms, ok := a.filter(w, r)
	if !ok {
		return
	}
	all, err := a.b.Silences(r.Context(), true)
	if err != nil {
		a.fail(w, err)
		return
	}
	now := a.o.Now().UTC()
	all = slices.DeleteFunc(all, func(s alert.Silence) bool { return !wants(r, s.State(now)) || !has(s.Matchers, ms) })
	slices.SortStableFunc(all, func(x, y alert.Silence) int {
		if d := order(x.State(now)) - order(y.State(now)); d != 0 {
			return d
		}
		switch x.State(now) {
		case alert.SilenceActive:
			return x.EndsAt.Compare(y.EndsAt)
		case alert.SilencePending:
			return x.StartsAt.Compare(y.StartsAt)
		}
		return y.EndsAt.Compare(x.EndsAt)
	})
	out := models.GettableSilences{}
	for _, s := range all {
		out = append(out, silenceModel(s, now))
	}
	a.answer(w, http.StatusOK, out)
}

// order is active, pending, expired.
func order(state string) int {
	return slices.Index([]string{alert.SilenceActive, alert.SilencePending, alert.SilenceExpired}, state)
}

// has reports whether each matcher of the filter is one of the silence's.
func has(of, filter labels.Matchers) bool {
	for _, f := range filter {
		if !slices.ContainsFunc(of, func(m *labels.Matcher) bool { return m.String() == f.String() }) {
			return false
		}
	}
	return true
}

func (a *api) getSilence(w http.ResponseWriter, r *http.Request) {
	s, err := a.b.GetSilence(r.Context(), r.PathValue("id"))
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, silenceModel(s, a.o.Now().UTC()))
}

func (a *api) deleteSilence(w http.ResponseWriter, r *http.Request) {
	if err := a.b.ExpireSilence(r.Context(), cmp.Or(a.o.Actor(r), "amtool"), r.PathValue("id"), ""); err != nil {
		a.fail(w, err)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// postSilence creates a silence or, with an id, changes one. One that has
// ended is followed by a new one, as in Alertmanager.
func (a *api) postSilence(w http.ResponseWriter, r *http.Request) {
	var p models.PostableSilence
	if !a.read(w, r, &p) {
		return
	}
	s := alert.Silence{ID: p.ID, Reason: *p.Comment, StartsAt: time.Time(*p.StartsAt).UTC(), EndsAt: time.Time(*p.EndsAt).UTC()}
	for _, m := range p.Matchers {
		if m == nil { // which Validate passes over
			a.answer(w, http.StatusBadRequest, "bad matcher: one is null")
			return
		}
		matcher, err := labels.NewMatcher(matchType(m), *m.Name, *m.Value)
		if err != nil {
			a.answer(w, http.StatusBadRequest, "bad matcher: "+err.Error())
			return
		}
		s.Matchers = append(s.Matchers, matcher)
	}
	actor := cmp.Or(a.o.Actor(r), *p.CreatedBy, "unknown")
	saved, err := a.save(r, actor, s)
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, map[string]string{"silenceID": saved.ID})
}

func (a *api) save(r *http.Request, actor string, s alert.Silence) (alert.Silence, error) {
	if s.ID == "" {
		return a.b.CreateSilence(r.Context(), actor, s)
	}
	old, err := a.b.GetSilence(r.Context(), s.ID)
	if err != nil {
		return alert.Silence{}, err
	}
	if old.State(a.o.Now().UTC()) == alert.SilenceExpired {
		return a.b.CreateSilence(r.Context(), actor, s)
	}
	return a.b.EditSilence(r.Context(), actor, s)
}

func matchType(m *models.Matcher) labels.MatchType {
	equal := m.IsEqual == nil || *m.IsEqual
	regex := m.IsRegex != nil && *m.IsRegex
	switch {
	case equal && regex:
		return labels.MatchRegexp
	case regex:
		return labels.MatchNotRegexp
	case equal:
		return labels.MatchEqual
	}
	return labels.MatchNotEqual
}

func silenceModel(s alert.Silence, now time.Time) *models.GettableSilence {
	starts, ends, updated, state := strfmt.DateTime(s.StartsAt), strfmt.DateTime(s.EndsAt), strfmt.DateTime(s.UpdatedAt), s.State(now)
	g := &models.GettableSilence{
		ID: &s.ID, UpdatedAt: &updated, Status: &models.SilenceStatus{State: &state},
		Silence: models.Silence{StartsAt: &starts, EndsAt: &ends, Comment: &s.Reason, CreatedBy: &s.By, Matchers: models.Matchers{}},
	}
	for _, m := range s.Matchers {
		equal := m.Type == labels.MatchEqual || m.Type == labels.MatchRegexp
		regex := m.Type == labels.MatchRegexp || m.Type == labels.MatchNotRegexp
		g.Matchers = append(g.Matchers, &models.Matcher{Name: &m.Name, Value: &m.Value, IsEqual: &equal, IsRegex: &regex})
	}
	return g
}

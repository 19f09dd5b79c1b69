package alertweb

import (
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/a-h/templ"

	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/signal"
	"github.com/vigie-ops/vigie/internal/ui"
)

// listView is a page of the board, ready to read.
type listView struct {
	Query, Severity, State string
	Path                   string
	Tabs                   []ui.Tab
	Rows                   []row
	Newer, Older           string
	Empty                  [3]string
	Bulk                   bulk
}

// bulk is what can be done with all marked alerts of a list.
type bulk struct {
	Action, Field, Label, Hint, Submit string
	Needed                             bool
}

type row struct {
	ID, Href     string
	Summary, Sub string
	Kind         ui.Kind
	Word         string
	About        []ui.Link
	Who          string
	WhoNote      string
	Since        time.Time
	Over         time.Time
	Open         bool
	Markable     bool // what the list does with many can be done with it
}

// bulkOf is what a list offers to do with many: to acknowledge what nobody
// has, or to say a word about what came and went.
func bulkOf(state string, actor people.Actor) bulk {
	switch {
	case !actor.Role.Allows(people.Responder):
		return bulk{}
	case state == "review":
		return bulk{Action: "/alerts/review", Field: "word", Label: "What was it?", Hint: "false alarm, mended itself, expected …", Submit: "Reviewed, all marked", Needed: true}
	case state == "" || state == alert.ShownFiring:
		return bulk{Action: "/alerts/acknowledge", Field: "reason", Label: "What you do about it", Hint: "optional; others see it", Submit: "Acknowledge all marked"}
	}
	return bulk{}
}

func anyMarkable(rows []row) bool {
	return slices.ContainsFunc(rows, func(r row) bool { return r.Markable })
}

func alertColumns(mark bool) []ui.Column {
	columns := []ui.Column{{Text: "Alert"}, {Text: "State"}, {Text: "Touches", Wide: true}, {Text: "Who has it", Wide: true}, {Text: "For", Numeric: true, Wide: true}}
	if mark {
		columns = append([]ui.Column{{Text: ""}}, columns...)
	}
	return columns
}

func (f *face) rows(all []alert.Alert) []row {
	out := make([]row, len(all))
	for i, a := range all {
		out[i] = row{
			ID: a.ID, Href: "/alerts/" + a.ID, Summary: a.Summary(), Sub: sub(a),
			Kind: kindOf(a), Word: word(a), About: about(a), Since: a.StartedAt, Over: a.ResolvedAt, Open: a.State == alert.Firing,
			Markable: a.State == alert.Firing && a.Ack == nil || a.ToReview,
		}
		if a.Ack != nil {
			out[i].Who, out[i].WhoNote = f.names(a.Ack.By), a.Ack.Reason
		}
	}
	return out
}

// sub is the faint second line: the value against its limit, or the name.
func sub(a alert.Alert) string {
	v, l := a.Annotations[signal.Value], a.Annotations[signal.Limit]
	switch {
	case v != "" && l != "":
		return a.Name + ": " + v + ", limit " + l
	case v != "":
		return a.Name + ": " + v
	}
	return a.Name
}

// kindOf gives an alert its colour: alarming is only what nobody has yet.
func kindOf(a alert.Alert) ui.Kind {
	switch {
	case a.State == alert.Resolved:
		return ui.OK
	case a.Muted():
		return ui.Quiet
	case a.Ack != nil:
		return ui.Info
	case a.Severity == signal.Critical:
		return ui.Bad
	case a.Severity == signal.Warning:
		return ui.Warn
	}
	return ui.Info
}

func word(a alert.Alert) string {
	switch d := a.Display(); {
	case a.ToReview:
		return "to review"
	case d == alert.ShownFiring:
		return string(a.Severity)
	case d == alert.ShownInhibited:
		return "hidden by another"
	default:
		return d
	}
}

func about(a alert.Alert) []ui.Link {
	var out []ui.Link
	for _, s := range []struct{ path, slug string }{{"/instances/", a.Instance()}, {"/servers/", a.Server()}} {
		if s.slug != "" {
			out = append(out, ui.Link{Text: s.slug, Href: s.path + url.PathEscape(s.slug)})
		}
	}
	if c := a.Client(); c != "" && len(out) == 0 {
		out = append(out, ui.Link{Text: c, Href: "/clients/" + url.PathEscape(c)})
	}
	return out
}

// emptyWords say what an empty list means.
func emptyWords(q url.Values) [3]string {
	switch {
	case q.Get("q") != "" || q.Get("severity") != "" || q.Get("server") != "" || q.Get("instance") != "":
		return [3]string{"Nothing matches", "No alert fits these filters.", "Remove a filter, or look at the resolved ones."}
	case q.Get("state") == "review":
		return [3]string{"Nothing to review", "Alerts that came and went unseen wait here for a person's word.", ""}
	case q.Get("state") == "" || q.Get("state") == alert.ShownFiring:
		return [3]string{"Nothing is wrong", "No rule and no probe reports a fault.", "What fires appears here within seconds."}
	}
	return [3]string{"None", "No alert is in this state.", ""}
}

// oneView is one alert, ready to read.
type oneView struct {
	ID, Path              string
	Summary, Description  string
	Kind                  ui.Kind
	Word                  string
	Tags                  []ui.Link
	Note                  string
	FirstStep             string
	Facts                 []ui.Fact
	Labels                []ui.Fact
	History               []ui.Moment
	Open, Acked, ToReview bool
	MayAct                bool
	AckBy, AckReason      string
	AckAt, AckUntil       time.Time
	ReviewBy, ReviewWord  string
	Silence               string
	Chart                 string
	Issue                 string
	Side                  []templ.Component
}

func (f *face) one(a alert.Alert, history []alert.Change, mayAct bool) oneView {
	v := oneView{
		ID: a.ID, Path: "/alerts/" + a.ID, Summary: a.Summary(), Description: a.Annotations[signal.Description], FirstStep: a.Annotations[signal.FirstStep],
		Kind: kindOf(a), Word: word(a), Tags: about(a), Open: a.State == alert.Firing, Acked: a.Ack != nil, ToReview: a.ToReview,
		MayAct: mayAct, Silence: "/silences/new?" + silenceQuery(a).Encode(), Issue: a.Issue,
	}
	if v.Word != string(a.Severity) {
		v.Tags = append([]ui.Link{{Text: string(a.Severity)}}, v.Tags...)
	}
	if v.Open {
		v.Note = "for " + ui.Duration(f.now().Sub(a.StartedAt).Truncate(time.Second))
	} else {
		v.Note = "lasted " + ui.Duration(a.ResolvedAt.Sub(a.StartedAt).Truncate(time.Second))
	}
	fact := func(name, value string) {
		if value != "" {
			v.Facts = append(v.Facts, ui.Fact{Name: name, Value: value})
		}
	}
	fact("Value", a.Annotations[signal.Value])
	fact("Limit", a.Annotations[signal.Limit])
	v.Facts = append(v.Facts, ui.Fact{Name: "Began", Body: ui.Time(a.StartedAt)})
	if !a.ResolvedAt.IsZero() {
		v.Facts = append(v.Facts, ui.Fact{Name: "Ended", Body: ui.Time(a.ResolvedAt)})
	}
	fact("Reported by", a.Detector)
	if a.Flaps > 0 {
		fact("Came back", ui.Count(a.Flaps, "time", "times"))
	}
	if a.Flapping() {
		fact("Flapping", "People are told that it is over once it has been so for a while")
	}
	v.Chart = alert.ChartPath(a.Annotations, a.StartedAt, a.ResolvedAt, f.now())
	if a.Ack != nil {
		v.AckBy, v.AckReason, v.AckAt, v.AckUntil = f.names(a.Ack.By), a.Ack.Reason, a.Ack.At, a.Ack.Until
	}
	if a.Review != nil {
		v.ReviewBy, v.ReviewWord = f.names(a.Review.By), a.Review.Word
	}
	for _, k := range slices.Sorted(maps.Keys(a.Labels)) {
		v.Labels = append(v.Labels, ui.Fact{Name: k, Value: a.Labels[k], Mono: true})
	}
	for _, h := range slices.Backward(history) {
		v.History = append(v.History, f.moment(h))
	}
	return v
}

// target is what a form about one alert sends along.
func target(v oneView) []ui.Pair {
	return []ui.Pair{{Name: "id", Value: v.ID}, {Name: "back", Value: v.Path}}
}

// moment words a line of an alert's history; what a person said is its note.
func (f *face) moment(h alert.Change) ui.Moment {
	m := ui.Moment{Kind: changeKind(h.Kind), At: h.At, Note: h.Text}
	who := f.names(h.Actor)
	switch h.Kind {
	case alert.KindFired:
		m.Text = "It began to fire"
	case alert.KindCameBack:
		m.Text = "It came back"
	case alert.KindSeverity:
		m.Text, m.Note = "Its severity went "+h.Text, ""
	case alert.KindTold:
		m.Text, m.Note = "Passed on to the issue and to people", ""
	case alert.KindAcknowledged:
		m.Text = who + " has it"
	case alert.KindUnacknowledged:
		m.Text = who + " gave it back"
	case alert.KindAckEnded:
		m.Text = "The acknowledgement came to its end"
	case alert.KindSilenced:
		m.Text = "Silenced"
	case alert.KindUnsilenced:
		m.Text = "The silence ended"
	case alert.KindInhibited:
		m.Text = "Hidden by another alert that explains it"
	case alert.KindUninhibited:
		m.Text = "No longer hidden by another alert"
	case alert.KindResolved:
		m.Text = "Resolved"
	case alert.KindReviewed:
		m.Text = who + " reviewed it"
	default:
		m.Text, m.Note = h.Text, ""
	}
	return m
}

func changeKind(kind string) ui.Kind {
	switch kind {
	case alert.KindFired, alert.KindCameBack:
		return ui.Bad
	case alert.KindResolved:
		return ui.OK
	case alert.KindAcknowledged, alert.KindReviewed:
		return ui.Info
	}
	return ui.Quiet
}

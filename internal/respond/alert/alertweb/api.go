package alertweb

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/signal"
)

func (f *face) registerAPI() {
	const api = console.APIPrefix
	act := func(pattern string, h console.Handler, d console.Doc) { f.c.API(pattern, people.Responder, h, d) }
	f.c.API("GET "+api+"/alerts", people.Viewer, f.apiList, console.Doc{Summary: "Alerts, the newest first", Answer: console.Items[item]{}, Query: console.Paged(
		console.One("state", "", alert.States...), console.One("severity", "", severities...), console.Flag("to_review", "those alone that nobody judged yet"),
		console.Any("server", ""), console.Any("instance", ""), console.Any("client", ""), console.Any("name", ""), console.Any("q", "words that an alert has to hold"))})
	f.c.API("GET "+api+"/alerts/{id}", people.Viewer, f.apiOne, console.Doc{Summary: "An alert", Answer: item{}})
	act("POST "+api+"/alerts/acknowledge", f.apiAcknowledge, console.Doc{Summary: "Take alerts over", Body: ackItem{}, Answer: console.Items[item]{}})
	act("POST "+api+"/alerts/release", f.apiRelease, console.Doc{Summary: "Give alerts back", Body: releaseItem{}, Status: http.StatusNoContent})
	f.c.API("GET "+api+"/silences", people.Viewer, f.apiSilences, console.Doc{Summary: "Silences", Answer: console.Items[silenceItem]{}, Query: []console.Param{console.Flag("all", "those that are over too")}})
	act("POST "+api+"/silences", f.apiSilence, console.Doc{Summary: "Silence alerts for a time", Body: newSilenceItem{}, Answer: silenceItem{}, Status: http.StatusCreated})
	act("POST "+api+"/silences/{id}/expire", f.apiExpire, console.Doc{Summary: "End a silence", Body: whyItem{}, Status: http.StatusNoContent})
}

var severities = []string{string(signal.Critical), string(signal.Warning), string(signal.Info)}

// item is an alert in the API.
type item struct {
	ID             string            `json:"id"`
	Name           string            `json:"name"`
	State          string            `json:"state"` // firing, acknowledged, silenced, inhibited, resolved
	Severity       string            `json:"severity"`
	Subject        string            `json:"subject"` // kind:slug
	Summary        string            `json:"summary"`
	Labels         map[string]string `json:"labels"`
	Annotations    map[string]string `json:"annotations"`
	StartedAt      time.Time         `json:"started_at"`
	ResolvedAt     *time.Time        `json:"resolved_at"`
	AcknowledgedBy string            `json:"acknowledged_by"`
	AcknowledgedAt *time.Time        `json:"acknowledged_at"`
	Reason         string            `json:"acknowledged_reason"`
	ToReview       bool              `json:"to_review"`
	Flapping       bool              `json:"flapping"` // people hear of its end once it is calm
	Issue          string            `json:"issue"`
}

func itemOf(a alert.Alert) item {
	i := item{
		ID: a.ID, Name: a.Name, State: a.Display(), Severity: string(a.Severity), Subject: a.Subject.String(), Summary: a.Summary(),
		Labels: a.Labels, Annotations: a.Annotations, StartedAt: a.StartedAt, ToReview: a.ToReview, Flapping: a.Flapping(), Issue: a.Issue,
	}
	if !a.ResolvedAt.IsZero() {
		i.ResolvedAt = &a.ResolvedAt
	}
	if a.Ack != nil {
		i.AcknowledgedBy, i.AcknowledgedAt, i.Reason = a.Ack.By, &a.Ack.At, a.Ack.Reason
	}
	return i
}

func (f *face) apiList(w http.ResponseWriter, r *http.Request) error {
	cursor, limit, err := console.PageOfIDs(r)
	if err != nil {
		return err
	}
	state, err := console.OneOf(r, "state", alert.States...)
	if err != nil {
		return err
	}
	severity, err := console.OneOf(r, "severity", severities...)
	if err != nil {
		return err
	}
	review, err := console.OneOf(r, "to_review", "true", "false")
	if err != nil {
		return err
	}
	q := r.URL.Query()
	page, err := f.board.List(r.Context(), alert.Filter{
		State: state, Severity: signal.Severity(severity), Server: q.Get("server"), Instance: q.Get("instance"),
		Client: q.Get("client"), Name: q.Get("name"), Text: q.Get("q"), ToReview: review == "true", Cursor: cursor, Limit: limit,
	})
	if err != nil {
		return tell(err)
	}
	items := make([]item, len(page.Items))
	for i, a := range page.Items {
		items[i] = itemOf(a)
	}
	return console.WriteItems(w, items, page.Next)
}

func (f *face) apiOne(w http.ResponseWriter, r *http.Request) error {
	a, err := f.board.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return tell(err)
	}
	return console.WriteJSON(w, itemOf(a))
}

// ackItem takes alerts over.
type ackItem struct {
	IDs    []string `json:"ids"`
	Reason string   `json:"reason"`
	For    string   `json:"for"` // such as 2h; until they resolve if empty
}

type releaseItem struct {
	IDs    []string `json:"ids"`
	Reason string   `json:"reason"`
}

type whyItem struct {
	Reason string `json:"reason"`
}

// mostIDs bounds what one request takes over.
const mostIDs = 1000

func checkIDs(ids []string) error {
	if len(ids) == 0 || len(ids) > mostIDs {
		return console.Invalid("ids: name 1 to " + strconv.Itoa(mostIDs) + " alerts.")
	}
	return nil
}

// lengthOf reads how long something lasts.
func lengthOf(field, s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n <= 3650 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, console.Invalid(field + ": " + strconv.Quote(s) + " is no length of time; write 30m, 2h or 3d.")
	}
	return d, nil
}

func (f *face) apiAcknowledge(w http.ResponseWriter, r *http.Request) error {
	var in ackItem
	if err := console.ReadJSON(r, &in); err != nil {
		return err
	}
	if err := checkIDs(in.IDs); err != nil {
		return err
	}
	var until time.Time
	if in.For != "" {
		d, err := lengthOf("for", in.For)
		if err != nil {
			return err
		}
		until = f.now().Add(d)
	}
	taken, err := f.board.Acknowledge(r.Context(), console.Actor(r).Slug, in.Reason, until, in.IDs...)
	if err != nil {
		return tell(err)
	}
	items := make([]item, len(taken))
	for i, a := range taken {
		items[i] = itemOf(a)
	}
	return console.WriteItems(w, items, "")
}

func (f *face) apiRelease(w http.ResponseWriter, r *http.Request) error {
	var in releaseItem
	if err := console.ReadJSON(r, &in); err != nil {
		return err
	}
	if err := checkIDs(in.IDs); err != nil {
		return err
	}
	if err := f.board.Unacknowledge(r.Context(), console.Actor(r).Slug, in.Reason, in.IDs...); err != nil {
		return tell(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// silenceItem is a silence in the API.
type silenceItem struct {
	ID       string    `json:"id"`
	State    string    `json:"state"` // pending, active, expired
	Matchers []string  `json:"matchers"`
	Reason   string    `json:"reason"`
	By       string    `json:"by"`
	StartsAt time.Time `json:"starts_at"`
	EndsAt   time.Time `json:"ends_at"`
}

func (f *face) silenceItemOf(s alert.Silence) silenceItem {
	out := silenceItem{ID: s.ID, State: s.State(f.now()), Matchers: []string{}, Reason: s.Reason, By: s.By, StartsAt: s.StartsAt, EndsAt: s.EndsAt}
	for _, m := range s.Matchers {
		out.Matchers = append(out.Matchers, m.String())
	}
	return out
}

func (f *face) apiSilences(w http.ResponseWriter, r *http.Request) error {
	over, err := console.OneOf(r, "all", "true", "false")
	if err != nil {
		return err
	}
	all, err := f.board.Silences(r.Context(), over == "true")
	if err != nil {
		return err
	}
	items := make([]silenceItem, len(all))
	for i, s := range all {
		items[i] = f.silenceItemOf(s)
	}
	return console.WriteItems(w, items, "")
}

// newSilenceItem asks for a silence.
type newSilenceItem struct {
	Matchers []string   `json:"matchers"` // such as server=~"db-.*", as amtool writes them
	Reason   string     `json:"reason"`
	For      string     `json:"for"`       // such as 2h; or ends_at
	StartsAt *time.Time `json:"starts_at"` // now if left out
	EndsAt   *time.Time `json:"ends_at"`
}

func (f *face) apiSilence(w http.ResponseWriter, r *http.Request) error {
	var in newSilenceItem
	if err := console.ReadJSON(r, &in); err != nil {
		return err
	}
	matchers, err := alert.ParseMatchers(in.Matchers...)
	if err != nil {
		return tell(err)
	}
	s := alert.Silence{Matchers: matchers, Reason: in.Reason, StartsAt: f.now()}
	if in.StartsAt != nil {
		s.StartsAt = *in.StartsAt
	}
	switch {
	case in.For != "" && in.EndsAt != nil || in.For == "" && in.EndsAt == nil:
		return console.Invalid("for: say either how long the silence lasts, or ends_at.")
	case in.EndsAt != nil:
		s.EndsAt = *in.EndsAt
	default:
		d, err := lengthOf("for", in.For)
		if err != nil {
			return err
		}
		s.EndsAt = s.StartsAt.Add(d)
	}
	if s, err = f.board.CreateSilence(r.Context(), console.Actor(r).Slug, s); err != nil {
		return tell(err)
	}
	return console.WriteCreated(w, console.APIPrefix+"/silences/"+s.ID, f.silenceItemOf(s))
}

func (f *face) apiExpire(w http.ResponseWriter, r *http.Request) error {
	var in whyItem
	if err := console.ReadJSON(r, &in); err != nil {
		return err
	}
	if err := f.board.ExpireSilence(r.Context(), console.Actor(r).Slug, r.PathValue("id"), in.Reason); err != nil {
		return tell(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

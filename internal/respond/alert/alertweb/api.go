package alertweb

import (
	"net/http"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/signal"
)

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
	severity, err := console.OneOf(r, "severity", string(signal.Critical), string(signal.Warning), string(signal.Info))
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

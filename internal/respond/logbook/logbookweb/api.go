package logbookweb

import (
	"net/http"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/respond/logbook"
)

// item is an issue in the API.
type item struct {
	ID         string     `json:"id"`
	Number     int64      `json:"number"`
	Title      string     `json:"title"`
	State      string     `json:"state"` // open, resolved, closed
	Severity   string     `json:"severity"`
	Servers    []string   `json:"servers"`
	Instances  []string   `json:"instances"`
	Clients    []string   `json:"clients"`
	TakenBy    string     `json:"taken_by"`
	OpenedAt   time.Time  `json:"opened_at"`
	ResolvedAt *time.Time `json:"resolved_at"`
	ClosedAt   *time.Time `json:"closed_at"`
}

// whole is one issue with everything that is written of it.
type whole struct {
	item
	Questions []answer `json:"questions"`
	Timeline  []entry  `json:"timeline"`
	Next      *string  `json:"timeline_next"`
}

type answer struct {
	Key  string `json:"key"`
	Ask  string `json:"ask"`
	Text string `json:"text"`
	By   string `json:"by"`
}

type entry struct {
	At    time.Time `json:"at"`
	Kind  string    `json:"kind"`
	Actor string    `json:"actor"`
	Text  string    `json:"text"`
	Ref   string    `json:"ref"`
}

func itemOf(i logbook.Issue) item {
	return item{
		ID: i.ID, Number: i.Number, Title: i.Title, State: string(i.State), Severity: string(i.Severity),
		Servers: some(i.Servers), Instances: some(i.Instances), Clients: some(i.Clients), TakenBy: i.TakenBy,
		OpenedAt: i.OpenedAt, ResolvedAt: moments(i.ResolvedAt), ClosedAt: moments(i.ClosedAt),
	}
}

func some(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func moments(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (f *face) apiList(w http.ResponseWriter, r *http.Request) error {
	cursor, limit, err := console.PageOfIDs(r)
	if err != nil {
		return err
	}
	state, err := console.OneOf(r, "state", string(logbook.Open), string(logbook.Resolved), string(logbook.Closed))
	if err != nil {
		return err
	}
	q := r.URL.Query()
	page, err := f.desk.List(r.Context(), logbook.Filter{
		State: logbook.State(state), Server: q.Get("server"), Instance: q.Get("instance"), Client: q.Get("client"),
		TakenBy: q.Get("taken_by"), Text: q.Get("q"), Cursor: cursor, Limit: limit,
	})
	if err != nil {
		return tell(err)
	}
	items := make([]item, len(page.Items))
	for i, issue := range page.Items {
		items[i] = itemOf(issue)
	}
	return console.WriteItems(w, items, page.Next)
}

func (f *face) apiOne(w http.ResponseWriter, r *http.Request) error {
	cursor, err := console.IDOf(r, "timeline_cursor")
	if err != nil {
		return err
	}
	issue, err := f.desk.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return tell(err)
	}
	timeline, err := f.desk.Timeline(r.Context(), issue.ID, logbook.TimelineFilter{Cursor: cursor, Limit: 1000})
	if err != nil {
		return err
	}
	v := whole{item: itemOf(issue), Questions: []answer{}, Timeline: []entry{}}
	for _, q := range issue.Questions {
		v.Questions = append(v.Questions, answer{q.Key, q.Ask, q.Text, q.By})
	}
	for _, e := range timeline.Items {
		v.Timeline = append(v.Timeline, entry{e.At, e.Kind, e.Actor, e.Text, e.Ref})
	}
	if timeline.Next != "" {
		v.Next = &timeline.Next
	}
	return console.WriteJSON(w, v)
}

package logbookweb

import (
	"net/http"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/respond/logbook"
	"github.com/vigie-ops/vigie/internal/signal"
)

func (f *face) registerAPI() {
	const api = console.APIPrefix + "/issues"
	act := func(path string, h console.Handler, d console.Doc) { f.c.API("POST "+api+path, people.Responder, h, d) }
	f.c.API("GET "+api, people.Viewer, f.apiList, console.Doc{Summary: "Issues, the newest first", Answer: console.Items[item]{}, Query: console.Paged(
		console.One("state", "", string(logbook.Open), string(logbook.Resolved), string(logbook.Closed)), console.Any("server", ""), console.Any("instance", ""),
		console.Any("client", ""), console.Any("taken_by", ""), console.Any("q", "words that an issue has to hold"))})
	f.c.API("GET "+api+"/{id}", people.Viewer, f.apiOne, console.Doc{
		Summary: "An issue with its timeline", Answer: whole{}, Query: []console.Param{console.Any("timeline_cursor", "timeline_next of the page before")},
	})
	act("", f.apiDeclare, console.Doc{Summary: "Declare an issue", Body: declareItem{}, Answer: item{}, Status: http.StatusCreated})
	act("/{id}/take", f.apiTake, console.Doc{Summary: "Take an issue over, with its alerts", Answer: item{}})
	act("/{id}/comment", f.apiComment, console.Doc{Summary: "Write something down in an issue", Body: textItem{}, Answer: item{}})
	act("/{id}/answer", f.apiAnswer, console.Doc{Summary: "Answer a question of an issue", Body: answerItem{}, Answer: item{}})
	act("/{id}/close", f.apiClose, console.Doc{Summary: "Close an issue", Body: whyItem{}, Answer: item{}})
	act("/{id}/reopen", f.apiReopen, console.Doc{Summary: "Open a closed issue again", Body: whyItem{}, Answer: item{}})
}

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

type declareItem struct {
	Title    string `json:"title"`
	Text     string `json:"text"`
	Severity string `json:"severity" enum:"critical,warning,info"`
}

type textItem struct {
	Text string `json:"text"`
}

type answerItem struct {
	Key  string `json:"key"` // of the question
	Text string `json:"text"`
}

type whyItem struct {
	Reason string `json:"reason"`
}

func (f *face) apiDeclare(w http.ResponseWriter, r *http.Request) error {
	var in declareItem
	if err := console.ReadJSON(r, &in); err != nil {
		return err
	}
	one, err := f.desk.Declare(r.Context(), console.Actor(r).Slug, logbook.Declaration{Title: in.Title, Text: in.Text, Severity: signal.Severity(in.Severity)})
	if err != nil {
		return tell(err)
	}
	return console.WriteCreated(w, console.APIPrefix+"/issues/"+one.ID, itemOf(one))
}

// apiAct reads what a verb needs, does it, and answers with the issue.
func apiAct[T any](f *face, w http.ResponseWriter, r *http.Request, do func(in T, actor, id string) error) error {
	var in T
	if err := console.ReadJSON(r, &in); err != nil {
		return err
	}
	id := r.PathValue("id")
	if err := do(in, console.Actor(r).Slug, id); err != nil {
		return tell(err)
	}
	one, err := f.desk.Get(r.Context(), id)
	if err != nil {
		return tell(err)
	}
	return console.WriteJSON(w, itemOf(one))
}

func (f *face) apiTake(w http.ResponseWriter, r *http.Request) error {
	one, err := f.takeOver(r, r.PathValue("id"))
	if err != nil {
		return tell(err)
	}
	return console.WriteJSON(w, itemOf(one))
}

func (f *face) apiComment(w http.ResponseWriter, r *http.Request) error {
	return apiAct(f, w, r, func(in textItem, actor, id string) error {
		_, err := f.desk.Comment(r.Context(), actor, id, in.Text)
		return err
	})
}

func (f *face) apiAnswer(w http.ResponseWriter, r *http.Request) error {
	return apiAct(f, w, r, func(in answerItem, actor, id string) error {
		_, err := f.desk.Answer(r.Context(), actor, id, in.Key, in.Text)
		return err
	})
}

func (f *face) apiClose(w http.ResponseWriter, r *http.Request) error {
	return apiAct(f, w, r, func(in whyItem, actor, id string) error {
		_, err := f.desk.Close(r.Context(), actor, id, in.Reason)
		return err
	})
}

func (f *face) apiReopen(w http.ResponseWriter, r *http.Request) error {
	return apiAct(f, w, r, func(in whyItem, actor, id string) error {
		_, err := f.desk.Reopen(r.Context(), actor, id, in.Reason)
		return err
	})
}

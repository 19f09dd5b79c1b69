package runweb

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/ui"
)

type listView struct {
	Path         string
	Query        url.Values
	Tabs         []ui.Tab
	Rows         []row
	Newer, Older string
	Empty        [3]string
	Waiting      *commitWaits
	Reviews      []ui.Moment
	Key          string // public half of the hub's key
	Unready      string // why nothing can run here
}

// commitWaits is the commit that the hub follows while nobody accepted it.
type commitWaits struct{ Hash, Words, Href string }

type row struct {
	Href, Title, Sub string
	Number           string
	Kind             ui.Kind
	Word, Cause      string
	Where            string
	Who, Why         string
	At               time.Time
	Took             string
}

var tabs = []struct{ key, text string }{
	{"", "All"}, {"active", "Under way"}, {string(run.Waiting), "To approve"}, {string(run.Failed), "Failed"},
}

var listKeys = []string{"state", "kind", "q", "playbook", "server", "by", "commit", "cursor"}

func with(q url.Values, pairs ...string) string { return console.Address(home, q, listKeys, pairs...) }

func (f *face) list(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	filter := run.Filter{
		Playbook: q.Get("playbook"), Server: q.Get("server"), By: q.Get("by"), Commit: q.Get("commit"), Text: q.Get("q"), Cursor: q.Get("cursor"), Limit: 50,
	}
	switch q.Get("state") {
	case "":
	case "active":
		filter.Active = true
	default:
		filter.State = run.State(q.Get("state"))
	}
	switch k := q.Get("kind"); k {
	case "":
		filter.ForThemselves = true
	default:
		filter.Kinds = []run.Kind{run.Kind(k)}
	}
	page, err := f.office.List(r.Context(), filter)
	if err != nil {
		return tell(err)
	}
	counts, err := f.office.Counts(r.Context())
	if err != nil {
		return err
	}
	v := listView{Path: r.URL.RequestURI(), Query: q, Rows: f.rows(page.Items), Empty: emptyWords(q)}
	numbers := map[string]int{
		"active": counts[run.Running] + counts[run.Queued] + counts[run.Checking] + counts[run.Waiting], string(run.Waiting): counts[run.Waiting],
	}
	for _, t := range tabs {
		tab := ui.Tab{Text: t.text, Href: with(q, "state", t.key, "cursor", ""), Current: q.Get("state") == t.key}
		if n := numbers[t.key]; n > 0 {
			tab.Count = strconv.Itoa(n)
		}
		v.Tabs = append(v.Tabs, tab)
	}
	if page.Next != "" {
		v.Older = with(q, "cursor", page.Next)
	}
	if q.Get("cursor") != "" {
		v.Newer = with(q, "cursor", "")
	}
	if err := f.aside(r, &v); err != nil {
		return err
	}
	view := console.View{Title: "Runs", Current: home, Body: listPage(v)}
	if console.Actor(r).Role.Allows(people.Operator) {
		view.Actions = ui.MainLink("New run", home+"/new")
	}
	return f.c.Render(w, r, view)
}

// aside fills what stands beside the list.
func (f *face) aside(r *http.Request, v *listView) error {
	ctx := r.Context()
	if err := f.office.Ready(); err != nil {
		v.Unready = err.Error()
	}
	if key, err := f.office.Public(ctx); err == nil {
		v.Key = key
	}
	reviews, err := f.office.Reviews(ctx, 8)
	if err != nil {
		return err
	}
	for _, one := range reviews {
		m := ui.Moment{Kind: ui.OK, At: one.At, Text: "Commit", Link: ui.Link{Text: short(one.Commit), Href: home + "/commits/" + one.Commit}, Note: one.Words()}
		if one.Method == run.ByPerson {
			m.Note = "accepted by " + f.name(one.Who)
		}
		if one.Note != "" {
			m.Note += ": " + one.Note
		}
		v.Reviews = append(v.Reviews, m)
	}
	if v.Waiting, err = f.waiting(r); err != nil {
		return err
	}
	return nil
}

// waiting is the commit that the hub follows, if nobody accepted it yet.
func (f *face) waiting(r *http.Request) (*commitWaits, error) {
	c, err := f.office.Commit(r.Context(), "")
	var refused *run.RefusedError
	if errors.Is(err, run.ErrNoGit) || errors.As(err, &refused) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	v, err := f.office.Judge(r.Context(), c)
	if err != nil || v.Accepted {
		return nil, err
	}
	return &commitWaits{Hash: c.Hash, Words: short(c.Hash) + ", " + c.Subject + ", by " + c.Author, Href: home + "/commits/" + c.Hash}, nil
}

func (f *face) rows(runs []run.Run) []row {
	out := make([]row, len(runs))
	for i, r := range runs {
		out[i] = row{
			Href: home + "/" + r.ID, Title: heading(r), Number: "#" + strconv.FormatInt(r.Number, 10), Kind: stateKind(r.State), Word: stateWord(r.State),
			Cause: oneLine(f.cause(r)), Where: where(r), Who: f.name(r.By), Why: r.Reason, At: r.RequestedAt,
		}
		out[i].Sub = out[i].Number + ", commit " + short(r.Commit)
		if r.BreakGlass != "" {
			out[i].Sub += ", break-glass"
		}
		if d := took(r, f.now()); d > 0 {
			out[i].Took = ui.Duration(d.Truncate(100 * time.Millisecond))
		}
	}
	return out
}

// oneLine cuts what a list has no room for.
func oneLine(s string) string {
	const most = 90
	s, _, _ = strings.Cut(s, "\n")
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// emptyWords say what an empty list means.
func emptyWords(q url.Values) [3]string {
	for _, k := range []string{"q", "playbook", "server", "by", "commit", "kind"} {
		if q.Get(k) != "" {
			return [3]string{"Nothing matches", "No run fits these filters.", "Remove a filter."}
		}
	}
	switch q.Get("state") {
	case "":
		return [3]string{"Nothing ran yet", "A run does what a playbook of the operations repository says, on the servers you name.", "Begin with New run and a check: it shows what would change and changes nothing."}
	case "active":
		return [3]string{"Nothing is under way", "No run works or waits now.", ""}
	case string(run.Waiting):
		return [3]string{"Nothing waits for approval", "Runs that the approval policy asks about wait here for one of those it names.", ""}
	}
	return [3]string{"None", "No run ended like that.", ""}
}

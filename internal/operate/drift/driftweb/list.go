package driftweb

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/operate/drift"
	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/ui"
)

const (
	findingsShown = 50
	ignoresShown  = 50
	linesShown    = 40 // of a difference
	bytesShown    = 4 << 10
)

type listView struct {
	Path      string
	Query     url.Values
	State     drift.State
	Figures   []ui.Number
	Tabs      []ui.Tab
	Playbooks []ui.Option
	Groups    []group
	Pages     ui.Pages
	Empty     [3]string
	Looks     []lookRow
	When      string // when it is looked for
	Ignores   []ignoreRow
	More      int // ignores that are not shown
	MayAct    bool
	From      string // the filters, for forms to come back to
}

// group is what drifts on one server.
type group struct {
	Server, Href string
	Mend         []ui.Link // the playbooks that would mend it
	Rows         []findingRow
}

type findingRow struct {
	ID, Task, Under string
	Kind            ui.Kind
	Word            string
	Since           time.Time
	Gone            time.Time
	GoneWhy         string
	GoneHref        string
	Ignored         string // by whom and why
	Ignore          string // id of the ignore
	IgnoreUntil     time.Time
	Diff            string
	Whole           string // address of all of it, in the run
	Server          string
}

type ignoreRow struct {
	ID, Task, Under, Where, Words string
	Until                         time.Time
}

type lookRow struct {
	Playbook, Href, Under string
	Kind                  ui.Kind
	Word, Cause           string
	At                    time.Time
}

var listKeys = []string{"state", "server", "playbook", "after"}

func with(q url.Values, pairs ...string) string { return console.Address(home, q, listKeys, pairs...) }

// stateOf is the list that is asked for; open where nothing is.
func stateOf(q url.Values) drift.State {
	switch s := drift.State(q.Get("state")); s {
	case drift.Ignored, drift.Gone:
		return s
	case drift.Open:
	}
	return drift.Open
}

func (f *face) list(w http.ResponseWriter, r *http.Request) error {
	ctx, q := r.Context(), r.URL.Query()
	v := listView{Path: r.URL.RequestURI(), Query: q, State: stateOf(q), MayAct: console.Actor(r).Role.Allows(people.Operator)}
	_, v.From, _ = strings.Cut(with(q), "?")
	page, err := f.drift.List(ctx, drift.Filter{
		State: v.State, Server: q.Get("server"), Playbook: q.Get("playbook"), After: q.Get("after"), Limit: findingsShown,
	})
	if err != nil {
		return err
	}
	v.Groups = f.groups(page.Items)
	if page.Next != "" {
		v.Pages.Older = with(q, "after", page.Next)
	}
	if q.Get("after") != "" {
		v.Pages.Newer = with(q, "after", "")
	}
	n, err := f.drift.Numbers(ctx)
	if err != nil {
		return err
	}
	looks, err := f.drift.Looks(ctx)
	if err != nil {
		return err
	}
	schedule := f.drift.Schedule()
	v.Figures, v.Empty = figures(n, looks, f.now()), emptyWords(v.State, q, n, schedule, slices.ContainsFunc(looks, func(l drift.Look) bool { return l.Ended != "" }))
	for _, t := range []struct {
		state drift.State
		text  string
		n     int
	}{{drift.Open, "Open", n.Open}, {drift.Ignored, "Ignored", n.Ignored}, {drift.Gone, "Gone", n.Gone}} {
		key := string(t.state)
		if t.state == drift.Open {
			key = ""
		}
		tab := ui.Tab{Text: t.text, Href: with(q, "state", key, "after", ""), Current: v.State == t.state}
		if t.n > 0 {
			tab.Count = strconv.Itoa(t.n)
		}
		v.Tabs = append(v.Tabs, tab)
	}
	v.Playbooks = []ui.Option{{Label: "all"}}
	for _, p := range schedule.Playbooks {
		v.Playbooks = append(v.Playbooks, ui.Option{Value: p.Slug, Label: p.Title()})
	}
	v.Looks, v.When = lookRows(looks, schedule), whenWords(schedule)
	if v.State == drift.Ignored {
		if err := f.ignores(r, &v); err != nil {
			return err
		}
	}
	view := console.View{Title: "Drift", Current: home, Body: listPage(v)}
	if v.MayAct && len(schedule.Playbooks) > 0 {
		view.Actions = lookButton()
	}
	return f.c.Render(w, r, view)
}

func lookButton() templ.Component {
	return ui.PostButton(ui.Post{Label: "Look now", Action: home + "/look", Look: ui.LookMain})
}

func (f *face) ignores(r *http.Request, v *listView) error {
	all, err := f.drift.Ignores(r.Context())
	if err != nil {
		return err
	}
	for i, ig := range all {
		if i == ignoresShown {
			v.More = len(all) - i
			break
		}
		row := ignoreRow{ID: ig.ID, Task: ig.Task, Under: ig.Playbook, Where: ig.Server, Words: f.ignoredWords(ig), Until: ig.Until}
		if ig.Server == "" {
			row.Where = "all servers"
		}
		v.Ignores = append(v.Ignores, row)
	}
	return nil
}

func (f *face) ignoredWords(ig drift.Ignore) string {
	return "ignored by " + f.name(ig.Who) + " because " + ig.Reason
}

// groups puts findings together by server.
func (f *face) groups(all []drift.Finding) []group {
	var out []group
	for _, one := range all {
		if len(out) == 0 || out[len(out)-1].Server != one.Server {
			out = append(out, group{Server: one.Server, Href: "/servers/" + url.PathEscape(one.Server)})
		}
		g := &out[len(out)-1]
		row := f.row(one)
		g.Rows = append(g.Rows, row)
		if row.Word == string(drift.Open) {
			g.Mend = addMend(g.Mend, one)
		}
	}
	return out
}

// addMend adds the run that would mend a finding, if it is not there yet.
func addMend(links []ui.Link, one drift.Finding) []ui.Link {
	l := ui.Link{Text: "Mend with " + one.Playbook + "…", Href: "/runs/new?" + url.Values{"playbook": {one.Playbook}, "limit": {one.Server}}.Encode()}
	for _, other := range links {
		if other == l {
			return links
		}
	}
	return append(links, l)
}

func (f *face) row(one drift.Finding) findingRow {
	row := findingRow{
		ID: one.ID, Task: one.Task, Server: one.Server, Under: one.Playbook + ", " + one.Action + ", " + one.Path, Since: one.FirstSeen,
		Kind: ui.Planned, Word: string(drift.Open),
	}
	switch {
	case !one.GoneAt.IsZero():
		row.Kind, row.Word, row.Gone, row.GoneWhy = ui.OK, string(drift.Gone), one.GoneAt, string(one.GoneWhy)
		if one.GoneRun != "" {
			row.GoneHref = "/runs/" + one.GoneRun
		}
	case one.Ignore != nil:
		row.Kind, row.Word = ui.Quiet, string(drift.Ignored)
		row.Ignored, row.Ignore, row.IgnoreUntil = f.ignoredWords(*one.Ignore), one.Ignore.ID, one.Ignore.Until
	}
	var cut bool
	if row.Diff, cut = firstLines(strings.TrimRight(one.Diff, "\n"), linesShown, bytesShown); cut {
		row.Whole = "/runs/" + one.Run + "?" + url.Values{"host": {one.Server}, "show": {"changed"}}.Encode() + "#results"
	}
	return row
}

// firstLines cuts a text for a list. A line may be long too.
func firstLines(s string, lines, size int) (string, bool) {
	cut := false
	if len(s) > size {
		s, cut = strings.ToValidUTF8(s[:size], ""), true
	}
	end := 0
	for range lines {
		i := strings.IndexByte(s[end:], '\n')
		if i < 0 {
			return s, cut
		}
		end += i + 1
	}
	return s[:end-1], true
}

// figures are the row of numbers at the top.
func figures(n drift.Numbers, looks []drift.Look, now time.Time) []ui.Number {
	servers := ui.Number{Label: "Servers that drift", Value: strconv.Itoa(n.Servers), Of: "of " + strconv.Itoa(n.Checked) + " checked", Kind: ui.OK, Text: "as their playbooks say"}
	switch {
	case n.Checked == 0:
		servers.Kind, servers.Text = ui.Quiet, "none was checked yet"
	case n.Servers > 0:
		servers.Text = ""
	}
	findings := ui.Number{Label: "Findings", Value: strconv.Itoa(n.Open)}
	if n.Ignored > 0 {
		findings.Kind, findings.Text = ui.Quiet, ui.Count(n.Ignored, "more is ignored", "more are ignored")
	}
	oldest := ui.Number{Label: "Oldest", Value: "none"}
	if !n.Oldest.IsZero() {
		oldest.Value = strings.TrimSuffix(ui.Ago(now.Sub(n.Oldest)), " ago")
	}
	return []ui.Number{servers, findings, oldest, lastLook(looks, now)}
}

// lastLook is the figure of the newest look that ended.
func lastLook(looks []drift.Look, now time.Time) ui.Number {
	out := ui.Number{Label: "Last look", Value: "never"}
	var last drift.Look
	for _, l := range looks {
		if l.Ended != "" && l.EndedAt.After(last.EndedAt) {
			last = l
		}
	}
	if last.Ended == "" {
		return out
	}
	out.Value, out.Href = ui.Ago(now.Sub(last.EndedAt)), "/runs/"+last.Ended
	out.Kind, out.Text = ui.OK, "it saw all of them"
	if last.Seen < last.Servers {
		out.Kind, out.Text = ui.Warn, fmt.Sprintf("it saw %d of %s", last.Seen, ui.Count(last.Servers, "server", "servers"))
	}
	return out
}

// lookRows are the last look by each playbook, also of those that were never
// looked with.
func lookRows(looks []drift.Look, s drift.Schedule) []lookRow {
	titles, seen := map[string]string{}, map[string]bool{}
	for _, p := range s.Playbooks {
		titles[p.Slug] = p.Title()
	}
	var out []lookRow
	for _, l := range looks {
		seen[l.Playbook] = true
		row := lookRow{Playbook: l.Playbook, Kind: ui.Quiet, Word: "never"}
		if t := titles[l.Playbook]; t != "" {
			row.Playbook = t
		}
		if l.Ended != "" {
			row.Href, row.At = "/runs/"+l.Ended, l.EndedAt
			row.Under = fmt.Sprintf("run #%d, %d of %s", l.Number, l.Seen, ui.Count(l.Servers, "server", "servers"))
			row.Kind, row.Word = ui.OK, "looked"
			if l.State != run.Succeeded {
				row.Kind, row.Word, row.Cause = ui.Warn, string(l.State), l.Cause
			}
		}
		if l.Run != "" && l.Run != l.Ended && l.AskedAt.After(l.EndedAt) {
			row.Href, row.Kind, row.Word, row.At, row.Cause = "/runs/"+l.Run, ui.Info, "looking", l.AskedAt, ""
		}
		if l.Error != "" {
			row.Kind, row.Word, row.Cause, row.At = ui.Warn, "could not be asked for", l.Error, l.ErrorAt
		}
		out = append(out, row)
	}
	for _, p := range s.Playbooks {
		if !seen[p.Slug] {
			out = append(out, lookRow{Playbook: p.Title(), Kind: ui.Quiet, Word: "never"})
		}
	}
	return out
}

func whenWords(s drift.Schedule) string {
	switch {
	case len(s.Playbooks) == 0:
		return ""
	case s.Off:
		return "The nightly look is switched off by drift_policy. Checks that people ask for count all the same."
	}
	return "Every night at " + s.At + ", " + s.Zone + "."
}

// emptyWords say what an empty list means.
func emptyWords(state drift.State, q url.Values, n drift.Numbers, s drift.Schedule, looked bool) [3]string {
	if q.Get("server") != "" || q.Get("playbook") != "" {
		if state == drift.Open && n.Checked > 0 {
			return [3]string{"Nothing drifts there", "No open finding fits these filters.", "Remove a filter to see all of them."}
		}
		return [3]string{"Nothing matches", "No finding fits these filters.", "Remove a filter."}
	}
	switch {
	case state == drift.Ignored:
		return [3]string{"Nothing is ignored", "What somebody says does not matter stands here, with who, why and until when.", ""}
	case state == drift.Gone:
		return [3]string{"Nothing is gone yet", "What is not found any more stays here for 90 days.", ""}
	case n.Checked > 0:
		return [3]string{"Nothing drifts", "Every server that was checked is as its playbooks say.", ""}
	case looked:
		return [3]string{"Nothing is known", "No check was done to its end on any server, so nobody knows whether they differ from their playbooks.", "The last look says why."}
	case len(s.Playbooks) == 0:
		return [3]string{"Drift is not looked for yet", "It is what differs on a server from what its playbooks say.", "Write drift: true for a playbook in its vigie.yaml. It is then checked every night on all servers, which changes nothing."}
	}
	how := "The first look is due on the coming night; Look now does not wait for it."
	if s.Off {
		how = "Look now begins with it."
	}
	return [3]string{"Nobody looked yet", "It is what differs on a server from what its playbooks say. A check shows it and changes nothing.", how}
}

package runweb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/ui"
)

// What of a run one page shows.
const (
	hostsShown   = 100
	tasksShown   = 100
	resultsShown = 30
	logShown     = 24 << 10 // bytes
	linesShown   = 30       // of a difference or a message among others
)

type oneView struct {
	ID, Path     string
	Heading      ui.Heading
	Cause        string
	Kind         ui.Kind
	Running      bool
	Began        bool
	Fraction     float64 // of the expected time
	Progress     string
	Facts        []ui.Fact
	Hosts        []hostRow
	NoHosts      string
	NoHostsTitle string
	HostPages    ui.Pages
	Tasks        []taskRow
	TaskPages    ui.Pages
	Tabs         []ui.Tab
	Find         string
	Query        url.Values
	Results      []resultRow
	NoResults    string
	More         string // address of the next results
	Log          string
	Decide       *decideView
	MayCancel    bool
	MayRetry     bool
	RetryWords   string
}

type hostRow struct {
	Name, Href, Results, Task, Tally string
	Kind                             ui.Kind
	Word                             string
}

type taskRow struct {
	N                              string
	Name, Href, Under, Tally, Took string
	Kind                           ui.Kind
	Word                           string
}

type resultRow struct {
	Kind                 ui.Kind
	Word                 string
	Host, HostHref       string
	Task, TaskHref, Took string
	Message, Diff        string
	Open                 bool
	Whole                string // address of all of it, where it is cut
}

// decideView is a request that waits for somebody.
type decideView struct {
	ID, Cannot string
	Expires    time.Time
	Asks       string
	Check      string // address of the check
	CheckWord  string
	CheckWords string
	CheckKind  ui.Kind
	NoChange   string
	Would      []resultRow
	MoreWould  bool
}

func (f *face) show(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	one, err := f.office.Get(ctx, r.PathValue("id"))
	if err != nil {
		return tell(err)
	}
	v := oneView{ID: one.ID, Path: r.URL.RequestURI(), Query: r.URL.Query()}
	if err := f.fill(ctx, r, one, &v); err != nil {
		return tell(err)
	}
	return f.c.Render(w, r, console.View{
		Title: fmt.Sprintf("%s #%d", heading(one), one.Number), Crumb: fmt.Sprintf("#%d", one.Number), Current: home,
		Crumbs: []ui.Link{{Text: "Runs", Href: home}}, Body: onePage(v),
	})
}

func (f *face) fill(ctx context.Context, r *http.Request, one run.Run, v *oneView) error {
	tasks, err := f.office.Tasks(ctx, one.ID)
	if err != nil {
		return err
	}
	hosts, err := f.office.Hosts(ctx, one.ID)
	if err != nil {
		return err
	}
	f.head(ctx, one, hosts, v)
	f.tables(one, hosts, tasks, v)
	if err := f.results(ctx, one, tasks, v); err != nil {
		return err
	}
	if v.Log, err = f.office.LogTail(ctx, one.ID, logShown); err != nil {
		return err
	}
	if one.State == run.Waiting {
		if v.Decide, err = f.decision(ctx, console.Actor(r), one); err != nil {
			return err
		}
	}
	v.Facts, v.Began = f.facts(one), !one.StartedAt.IsZero()
	operator := console.Actor(r).Role.Allows(people.Operator)
	v.MayCancel = operator && !one.State.Over()
	v.MayRetry = operator && one.State.Over() && one.State != run.Succeeded
	v.RetryWords = "It runs the same again, of the same commit, on the servers alone that it did not finish on."
	return nil
}

// head says what a run is and how far.
func (f *face) head(ctx context.Context, one run.Run, hosts []run.Host, v *oneView) {
	v.Kind = stateKind(one.State)
	v.Heading = ui.Heading{Title: heading(one), Kind: v.Kind, State: stateWord(one.State)}
	v.Heading.Tags = []ui.Link{{Text: short(one.Commit), Href: home + "/commits/" + one.Commit}}
	if one.BreakGlass != "" {
		v.Heading.Tags = append(v.Heading.Tags, ui.Link{Text: "break-glass"})
	}
	if one.Parent != "" {
		word := "again, the failed servers"
		if one.Kind == run.Check {
			word = "checks a run"
		}
		v.Heading.Tags = append(v.Heading.Tags, ui.Link{Text: word, Href: home + "/" + one.Parent})
	}
	v.Cause = f.cause(one)
	elapsed := took(one, f.now())
	if one.State != run.Running {
		if elapsed > 0 {
			v.Heading.Note = "took " + ui.Duration(elapsed.Truncate(100*time.Millisecond))
		}
		return
	}
	v.Running = true
	expected, err := f.office.Expected(ctx, one)
	if err != nil {
		expected = 0 // the page is worth more without it than not at all
	}
	done := 0
	for _, h := range hosts {
		if h.State == run.HostFailed || h.State == run.HostUnreachable {
			done++
		}
	}
	if expected > 0 {
		v.Fraction = min(0.98, float64(elapsed)/float64(expected))
	}
	v.Progress = remaining(elapsed, expected)
	if done > 0 {
		v.Progress += "; " + ui.Count(done, "server is out", "servers are out")
	}
}

// pageOf cuts a list to one page of it, whose number the address holds.
func pageOf[T any](all []T, size int, q url.Values, key, path string) ([]T, ui.Pages) {
	n, err := strconv.Atoi(q.Get(key))
	if err != nil || n < 1 || (n-1)*size >= len(all) {
		n = 1
	}
	from := (n - 1) * size
	to := min(from+size, len(all))
	var p ui.Pages
	if len(all) > size {
		p.Text = fmt.Sprintf("%d to %d of %d", from+1, to, len(all))
		if n > 1 {
			p.Newer = replaced(path, q, key, strconv.Itoa(n-1))
		}
		if to < len(all) {
			p.Older = replaced(path, q, key, strconv.Itoa(n+1))
		}
	}
	return all[from:to], p
}

var oneKeys = []string{"show", "host", "task", "q", "after", "hosts", "tasks"}

func replaced(path string, q url.Values, pairs ...string) string {
	return console.Address(path, q, oneKeys, pairs...)
}

func (f *face) tables(one run.Run, hosts []run.Host, tasks []run.Task, v *oneView) {
	path := home + "/" + one.ID
	v.NoHostsTitle = "It has not begun"
	v.NoHosts = strings.Join(one.Servers[:min(len(one.Servers), 20)], ", ")
	if one.State.Over() {
		v.NoHostsTitle = "No server was touched"
		v.NoHosts = "It ended before it began on any server."
	} else if len(one.Servers) > 20 {
		v.NoHosts += " and more"
	}
	some, pages := pageOf(hosts, hostsShown, v.Query, "hosts", path)
	v.HostPages = pages
	for _, h := range some {
		row := hostRow{
			Name: h.Name, Href: "/servers/" + url.PathEscape(h.Name), Kind: hostKind(h.State, h.Changed), Word: hostWord(h), Tally: tallyWords(h.Tally),
			Results: replaced(path, v.Query, "host", h.Name, "show", "all", "task", "", "after", "") + "#results",
		}
		if h.Task > 0 && h.Task <= len(tasks) && h.State != run.HostDone {
			row.Task = tasks[h.Task-1].Name
		}
		v.Hosts = append(v.Hosts, row)
	}
	someTasks, taskPages := pageOf(tasks, tasksShown, v.Query, "tasks", path)
	v.TaskPages = taskPages
	for _, t := range someTasks {
		row := taskRow{
			N: strconv.Itoa(t.N), Name: t.Name, Under: strings.Join(nonEmpty(t.Play, t.Action), ", "), Tally: tallyWords(t.Tally),
			Href: replaced(path, v.Query, "task", strconv.Itoa(t.N), "show", "all", "host", "", "after", "") + "#results",
		}
		switch {
		case t.Failed+t.Unreachable > 0:
			row.Kind, row.Word = ui.Bad, "failed"
		case t.EndedAt.IsZero() && one.State == run.Running:
			row.Kind, row.Word = ui.Info, "now"
		case t.Changed > 0:
			row.Kind, row.Word = ui.Planned, "changed"
		case t.OK == 0 && t.Skipped > 0:
			row.Kind, row.Word = ui.Quiet, "skipped"
		case t.Total() == 0:
			row.Kind, row.Word = ui.Quiet, "nothing"
		default:
			row.Kind, row.Word = ui.OK, "ok"
		}
		if !t.EndedAt.IsZero() {
			row.Took = ui.Duration(max(0, t.EndedAt.Sub(t.StartedAt)).Truncate(10 * time.Millisecond))
		}
		v.Tasks = append(v.Tasks, row)
	}
}

func nonEmpty(words ...string) []string {
	return slices.DeleteFunc(words, func(w string) bool { return w == "" })
}

// results are what single tasks did on single servers: what failed first, or
// what changed where nothing failed.
func (f *face) results(ctx context.Context, one run.Run, tasks []run.Task, v *oneView) error {
	q, path := v.Query, home+"/"+one.ID
	var sum run.Tally
	for _, t := range tasks {
		sum.Failed += t.Failed + t.Unreachable
		sum.Changed += t.Changed
		sum.OK += t.OK
		sum.Skipped += t.Skipped
		sum.Ignored += t.Ignored
	}
	show := q.Get("show")
	if show == "" {
		show = "all"
		switch {
		case sum.Failed > 0:
			show = "failed"
		case sum.Changed > 0:
			show = "changed"
		}
	}
	filter := run.ResultFilter{Host: q.Get("host"), Trouble: show == "failed", Changed: show == "changed", Text: strings.TrimSpace(q.Get("q")), Limit: resultsShown}
	if n, err := strconv.Atoi(q.Get("task")); err == nil && n > 0 {
		filter.Task = n
	}
	if task, host, ok := strings.Cut(q.Get("after"), ":"); ok {
		if n, err := strconv.Atoi(task); err == nil && n > 0 {
			filter.After = run.Result{Task: n, Host: host}
		}
	}
	v.Find = filter.Text
	for _, t := range []struct {
		key, text string
		n         int
	}{{"failed", "Failed", sum.Failed}, {"changed", "Changed", sum.Changed}, {"all", "All", sum.OK + sum.Failed + sum.Skipped + sum.Ignored}} {
		v.Tabs = append(v.Tabs, ui.Tab{Text: t.text, Href: replaced(path, q, "show", t.key, "after", "") + "#results", Count: strconv.Itoa(t.n), Current: show == t.key})
	}
	results, more, err := f.office.Results(ctx, one.ID, filter)
	if err != nil {
		return err
	}
	v.Results = f.resultRows(one, tasks, results, filter.Host != "" && filter.Task > 0)
	if more {
		last := results[len(results)-1]
		v.More = replaced(path, q, "after", fmt.Sprintf("%d:%s", last.Task, last.Host)) + "#results"
	}
	switch {
	case len(tasks) == 0 && !one.State.Over():
		v.NoResults = "What every task does on every server appears here as it happens."
	case len(tasks) == 0:
		v.NoResults = "It ended before any task began. The log says more."
	default:
		v.NoResults = "No result fits these filters."
	}
	return nil
}

func (f *face) resultRows(one run.Run, tasks []run.Task, results []run.Result, whole bool) []resultRow {
	path := home + "/" + one.ID
	out := make([]resultRow, len(results))
	for i, r := range results {
		row := resultRow{
			Kind: resultKind(r), Word: resultWord(r), Host: r.Host, HostHref: path + "?" + url.Values{"host": {r.Host}, "show": {"all"}}.Encode() + "#results",
			Task: "task " + strconv.Itoa(r.Task), TaskHref: path + "?" + url.Values{"task": {strconv.Itoa(r.Task)}, "show": {"all"}}.Encode() + "#results",
			Message: strings.TrimSpace(r.Message), Diff: strings.TrimRight(r.Diff, "\n"),
		}
		if r.Task >= 1 && r.Task <= len(tasks) {
			row.Task = tasks[r.Task-1].Name
		}
		if r.Took >= 10*time.Millisecond {
			row.Took = ui.Duration(r.Took.Truncate(10 * time.Millisecond))
		}
		if !whole {
			var cutMessage, cutDiff bool
			row.Message, cutMessage = firstLines(row.Message, linesShown)
			row.Diff, cutDiff = firstLines(row.Diff, linesShown)
			if cutMessage || cutDiff {
				row.Whole = path + "?" + url.Values{"host": {r.Host}, "task": {strconv.Itoa(r.Task)}, "show": {"all"}}.Encode() + "#results"
			}
		}
		out[i] = row
	}
	return out
}

// firstLines cuts a text for a list. A line may be long too.
func firstLines(s string, n int) (string, bool) {
	const most = 6 << 10
	cut := false
	if len(s) > most {
		s, cut = strings.ToValidUTF8(s[:most], ""), true
	}
	end := 0
	for range n {
		i := strings.IndexByte(s[end:], '\n')
		if i < 0 {
			return s, cut
		}
		end += i + 1
	}
	return s[:end-1], true
}

func (f *face) decision(ctx context.Context, actor people.Actor, one run.Run) (*decideView, error) {
	v := &decideView{ID: one.ID, Expires: one.ExpiresAt, Cannot: f.office.MayDecide(actor, one), Asks: f.name(one.By)}
	check, err := f.office.Get(ctx, one.Approval.Check)
	if errors.Is(err, run.ErrNotFound) {
		return v, nil
	}
	if err != nil {
		return nil, err
	}
	v.Check, v.CheckKind = home+"/"+check.ID, stateKind(check.State)
	v.CheckWord, v.CheckWords = stateWord(check.State), check.Cause
	v.NoChange = "The check found every server as the playbook wants it."
	if check.State != run.Succeeded {
		v.NoChange = "The check did not get far enough to find out."
	}
	tasks, err := f.office.Tasks(ctx, check.ID)
	if err != nil {
		return nil, err
	}
	would, more, err := f.office.Results(ctx, check.ID, run.ResultFilter{Changed: true, Limit: 10})
	if err != nil {
		return nil, err
	}
	v.Would, v.MoreWould = f.resultRows(check, tasks, would, false), more
	return v, nil
}

func (f *face) facts(one run.Run) []ui.Fact {
	var out []ui.Fact
	add := func(name, value string) {
		if value != "" {
			out = append(out, ui.Fact{Name: name, Value: value})
		}
	}
	mono := func(name, value string) {
		if value != "" {
			out = append(out, ui.Fact{Name: name, Value: value, Mono: true})
		}
	}
	out = append(out, ui.Fact{Name: "Asked by", Body: ui.Person(f.name(one.By))})
	add("Why", one.Reason)
	if one.BreakGlass != "" {
		add("Break-glass", one.BreakGlass)
	}
	out = append(out, ui.Fact{Name: "Asked", Body: ui.Time(one.RequestedAt)})
	if !one.StartedAt.IsZero() {
		out = append(out, ui.Fact{Name: "Began", Body: ui.Clock(one.StartedAt)})
	}
	if !one.EndedAt.IsZero() {
		out = append(out, ui.Fact{Name: "Ended", Body: ui.Clock(one.EndedAt)})
	}
	if one.CancelBy != "" {
		add("Canceled by", f.name(one.CancelBy))
		add("Because", one.CancelReason)
	}
	mono("Playbook", one.Path)
	out = append(out, ui.Fact{Name: "Commit", Value: short(one.Commit), Href: home + "/commits/" + one.Commit, Mono: true})
	add("May run because", f.accepted(one.Accepted))
	if one.Approval.By != "" {
		add("Approval", f.name(one.Approval.By)+" "+map[bool]string{true: "refused", false: "approved"}[one.State == run.Rejected])
		add("Their words", one.Approval.Note)
	}
	mono("Limit", one.Limit)
	add("Servers", strconv.Itoa(len(one.Servers)))
	mono("Tags", strings.Join(one.Tags, ", "))
	for _, name := range slices.Sorted(maps.Keys(one.Variables)) {
		mono(name, fmt.Sprint(one.Variables[name]))
	}
	add("Timeout", ui.Duration(one.Timeout))
	add("Ansible", one.Ansible)
	if one.Hash != "" {
		mono("Record", short(one.Hash))
	}
	return out
}

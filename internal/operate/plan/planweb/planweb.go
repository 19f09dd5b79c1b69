// Package planweb is the screen of what starts by itself: schedules with their
// next times, and chains with how far they are.
package planweb

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/operate/plan"
	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/schedule"
	"github.com/vigie-ops/vigie/internal/ui"
)

// home is where the pages are.
const home = "/schedules"

// Options are what the pages show.
type Options struct {
	Planner *plan.Planner
	Runs    *run.Office
	Name    func(person string) string
	Now     func() time.Time
}

type face struct {
	c *console.Console
	o Options
}

// Register adds the pages and interfaces.
func Register(c *console.Console, o Options) {
	if o.Now == nil {
		o.Now = time.Now
	}
	f := &face{c: c, o: o}
	c.Nav(console.NavEntry{Group: "Operate", Text: "Schedules", Href: home, Role: people.Viewer})
	c.Page("GET /schedules", people.Viewer, f.list)
	c.Action("POST /chains", people.Operator, f.start)
	c.Page("GET /chains/{id}", people.Viewer, f.chain)
	c.Action("POST /chains/{id}/stop", people.Operator, f.stop)
	c.Action("POST /chains/{id}/resume", people.Operator, f.resume)
	c.API("GET /api/vigie/v1/schedules", people.Viewer, f.apiSchedules, console.Doc{Summary: "Schedules, and when each is next", Answer: console.Items[scheduleItem]{}})
	c.API("GET /api/vigie/v1/chains", people.Viewer, f.apiChains, console.Doc{
		Summary: "Chains that were started, the newest first", Answer: console.Items[chainItem]{}, Query: console.Paged()[1:],
	})
	c.API("GET /api/vigie/v1/chains/{id}", people.Viewer, f.apiChain, console.Doc{Summary: "A chain that was started", Answer: chainItem{}})
	c.API("POST /api/vigie/v1/chains", people.Operator, f.apiStart, console.Doc{Summary: "Start a chain", Body: startItem{}, Answer: chainItem{}, Status: http.StatusCreated})
}

func tell(err error) error {
	var refused *plan.RefusedError
	switch {
	case errors.Is(err, plan.ErrNotFound):
		return console.NotFound("There is no such chain.")
	case errors.As(err, &refused):
		return console.Invalid(refused.Reason)
	}
	return err
}

type scheduleRow struct {
	Title, Under, When, Zone string
	Words                    string // When for people
	Next                     time.Time
	Paused                   bool
	Last                     time.Time
	Kind                     ui.Kind
	Word, Href, Problem      string
}

type chainRow struct {
	Title, Href, Under string
	Kind               ui.Kind
	Word, Cause        string
	Who                string
	At                 time.Time
	WaitUntil          time.Time // a step waits until then
}

type definedRow struct{ Slug, Title, Description, Steps string }

type listView struct {
	Path      string
	Schedules []scheduleRow
	Defined   []definedRow
	Chains    []chainRow
	MayStart  bool
}

func (f *face) list(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	all, err := f.o.Planner.Schedules(ctx)
	if err != nil {
		return err
	}
	v := listView{Path: r.URL.RequestURI(), MayStart: console.Actor(r).Role.Allows(people.Operator)}
	for _, s := range all {
		row, err := f.scheduleRow(ctx, s)
		if err != nil {
			return err
		}
		v.Schedules = append(v.Schedules, row)
	}
	defined, err := f.o.Planner.Defined(ctx)
	if err != nil {
		return err
	}
	for _, c := range defined {
		names := make([]string, len(c.Steps))
		for i, s := range c.Steps {
			names[i] = strings.TrimSpace(s.Playbook + " " + s.Limit)
			if s.Name != "" {
				names[i] = s.Name
			}
		}
		v.Defined = append(v.Defined, definedRow{Slug: c.Slug, Title: c.Title(), Description: c.Description, Steps: strings.Join(names, " → ")})
	}
	chains, err := f.o.Planner.Chains(ctx, 30)
	if err != nil {
		return err
	}
	for _, c := range chains {
		v.Chains = append(v.Chains, f.chainRow(c))
	}
	return f.c.Render(w, r, console.View{Title: "Schedules", Current: home, Body: listPage(v)})
}

func (f *face) scheduleRow(ctx context.Context, s plan.Planned) (scheduleRow, error) {
	row := scheduleRow{
		Title: s.Title(), Under: strings.TrimSpace(s.Playbook + s.Chain + " " + s.Limit), When: s.Cron + s.Rule, Zone: s.Zone,
		Words: schedule.Words(s.Cron + s.Rule), Next: s.NextAt, Paused: s.Paused, Last: s.LastAt, Problem: s.Problem, Kind: ui.Quiet, Word: "not yet",
	}
	if s.Check {
		row.Under += ", only checks"
	}
	switch {
	case s.Problem != "":
		row.Kind, row.Word = ui.Bad, "did not start"
	case s.Started != "":
		c, err := f.o.Planner.Chain(ctx, s.Started)
		if err != nil {
			return row, tell(err)
		}
		row.Kind, row.Word, row.Href = chainKind(c.State), string(c.State), "/chains/"+c.ID
	case s.Run != "":
		r, err := f.o.Runs.Get(ctx, s.Run)
		if errors.Is(err, run.ErrNotFound) {
			return row, nil
		}
		if err != nil {
			return row, err
		}
		row.Kind, row.Word, row.Href = runKind(r.State), string(r.State), "/runs/"+r.ID
	}
	return row, nil
}

func runKind(s run.State) ui.Kind {
	switch s {
	case run.Succeeded:
		return ui.OK
	case run.Failed, run.TimedOut:
		return ui.Bad
	case run.Checking, run.Waiting, run.Interrupted:
		return ui.Warn
	case run.Queued, run.Running:
		return ui.Info
	case run.Canceled, run.Rejected, run.Expired:
	}
	return ui.Quiet
}

func chainKind(s plan.State) ui.Kind {
	switch s {
	case plan.Running:
		return ui.Info
	case plan.Succeeded:
		return ui.OK
	case plan.Failed:
		return ui.Bad
	case plan.Stopped:
	}
	return ui.Quiet
}

func (f *face) chainRow(c plan.Progress) chainRow {
	row := chainRow{
		Title: c.Title, Href: "/chains/" + c.ID, Under: c.Reason, Kind: chainKind(c.State), Word: string(c.State), Cause: c.Cause, Who: f.o.Name(c.By), At: c.StartedAt,
	}
	if c.State == plan.Running {
		row.Word = fmt.Sprintf("step %d of %d", c.Step+1, len(c.Steps))
		if c.WaitUntil.After(f.o.Now()) {
			row.WaitUntil = c.WaitUntil
		}
	}
	return row
}

type stepRow struct {
	N, Name, Under string
	Kind           ui.Kind
	Word, Href     string
	WaitUntil      time.Time
}

type chainView struct {
	ID, Path  string
	Heading   ui.Heading
	Cause     string
	Kind      ui.Kind
	Steps     []stepRow
	Facts     []ui.Fact
	MayStop   bool
	MayResume bool
}

func (f *face) chain(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	c, err := f.o.Planner.Chain(ctx, r.PathValue("id"))
	if err != nil {
		return tell(err)
	}
	operator := console.Actor(r).Role.Allows(people.Operator)
	v := chainView{
		ID: c.ID, Path: r.URL.RequestURI(), Cause: c.Cause, Kind: chainKind(c.State), MayStop: operator && c.State == plan.Running, MayResume: operator && c.State == plan.Failed,
		Heading: ui.Heading{Title: c.Title, Kind: chainKind(c.State), State: string(c.State), Tags: []ui.Link{{Text: c.Commit[:min(10, len(c.Commit))], Href: "/runs/commits/" + c.Commit}}},
		Facts:   []ui.Fact{{Name: "Started by", Body: ui.Person(f.o.Name(c.By))}, {Name: "Why", Value: c.Reason}, {Name: "Began", Body: ui.Time(c.StartedAt)}},
	}
	if !c.EndedAt.IsZero() {
		v.Facts = append(v.Facts, ui.Fact{Name: "Ended", Body: ui.Time(c.EndedAt)})
	}
	for i, s := range c.Steps {
		row := stepRow{N: fmt.Sprint(i + 1), Name: s.Name, Under: strings.TrimSpace(s.Playbook + " " + s.Limit), Kind: ui.Quiet, Word: "not yet"}
		if s.Check {
			row.Under += ", only checks"
		}
		if s.Wait > 0 {
			row.Under += ", " + ui.Duration(s.Wait) + " after the step before"
		}
		switch {
		case s.Run != "":
			one, err := f.o.Runs.Get(ctx, s.Run)
			if err != nil {
				return err
			}
			row.Kind, row.Word, row.Href = runKind(one.State), string(one.State), "/runs/"+one.ID
		case i == c.Step && c.State == plan.Running && c.WaitUntil.After(f.o.Now()):
			row.Kind, row.Word, row.WaitUntil = ui.Planned, "waits", c.WaitUntil
		case i == c.Step && c.State == plan.Failed:
			row.Kind, row.Word = ui.Bad, "refused"
		}
		v.Steps = append(v.Steps, row)
	}
	return f.c.Render(w, r, console.View{
		Title: c.Title, Current: home, Crumbs: []ui.Link{{Text: "Schedules", Href: home}}, Body: chainPage(v),
	})
}

func (f *face) start(w http.ResponseWriter, r *http.Request) error {
	c, err := f.o.Planner.Start(r.Context(), r.PostFormValue("chain"), r.PostFormValue("reason"))
	if err != nil {
		return tell(err)
	}
	return console.SeeOther(w, r, "/chains/"+c.ID)
}

func (f *face) stop(w http.ResponseWriter, r *http.Request) error {
	c, err := f.o.Planner.Stop(r.Context(), r.PathValue("id"), console.Actor(r).Slug, r.PostFormValue("reason"))
	if err != nil {
		return tell(err)
	}
	return console.SeeOther(w, r, console.Said("/chains/"+c.ID, "canceling"))
}

func (f *face) resume(w http.ResponseWriter, r *http.Request) error {
	c, err := f.o.Planner.Resume(r.Context(), r.PathValue("id"), console.Actor(r).Slug, r.PostFormValue("reason"))
	if err != nil {
		return tell(err)
	}
	return console.SeeOther(w, r, "/chains/"+c.ID)
}

type scheduleItem struct {
	Slug     string     `json:"slug"`
	Title    string     `json:"title"`
	Playbook string     `json:"playbook"`
	Chain    string     `json:"chain"`
	Limit    string     `json:"limit"`
	Cron     string     `json:"cron"`
	Rule     string     `json:"rule"`
	Timezone string     `json:"timezone"`
	Paused   bool       `json:"paused"`
	NextAt   *time.Time `json:"next_at"`
	LastAt   *time.Time `json:"last_at"`
	LastRun  string     `json:"last_run"`
	Problem  string     `json:"problem"` // why the last one did not start
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func (f *face) apiSchedules(w http.ResponseWriter, r *http.Request) error {
	all, err := f.o.Planner.Schedules(r.Context())
	if err != nil {
		return err
	}
	items := make([]scheduleItem, len(all))
	for i, s := range all {
		items[i] = scheduleItem{
			Slug: s.Slug, Title: s.Title(), Playbook: s.Playbook, Chain: s.Chain, Limit: s.Limit, Cron: s.Cron, Rule: s.Rule, Timezone: s.Zone,
			Paused: s.Paused, NextAt: moment(s.NextAt), LastAt: moment(s.LastAt), LastRun: s.Run, Problem: s.Problem,
		}
	}
	return console.WriteItems(w, items, "")
}

type chainItem struct {
	ID        string     `json:"id"`
	Chain     string     `json:"chain"`
	Title     string     `json:"title"`
	State     plan.State `json:"state"`
	Cause     string     `json:"cause"`
	Commit    string     `json:"commit"`
	StartedBy string     `json:"started_by"`
	Reason    string     `json:"reason"`
	Step      int        `json:"step"` // from one
	Runs      []string   `json:"runs"` // ids, one a step that began
	StartedAt time.Time  `json:"started_at"`
	EndedAt   *time.Time `json:"ended_at"`
}

func chainItemOf(c plan.Progress) chainItem {
	out := chainItem{
		ID: c.ID, Chain: c.Slug, Title: c.Title, State: c.State, Cause: c.Cause, Commit: c.Commit, StartedBy: c.By, Reason: c.Reason, Step: c.Step + 1,
		Runs: []string{}, StartedAt: c.StartedAt, EndedAt: moment(c.EndedAt),
	}
	for _, s := range c.Steps {
		if s.Run != "" {
			out.Runs = append(out.Runs, s.Run)
		}
	}
	return out
}

func (f *face) apiChains(w http.ResponseWriter, r *http.Request) error {
	_, limit, err := console.PageOf(r)
	if err != nil {
		return err
	}
	chains, err := f.o.Planner.Chains(r.Context(), limit)
	if err != nil {
		return err
	}
	items := make([]chainItem, len(chains))
	for i, c := range chains {
		items[i] = chainItemOf(c)
	}
	return console.WriteItems(w, items, "")
}

func (f *face) apiChain(w http.ResponseWriter, r *http.Request) error {
	c, err := f.o.Planner.Chain(r.Context(), r.PathValue("id"))
	if err != nil {
		return tell(err)
	}
	return console.WriteJSON(w, chainItemOf(c))
}

// startItem asks for a chain.
type startItem struct {
	Chain  string `json:"chain"` // slug
	Reason string `json:"reason"`
}

func (f *face) apiStart(w http.ResponseWriter, r *http.Request) error {
	var in startItem
	if err := console.ReadJSON(r, &in); err != nil {
		return err
	}
	c, err := f.o.Planner.Start(r.Context(), in.Chain, in.Reason)
	if err != nil {
		return tell(err)
	}
	return console.WriteCreated(w, console.APIPrefix+"/chains/"+c.ID, chainItemOf(c))
}

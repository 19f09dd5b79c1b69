package runweb

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/operate/playbook"
	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/people"
)

// api is where the interface for programs is.
const api = "/api/vigie/v1"

func (f *face) registerAPI() {
	f.c.Finder(people.Operator, f.find)
	get := func(path string, h console.Handler, d console.Doc) { f.c.API("GET "+api+path, people.Viewer, h, d) }
	post := func(path string, h console.Handler, d console.Doc) { f.c.API("POST "+api+path, people.Operator, h, d) }
	get("/runs", f.apiList, console.Doc{Summary: "Runs, the newest first", Answer: console.Items[item]{}, Query: console.Paged(
		console.One("state", "", words(states...)...), console.One("kind", "", words(kinds...)...), console.Flag("active", "those alone that are not over"),
		console.Any("playbook", ""), console.Any("server", ""), console.Any("commit", ""), console.Any("requested_by", ""), console.Any("q", "words that a run has to hold"))})
	post("/runs", f.apiAsk, console.Doc{Summary: "Ask for a run of a playbook", Body: request{}, Answer: item{}, Status: http.StatusCreated})
	get("/runs/{id}", f.apiOne, console.Doc{Summary: "A run with its servers and tasks", Answer: whole{}})
	get("/runs/{id}/results", f.apiResults, console.Doc{Summary: "What the tasks of a run did", Answer: console.Items[resultItem]{}, Query: console.Paged(
		console.One("status", "", words(statuses...)...), console.Flag("changed", "what changed something alone"), console.Any("host", ""),
		console.Param{Name: "task", Text: "number of a task, from 1", Kind: "integer"}, console.Any("q", "words that a result has to hold"))})
	get("/runs/{id}/log", f.apiLog, console.Doc{Summary: "The log of a run, piece by piece", Answer: logPiece{}, Query: []console.Param{
		{Name: "from", Text: "next of the piece before", Kind: "integer"}}})
	get("/runs/{id}/log.txt", f.wholeLog, console.Doc{Summary: "The whole log of a run", Content: "text/plain"})
	get("/runs/{id}/record.json", f.record, console.Doc{Summary: "The record of a run, with all results", Answer: whole{}})
	get("/runs/{id}/junit.xml", f.junit, console.Doc{Summary: "The results of a run for build servers", Content: "application/xml"})
	post("/runs/{id}/cancel", f.apiCancel, console.Doc{Summary: "End a run", Body: why{}, Answer: item{}})
	post("/runs/{id}/retry", f.apiRetry, console.Doc{Summary: "Ask for a run again, where it did not finish", Body: why{}, Answer: item{}, Status: http.StatusCreated})
	get("/playbooks", f.apiPlaybooks, console.Doc{Summary: "Playbooks with their variables", Answer: console.Items[playbookItem]{}, Query: []console.Param{
		console.Any("commit", "of which commit; the one that the hub follows if left out")}})
	get("/ssh-key", f.apiKey, console.Doc{Summary: "The hub's public key, as a line of authorized_keys", Content: "text/plain"})
}

// The words of filters.
var (
	states = []run.State{
		run.Checking, run.Waiting, run.Queued, run.Running, run.Succeeded, run.Failed, run.Canceled, run.Interrupted, run.TimedOut, run.Rejected, run.Expired,
	}
	kinds    = []run.Kind{run.Real, run.Check, run.Lint}
	statuses = []run.Status{run.OK, run.TaskFailed, run.Unreachable, run.Skipped, run.Ignored}
)

// item is a run in the API.
type item struct {
	ID          string         `json:"id"`
	Number      int64          `json:"number"`
	Kind        run.Kind       `json:"kind"`
	State       run.State      `json:"state"`
	Cause       string         `json:"cause"` // why it waits, or why it ended so
	Playbook    string         `json:"playbook"`
	Title       string         `json:"title"`
	Path        string         `json:"path"`
	Commit      string         `json:"commit"`
	Content     string         `json:"content"` // hash of the commit's files
	Accepted    string         `json:"accepted"`
	BreakGlass  string         `json:"break_glass"`
	Limit       string         `json:"limit"`
	Servers     []string       `json:"servers"`
	Tags        []string       `json:"tags"`
	Variables   map[string]any `json:"variables"`
	Reason      string         `json:"reason"`
	RequestedBy string         `json:"requested_by"`
	RequestedAt time.Time      `json:"requested_at"`
	Approvers   []string       `json:"approvers"`
	ApprovedBy  string         `json:"approved_by"` // or rejected, as the state says
	ApprovedAt  *time.Time     `json:"approved_at"`
	Note        string         `json:"approval_note"`
	Origin      string         `json:"origin"` // what started it, if no person did: schedule:nightly, chain:ID, drift
	ExpiresAt   *time.Time     `json:"expires_at"`
	Parent      string         `json:"parent"` // the run that this one checks, or tries again
	Check       string         `json:"check"`  // the run that shows what this one would change
	QueuedAt    *time.Time     `json:"queued_at"`
	StartedAt   *time.Time     `json:"started_at"`
	EndedAt     *time.Time     `json:"ended_at"`
	CanceledBy  string         `json:"canceled_by"`
	CancelWhy   string         `json:"cancel_reason"`
	Ansible     string         `json:"ansible"`
	Exit        int            `json:"exit"` // status of ansible-playbook
	Hash        string         `json:"hash"` // of its record in the chain
}

func itemOf(r run.Run) item {
	return item{
		ID: r.ID, Number: r.Number, Kind: r.Kind, State: r.State, Cause: r.Cause, Playbook: r.Playbook, Title: r.Title, Path: r.Path, Commit: r.Commit,
		Content: r.Content, Accepted: r.Accepted, BreakGlass: r.BreakGlass, Limit: r.Limit, Servers: list(r.Servers), Tags: list(r.Tags), Variables: r.Variables,
		Reason: r.Reason, RequestedBy: r.By, RequestedAt: r.RequestedAt, Approvers: list(r.Approval.Approvers), ApprovedBy: r.Approval.By,
		ApprovedAt: moment(r.Approval.At), Note: r.Approval.Note, Origin: r.Origin, ExpiresAt: moment(r.ExpiresAt), Parent: r.Parent, Check: r.Approval.Check, QueuedAt: moment(r.QueuedAt), StartedAt: moment(r.StartedAt),
		EndedAt: moment(r.EndedAt), CanceledBy: r.CancelBy, CancelWhy: r.CancelReason, Ansible: r.Ansible, Exit: r.Exit, Hash: r.Hash,
	}
}

func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

type tally struct {
	OK          int `json:"ok"`
	Changed     int `json:"changed"`
	Failed      int `json:"failed"`
	Unreachable int `json:"unreachable"`
	Skipped     int `json:"skipped"`
	Ignored     int `json:"ignored"`
}

type hostItem struct {
	Host  string        `json:"host"`
	State run.HostState `json:"state"`
	Task  int           `json:"task"` // number of the last it began
	tally
}

type taskItem struct {
	Task      int        `json:"task"`
	Play      string     `json:"play"`
	Name      string     `json:"name"`
	Action    string     `json:"action"`
	Path      string     `json:"path"`
	StartedAt time.Time  `json:"started_at"`
	EndedAt   *time.Time `json:"ended_at"`
	tally
}

type resultItem struct {
	Task    int        `json:"task"`
	Host    string     `json:"host"`
	Status  run.Status `json:"status"`
	Changed bool       `json:"changed"`
	Seconds float64    `json:"seconds"`
	Message string     `json:"message"`
	Diff    string     `json:"diff"`
	At      time.Time  `json:"at"`
}

// whole is one run with its servers and tasks.
type whole struct {
	item
	Hosts   []hostItem   `json:"hosts"`
	Tasks   []taskItem   `json:"tasks"`
	Results []resultItem `json:"results,omitempty"`
}

func wholeOf(rec run.Record) whole {
	v := whole{item: itemOf(rec.Run), Hosts: []hostItem{}, Tasks: []taskItem{}}
	for _, h := range rec.Hosts {
		v.Hosts = append(v.Hosts, hostItem{Host: h.Name, State: h.State, Task: h.Task, tally: tally(h.Tally)})
	}
	for _, t := range rec.Tasks {
		v.Tasks = append(v.Tasks, taskItem{Task: t.N, Play: t.Play, Name: t.Name, Action: t.Action, Path: t.Path, StartedAt: t.StartedAt, EndedAt: moment(t.EndedAt), tally: tally(t.Tally)})
	}
	for _, r := range rec.Results {
		v.Results = append(v.Results, resultOf(r))
	}
	return v
}

func resultOf(r run.Result) resultItem {
	return resultItem{Task: r.Task, Host: r.Host, Status: r.Status, Changed: r.Changed, Seconds: r.Took.Seconds(), Message: r.Message, Diff: r.Diff, At: r.At}
}

func words[T ~string](all ...T) []string {
	out := make([]string, len(all))
	for i, w := range all {
		out[i] = string(w)
	}
	return out
}

func (f *face) apiList(w http.ResponseWriter, r *http.Request) error {
	cursor, limit, err := console.PageOfIDs(r)
	if err != nil {
		return err
	}
	state, err := console.OneOf(r, "state", words(states...)...)
	if err != nil {
		return err
	}
	kind, err := console.OneOf(r, "kind", words(kinds...)...)
	if err != nil {
		return err
	}
	active, err := console.OneOf(r, "active", "true", "false")
	if err != nil {
		return err
	}
	q := r.URL.Query()
	filter := run.Filter{
		State: run.State(state), Active: active == "true", Playbook: q.Get("playbook"), Server: q.Get("server"), Commit: q.Get("commit"), By: q.Get("requested_by"),
		Text: q.Get("q"), Cursor: cursor, Limit: limit,
	}
	if kind != "" {
		filter.Kinds = []run.Kind{run.Kind(kind)}
	}
	page, err := f.office.List(r.Context(), filter)
	if err != nil {
		return tell(err)
	}
	if len(page.Items) == 0 {
		if err := f.known(r, filter); err != nil {
			return err
		}
	}
	items := make([]item, len(page.Items))
	for i, one := range page.Items {
		items[i] = itemOf(one)
	}
	return console.WriteItems(w, items, page.Next)
}

// known says what is wrong with a filter that found nothing: a server or a
// playbook that is gone has runs, one that never was has none.
func (f *face) known(r *http.Request, filter run.Filter) error {
	books, fleet, err := f.office.Catalogue(r.Context(), "")
	if err != nil {
		return err
	}
	check := func(what, name string, all []string) error {
		if name == "" || slices.Contains(all, name) {
			return nil
		}
		page, err := f.office.List(r.Context(), run.Filter{Server: filter.Server, Playbook: filter.Playbook, Limit: 1})
		if err != nil || len(page.Items) > 0 {
			return err
		}
		return console.Invalid(fmt.Sprintf("There is no %s %q%s.", what, name, opsrepo.DidYouMean(name, all)))
	}
	slugs := make([]string, len(books))
	for i, p := range books {
		slugs[i] = p.Slug
	}
	return errors.Join(check("server", filter.Server, playbook.NewInventory(fleet).Hosts()), check("playbook", filter.Playbook, slugs))
}

// request is what asks for a run.
type request struct {
	Playbook   string         `json:"playbook"`
	Commit     string         `json:"commit"`
	Limit      string         `json:"limit"`
	Tags       []string       `json:"tags"`
	Variables  map[string]any `json:"variables"`
	Check      bool           `json:"check"`
	Reason     string         `json:"reason"`
	BreakGlass string         `json:"break_glass"`
}

func (f *face) apiAsk(w http.ResponseWriter, r *http.Request) error {
	var in request
	if err := console.ReadJSON(r, &in); err != nil {
		return err
	}
	one, err := f.office.Ask(r.Context(), in.request())
	if err != nil {
		return tellField(err)
	}
	return created(w, one)
}

func (in request) request() run.Request {
	return run.Request{
		Playbook: in.Playbook, Commit: in.Commit, Limit: in.Limit, Tags: in.Tags, Variables: in.Variables, Check: in.Check, Reason: in.Reason, BreakGlass: in.BreakGlass,
	}
}

// tellField is tell with the name of the field that is wrong.
func tellField(err error) error {
	var refused *run.RefusedError
	if errors.As(err, &refused) && refused.Field != "" {
		return console.Invalid(refused.Field + ": " + refused.Reason)
	}
	return tell(err)
}

func created(w http.ResponseWriter, one run.Run) error {
	return console.WriteCreated(w, api+"/runs/"+one.ID, itemOf(one))
}

func (f *face) apiOne(w http.ResponseWriter, r *http.Request) error {
	rec, err := f.office.Outline(r.Context(), r.PathValue("id"))
	if err != nil {
		return tell(err)
	}
	return console.WriteJSON(w, wholeOf(rec))
}

func (f *face) apiResults(w http.ResponseWriter, r *http.Request) error {
	_, limit, err := console.PageOf(r)
	if err != nil {
		return err
	}
	status, err := console.OneOf(r, "status", words(statuses...)...)
	if err != nil {
		return err
	}
	changed, err := console.OneOf(r, "changed", "true", "false")
	if err != nil {
		return err
	}
	q := r.URL.Query()
	filter := run.ResultFilter{Host: q.Get("host"), Status: run.Status(status), Changed: changed == "true", Text: q.Get("q"), Limit: limit}
	if t := q.Get("task"); t != "" {
		if filter.Task, err = strconv.Atoi(t); err != nil || filter.Task < 1 {
			return &console.Problem{Status: http.StatusBadRequest, Title: "Bad task", Detail: "task is the number of a task, from 1."}
		}
	}
	if c := q.Get("cursor"); c != "" {
		task, host, ok := strings.Cut(c, ":")
		n, err := strconv.Atoi(task)
		if !ok || err != nil || n < 1 {
			return &console.Problem{Status: http.StatusBadRequest, Title: "Bad cursor", Detail: "cursor is what the page before gave as next, or left out."}
		}
		filter.After = run.Result{Task: n, Host: host}
	}
	one, err := f.office.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return tell(err)
	}
	results, more, err := f.office.Results(r.Context(), one.ID, filter)
	if err != nil {
		return err
	}
	items := make([]resultItem, len(results))
	for i, one := range results {
		items[i] = resultOf(one)
	}
	next := ""
	if more {
		last := results[len(results)-1]
		next = fmt.Sprintf("%d:%s", last.Task, last.Host)
	}
	return console.WriteItems(w, items, next)
}

// logPiece is a piece of a run's log, for who follows it.
type logPiece struct {
	Text  string    `json:"text"`
	Next  int64     `json:"next"` // from where to go on
	State run.State `json:"state"`
	Over  bool      `json:"over"` // nothing comes after this piece
}

// chunksAtOnce bounds what one answer holds of a log.
const chunksAtOnce = 200

func (f *face) apiLog(w http.ResponseWriter, r *http.Request) error {
	from := int64(0)
	if s := r.URL.Query().Get("from"); s != "" {
		var err error
		if from, err = strconv.ParseInt(s, 10, 64); err != nil || from < 0 {
			return &console.Problem{Status: http.StatusBadRequest, Title: "Bad from", Detail: "from is what the answer before gave as next, or left out."}
		}
	}
	// The state is read first: what a run says before its end is there then.
	one, err := f.office.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return tell(err)
	}
	text, next, err := f.office.Log(r.Context(), one.ID, from, chunksAtOnce)
	if err != nil {
		return err
	}
	return console.WriteJSON(w, logPiece{Text: text, Next: next, State: one.State, Over: one.State.Over() && text == ""})
}

func (f *face) wholeLog(w http.ResponseWriter, r *http.Request) error {
	one, err := f.office.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return tell(err)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	for from := int64(0); ; {
		text, next, err := f.office.Log(r.Context(), one.ID, from, chunksAtOnce)
		if err != nil || text == "" {
			return err
		}
		_, _ = io.WriteString(w, text) // of a reader that went away the context says so
		from = next
	}
}

// save has a browser keep what comes as a file.
func save(w http.ResponseWriter, kind, name string) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
}

func (f *face) record(w http.ResponseWriter, r *http.Request) error {
	rec, err := f.office.Record(r.Context(), r.PathValue("id"))
	if err != nil {
		return tell(err)
	}
	save(w, "application/json", fmt.Sprintf("run-%d.json", rec.Run.Number))
	_ = json.NewEncoder(w).Encode(wholeOf(rec)) // the reader went away; there is nobody to tell
	return nil
}

func (f *face) junit(w http.ResponseWriter, r *http.Request) error {
	rec, err := f.office.Record(r.Context(), r.PathValue("id"))
	if err != nil {
		return tell(err)
	}
	save(w, "application/xml", fmt.Sprintf("run-%d.xml", rec.Run.Number))
	_ = rec.WriteJUnit(w) // the reader went away; there is nobody to tell
	return nil
}

// why is the body of what may say why.
type why struct {
	Reason string `json:"reason"`
}

func (f *face) apiCancel(w http.ResponseWriter, r *http.Request) error {
	var in why
	if err := console.ReadJSON(r, &in); err != nil {
		return err
	}
	one, err := f.office.Cancel(r.Context(), r.PathValue("id"), console.Actor(r).Slug, in.Reason)
	if err != nil {
		return tell(err)
	}
	return console.WriteJSON(w, itemOf(one))
}

func (f *face) apiRetry(w http.ResponseWriter, r *http.Request) error {
	var in why
	if err := console.ReadJSON(r, &in); err != nil {
		return err
	}
	one, err := f.office.Retry(r.Context(), r.PathValue("id"), in.Reason)
	if err != nil {
		return tellField(err)
	}
	return created(w, one)
}

// playbookItem is a playbook in the API.
type playbookItem struct {
	Slug        string         `json:"slug"`
	Title       string         `json:"title"`
	Description string         `json:"description"`
	Path        string         `json:"path"`
	Role        string         `json:"role"` // the least that may start it
	Variables   []variableItem `json:"variables"`
}

type variableItem struct {
	Name        string   `json:"name"`
	Type        string   `json:"type"`
	Description string   `json:"description"`
	Required    bool     `json:"required"`
	Default     any      `json:"default"`
	Choices     []string `json:"choices"`
}

func (f *face) apiPlaybooks(w http.ResponseWriter, r *http.Request) error {
	hash := r.URL.Query().Get("commit")
	if hash != "" {
		commit, err := f.office.Commit(r.Context(), hash)
		if err != nil {
			return tell(err)
		}
		hash = commit.Hash
	}
	books, _, err := f.office.Catalogue(r.Context(), hash)
	if err != nil {
		return tell(err)
	}
	items := make([]playbookItem, len(books))
	for i, p := range books {
		items[i] = playbookItemOf(p)
	}
	return console.WriteItems(w, items, "")
}

func playbookItemOf(p playbook.Playbook) playbookItem {
	out := playbookItem{Slug: p.Slug, Title: p.Title(), Description: p.Description, Path: p.Path(), Role: p.Role, Variables: []variableItem{}}
	for _, v := range p.Variables {
		out.Variables = append(out.Variables, variableItem{Name: v.Name, Type: v.Type, Description: v.Description, Required: v.Required, Default: v.Default, Choices: list(v.Choices)})
	}
	return out
}

// apiKey answers the public half of the key by which the hub signs in, as a
// line of an authorized_keys file.
func (f *face) apiKey(w http.ResponseWriter, r *http.Request) error {
	key, err := f.office.Public(r.Context())
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, key+"\n") // the reader went away; there is nobody to tell
	return nil
}

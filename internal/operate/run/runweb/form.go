package runweb

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/operate/playbook"
	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/ui"
)

// chooseView is the list of playbooks that a run begins with.
type chooseView struct {
	Commit    string
	Playbooks []choice
}

type choice struct{ Title, Href, Description, Slug, File string }

// formView is the form that asks for a run of one playbook.
type formView struct {
	Title, Description, Slug string
	Commit                   string // hash
	CommitWords, CommitHref  string
	Accepted                 bool
	Problem                  string
	Fields                   []variableField
	Limit, Tags, Reason      ui.Field
	BreakGlass               ui.Field
	Newer, NewerHref         string // the commit that the hub follows and nobody accepted yet
	Groups                   []string
	Hosts                    []string
	Servers                  int
	Approval                 string
}

type variableField struct {
	ui.Field
	Kind string
}

func (f *face) newRun(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	commit, err := f.choose(r.Context(), q.Get("commit"))
	if err != nil {
		return tell(err)
	}
	books, _, err := f.office.Catalogue(r.Context(), commit.Hash)
	if err != nil {
		return tell(err)
	}
	if q.Get("playbook") == "" {
		v := chooseView{Commit: short(commit.Hash) + ", " + commit.Subject}
		for _, p := range books {
			next := url.Values{"playbook": {p.Slug}}
			for _, k := range []string{"commit", "limit"} {
				if s := q.Get(k); s != "" {
					next.Set(k, s)
				}
			}
			v.Playbooks = append(v.Playbooks, choice{Title: p.Title(), Href: home + "/new?" + next.Encode(), Description: p.Description, Slug: p.Slug, File: p.Path()})
		}
		return f.c.Render(w, r, console.View{Title: "New run", Current: home, Crumbs: []ui.Link{{Text: "Runs", Href: home}}, Body: choosePage(v)})
	}
	return f.form(w, r, http.StatusOK, commit.Hash, q, nil)
}

// choose is the commit that a form is about: the one that was asked for, else
// the newest that may run, else the one that the hub follows.
func (f *face) choose(ctx context.Context, asked string) (opsrepo.Commit, error) {
	if asked != "" {
		return f.office.Commit(ctx, asked)
	}
	c, err := f.office.Accepted(ctx)
	if refused := (*run.RefusedError)(nil); errors.As(err, &refused) {
		return f.office.Commit(ctx, "") // nothing was accepted yet, and the page says so
	}
	return c, err
}

// form shows the form, filled with what was sent before.
func (f *face) form(w http.ResponseWriter, r *http.Request, status int, hash string, in url.Values, wrong *run.RefusedError) error {
	ctx := r.Context()
	commit, err := f.office.Commit(ctx, hash)
	if err != nil {
		return tell(err)
	}
	books, fleet, err := f.office.Catalogue(ctx, commit.Hash)
	if err != nil {
		return tell(err)
	}
	i := slices.IndexFunc(books, func(p playbook.Playbook) bool { return p.Slug == in.Get("playbook") })
	if i < 0 {
		return console.NotFound("This commit has no playbook of that name.")
	}
	verdict, err := f.office.Judge(ctx, commit)
	if err != nil {
		return err
	}
	p := books[i]
	if wrong == nil {
		wrong = &run.RefusedError{}
	}
	inventory := playbook.NewInventory(fleet)
	v := formView{
		Title: p.Title(), Description: p.Description, Slug: p.Slug, Commit: commit.Hash, Accepted: verdict.Accepted,
		CommitWords: short(commit.Hash) + ", " + commit.Subject, CommitHref: home + "/commits/" + commit.Hash,
		Groups: inventory.Groups(), Servers: len(inventory.Hosts()), Hosts: inventory.Hosts(),
	}
	v.Hosts = v.Hosts[:min(len(v.Hosts), hostsOffered)]
	newer, err := f.waiting(r)
	if err != nil {
		return err
	}
	if newer != nil && newer.Hash != commit.Hash {
		v.Newer, v.NewerHref = newer.Words, newer.Href
	}
	field := func(name string) string {
		if wrong.Field == name {
			return wrong.Reason
		}
		return ""
	}
	v.Limit = ui.Field{Name: "limit", Label: "Servers", Value: in.Get("limit"), Mono: true, Error: field("limit"), Required: true,
		Hint: fmt.Sprintf("Servers and groups as in Ansible's --limit, such as app:&ring_staging or app-01,app-02. Write all for all %d.", v.Servers)}
	v.Reason = ui.Field{Name: "reason", Label: "Why", Value: in.Get("reason"), Error: field("reason"), Hint: "Those who read the record later were not there. A check needs no reason."}
	v.Tags = ui.Field{Name: "tags", Label: "Tags", Value: in.Get("tags"), Mono: true, Error: field("tags"), Hint: "Only tasks with one of these tags, separated by commas."}
	v.BreakGlass = ui.Field{Name: "break_glass", Label: "Break glass: run it though nobody accepted the commit", Value: in.Get("break_glass"), Error: field("break_glass"),
		Hint: "Say why it cannot wait. Whoever leads is paged, and the run is marked for ever."}
	for _, one := range p.Variables {
		v.Fields = append(v.Fields, fieldOf(one, in, wrong.Variables[one.Name]))
	}
	switch wrong.Field {
	case "limit", "reason", "tags", "break_glass":
	case "variables":
		if len(wrong.Variables) == 0 {
			v.Problem = wrong.Reason
		}
	default:
		v.Problem = wrong.Reason
	}
	return f.c.Render(w, r, console.View{
		Title: "Run " + p.Title(), Crumb: p.Title(), Status: status, Current: home,
		Crumbs: []ui.Link{{Text: "Runs", Href: home}, {Text: "New run", Href: home + "/new"}}, Body: formPage(v),
	})
}

// hostsOffered is how many servers stand beside the form.
const hostsOffered = 60

// variable is the name of the field of a variable.
const variable = "var."

func fieldOf(one playbook.Variable, in url.Values, mistake string) variableField {
	name := variable + one.Name
	v := variableField{Kind: one.Type, Field: ui.Field{
		Name: name, Label: one.Name, Hint: one.Description, Value: in.Get(name), Error: mistake, Required: one.Required && one.Default == nil,
	}}
	given := in.Has(name)
	if !given && one.Default != nil {
		switch d := one.Default.(type) {
		case []any:
			words := make([]string, len(d))
			for i, w := range d {
				words[i] = fmt.Sprint(w)
			}
			v.Value = strings.Join(words, ", ")
		default:
			v.Value = fmt.Sprint(d)
		}
	}
	switch one.Type {
	case "choice":
		none := "not set"
		if v.Required {
			none = "choose one"
		}
		if v.Value == "" {
			v.Options = append(v.Options, ui.Option{Label: none})
		}
		for _, c := range one.Choices {
			v.Options = append(v.Options, ui.Option{Value: c, Label: c})
		}
	case "boolean":
		v.Options = []ui.Option{{Value: "", Label: "not set"}, {Value: "true", Label: "yes"}, {Value: "false", Label: "no"}}
	case "integer":
		v.Type = "number"
	case "list":
		v.Hint = strings.TrimSpace(v.Hint + " Separate with commas.")
	}
	return v
}

// ask takes the form. One of its buttons only looks what would change.
func (f *face) ask(w http.ResponseWriter, r *http.Request) error {
	_ = r.PostFormValue("playbook") // reads the form
	q := run.Request{
		Playbook: r.PostForm.Get("playbook"), Commit: r.PostForm.Get("commit"), Limit: r.PostForm.Get("limit"), Check: r.PostForm.Get("check") != "",
		Reason: r.PostForm.Get("reason"), BreakGlass: r.PostForm.Get("break_glass"), Variables: map[string]any{},
	}
	for t := range strings.SplitSeq(r.PostForm.Get("tags"), ",") {
		if t = strings.TrimSpace(t); t != "" {
			q.Tags = append(q.Tags, t)
		}
	}
	for name, values := range r.PostForm {
		if name, ok := strings.CutPrefix(name, variable); ok && values[0] != "" {
			q.Variables[name] = values[0]
		}
	}
	asked, err := f.office.Ask(r.Context(), q)
	var refused *run.RefusedError
	if errors.As(err, &refused) {
		return f.form(w, r, http.StatusUnprocessableEntity, q.Commit, r.PostForm, refused)
	}
	if err != nil {
		return tell(err)
	}
	return console.SeeOther(w, r, home+"/"+asked.ID)
}

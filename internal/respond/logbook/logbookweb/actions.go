package logbookweb

import (
	"net/http"

	"github.com/a-h/templ"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/respond/logbook"
	"github.com/vigie-ops/vigie/internal/signal"
	"github.com/vigie-ops/vigie/internal/ui"
)

func (f *face) listActions(r *http.Request) templ.Component {
	if !console.Actor(r).Role.Allows(people.Responder) {
		return nil
	}
	return ui.LinkButton("Declare an issue", "/issues/new")
}

type declareView struct{ Title, Text, Severity, Problem string }

func (f *face) declareForm(w http.ResponseWriter, r *http.Request) error {
	return f.declarePage(w, r, http.StatusOK, declareView{Severity: string(signal.Warning)})
}

func (f *face) declarePage(w http.ResponseWriter, r *http.Request, status int, v declareView) error {
	return f.c.Render(w, r, console.View{
		Title: "Declare an issue", Status: status, Current: "/issues", Crumbs: []ui.Link{{Text: "Issues", Href: "/issues"}}, Body: declarePage(v),
	})
}

func (f *face) declare(w http.ResponseWriter, r *http.Request) error {
	v := declareView{Title: r.PostFormValue("title"), Text: r.PostFormValue("text"), Severity: r.PostFormValue("severity")}
	issue, err := f.desk.Declare(r.Context(), console.Actor(r).Slug, logbook.Declaration{
		Title: v.Title, Text: v.Text, Severity: signal.Severity(v.Severity),
	})
	if p, ok := tell(err).(*console.Problem); ok { //nolint:errorlint // tell made it just now
		v.Problem = p.Detail
		return f.declarePage(w, r, http.StatusUnprocessableEntity, v)
	}
	if err != nil {
		return err
	}
	return console.SeeOther(w, r, console.Said(path(issue), "declared"))
}

func path(i logbook.Issue) string { return "/issues/" + i.ID }

// act does one verb and leads back to the issue.
func act(w http.ResponseWriter, r *http.Request, said string, do func(actor, id string) error) error {
	id := r.PathValue("id")
	if err := do(console.Actor(r).Slug, id); err != nil {
		return tell(err)
	}
	return console.SeeOther(w, r, console.Said("/issues/"+id, said))
}

func (f *face) take(w http.ResponseWriter, r *http.Request) error {
	return act(w, r, "taken", func(_, id string) error {
		_, err := f.takeOver(r, id)
		return err
	})
}

// takeOver gives an issue to who asks. Who has the issue has its alerts: nobody
// else is asked about them.
func (f *face) takeOver(r *http.Request, id string) (logbook.Issue, error) {
	actor := console.Actor(r).Slug
	issue, err := f.desk.TakeOver(r.Context(), actor, id)
	if err != nil {
		return issue, err
	}
	return issue, f.Acknowledge(r.Context(), actor, issue.ID)
}

func (f *face) comment(w http.ResponseWriter, r *http.Request) error {
	return act(w, r, "saved", func(actor, id string) error {
		_, err := f.desk.Comment(r.Context(), actor, id, r.PostFormValue("text"))
		return err
	})
}

func (f *face) answer(w http.ResponseWriter, r *http.Request) error {
	return act(w, r, "saved", func(actor, id string) error {
		_, err := f.desk.Answer(r.Context(), actor, id, r.PostFormValue("key"), r.PostFormValue("text"))
		return err
	})
}

func (f *face) close(w http.ResponseWriter, r *http.Request) error {
	return act(w, r, "closed", func(actor, id string) error {
		_, err := f.desk.Close(r.Context(), actor, id, r.PostFormValue("reason"))
		return err
	})
}

func (f *face) reopen(w http.ResponseWriter, r *http.Request) error {
	return act(w, r, "reopened", func(actor, id string) error {
		_, err := f.desk.Reopen(r.Context(), actor, id, r.PostFormValue("reason"))
		return err
	})
}

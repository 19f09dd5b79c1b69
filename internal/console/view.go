package console

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/ui"
)

// NavEntry is a line of the navigation.
type NavEntry struct {
	Group string // "" for the first, "Fleet", "Observe", "Operate", "Hub"
	Text  string
	Href  string
	Role  people.Role // who sees it
	// Count returns what stands behind the text, and how it looks; nil for none.
	Count func(ctx context.Context) (string, ui.Kind)
}

// groups is the order of the navigation's groups.
var groups = []string{"", "Fleet", "Observe", "Operate", "Hub"}

// Nav adds lines to the navigation, in order.
func (c *Console) Nav(entries ...NavEntry) { c.nav = append(c.nav, entries...) }

// View is one page inside the frame.
type View struct {
	Title   string
	Crumbs  []ui.Link
	Crumb   string // the page's own crumb where the title is long
	Current string // Href of the navigation's line the page belongs to
	Actions templ.Component
	Body    templ.Component
	Flash   []ui.Message
	Status  int // 200 if zero
}

// Render writes a page inside the frame. Nothing is written when it fails.
func (c *Console) Render(w http.ResponseWriter, r *http.Request, v View) error {
	if v.Status == 0 {
		v.Status = http.StatusOK
	}
	return ui.Render(w, r, v.Status, framed(c.page(r, v), v.Body))
}

// rail answers the navigation alone, so that its counts stay live on every page
// without asking for the whole page again.
func (c *Console) rail(w http.ResponseWriter, r *http.Request) error {
	return c.Render(w, r, View{Title: "Navigation", Current: r.URL.Query().Get("at"), Body: templ.NopComponent})
}

func (c *Console) page(r *http.Request, v View) ui.Page {
	actor := Actor(r)
	p := ui.Page{
		Title:   v.Title,
		Crumbs:  v.Crumbs,
		Crumb:   v.Crumb,
		Nav:     c.navOf(r.Context(), actor),
		Current: v.Current,
		Actions: v.Actions,
		Live:    "/events?" + url.Values{"since": {moment(r, c.events)}}.Encode(),
		Find:    "/find",
		Rail:    "/rail?" + url.Values{"at": {v.Current}}.Encode(),
		Flash:   append(flashOf(r), v.Flash...),
		Account: ui.Account{Name: actor.Name, Note: string(actor.Role), SignOut: "/sign-out"},
	}
	if c.o.Stale != nil {
		p.Stale = c.o.Stale(r.Context())
	}
	return p
}

type momentKey struct{}

// withMoment keeps with a request when it began to be answered.
func withMoment(ctx context.Context, e *Events) context.Context {
	return context.WithValue(ctx, momentKey{}, e.Now())
}

func moment(r *http.Request, e *Events) string {
	if at, ok := r.Context().Value(momentKey{}).(string); ok {
		return at
	}
	return e.Now()
}

func (c *Console) navOf(ctx context.Context, actor people.Actor) []ui.NavGroup {
	var out []ui.NavGroup
	for _, g := range groups {
		group := ui.NavGroup{Title: g}
		for _, e := range c.nav {
			if e.Group != g || !actor.Role.Allows(e.Role) {
				continue
			}
			item := ui.NavItem{Text: e.Text, Href: e.Href}
			if e.Count != nil {
				item.Count, item.Kind = e.Count(ctx)
			}
			group.Items = append(group.Items, item)
		}
		if len(group.Items) > 0 {
			out = append(out, group)
		}
	}
	return out
}

// said are the sentences that a page may show after a form was sent. The
// address names one by its key, so that no link can put words into the
// console's mouth.
var said = map[string]ui.Message{
	"acknowledged": {Kind: ui.OK, Text: "Acknowledged. It is yours now; others see it."},
	"released":     {Kind: ui.Info, Text: "Given back: nobody has it now."},
	"silenced":     {Kind: ui.OK, Text: "The silence is in force."},
	"expired":      {Kind: ui.OK, Text: "The silence has ended."},
	"reviewed":     {Kind: ui.OK, Text: "Reviewed. Thank you."},
	"saved":        {Kind: ui.OK, Text: "Saved."},
	"closed":       {Kind: ui.OK, Text: "The issue is closed."},
	"reopened":     {Kind: ui.OK, Text: "The issue is open again."},
	"taken":        {Kind: ui.OK, Text: "It is yours. The others see that you have it."},
	"declared":     {Kind: ui.OK, Text: "The issue is open."},
	"checked":      {Kind: ui.Info, Text: "The operations repository is being read again."},
	"sent":         {Kind: ui.Info, Text: "On its way."},
	"canceling":    {Kind: ui.Info, Text: "It is being stopped."},
	"approved":     {Kind: ui.OK, Text: "Approved. It starts when its servers are free."},
	"rejected":     {Kind: ui.OK, Text: "Rejected. Whoever asked reads why."},
	"accepted":     {Kind: ui.OK, Text: "Accepted. Its playbooks may run now."},
	"host key":     {Kind: ui.OK, Text: "Accepted. Runs know the server by these keys from now on."},
	"looking":      {Kind: ui.Info, Text: "The checks were asked for. What they find appears here as they end."},
	"ignored":      {Kind: ui.OK, Text: "Ignored. It does not count any more."},
	"unignored":    {Kind: ui.OK, Text: "Taken back. It counts again."},
	"revoked":      {Kind: ui.OK, Text: "Revoked."},
}

// Said returns path with the key of the sentence to show there.
func Said(path, key string) string {
	if _, ok := said[key]; !ok {
		panic("console: no sentence " + key)
	}
	if strings.Contains(path, "?") {
		return path + "&said=" + key
	}
	return path + "?said=" + key
}

func flashOf(r *http.Request) []ui.Message {
	if m, ok := said[r.URL.Query().Get("said")]; ok {
		return []ui.Message{m}
	}
	return nil
}

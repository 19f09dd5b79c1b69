package probeweb

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/observe/probe"
	"github.com/vigie-ops/vigie/internal/signal"
	"github.com/vigie-ops/vigie/internal/ui"
)

// everything is the subject that stands for all probes.
var everything signal.Subject

// perPage keeps the list quick, however many probes there are.
const perPage = 100

// filter is what the address asks of the list.
type filter struct{ text, state, kind string }

func filterOf(q url.Values) filter {
	return filter{text: strings.ToLower(strings.TrimSpace(q.Get("q"))), state: q.Get("state"), kind: q.Get("kind")}
}

// wrong stands in the filter for every state that is not good.
const wrong = "wrong"

func (f filter) takes(s probe.Status) bool {
	switch {
	case f.kind != "" && s.Kind != f.kind,
		f.state == wrong && (s.State == probe.Up || s.State == probe.Unknown),
		f.state != "" && f.state != wrong && string(s.State) != f.state:
		return false
	case f.text == "":
		return true
	}
	return slices.ContainsFunc([]string{s.Probe, s.Name, s.Subject.Slug, s.Target.URL, s.Target.Address}, func(w string) bool {
		return strings.Contains(strings.ToLower(w), f.text)
	})
}

func (f filter) selects() []ui.Field {
	return []ui.Field{
		{Name: "state", Label: "State", Value: f.state, Options: []ui.Option{
			{Value: "", Label: "any state"}, {Value: wrong, Label: "not well"}, {Value: string(probe.Down), Label: "down"},
			{Value: string(probe.Up), Label: "well"}, {Value: string(probe.Unknown), Label: "nobody looked"},
		}},
		{Name: "kind", Label: "Kind", Value: f.kind, Options: []ui.Option{
			{Value: "", Label: "any kind"}, {Value: "http", Label: "page"}, {Value: "tcp", Label: "port"}, {Value: "icmp", Label: "ping"},
			{Value: "dns", Label: "name"}, {Value: probe.KindHeartbeat, Label: "heartbeat"},
		}},
	}
}

// listPage is what the list shows.
type listPage struct {
	path, text string
	selects    []ui.Field
	note       string
	rows       []probeRow
	pages      ui.Pages
	asked      bool
}

func (f *Face) list(c *console.Console) console.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		asked := filterOf(r.URL.Query())
		all := f.o.Probes.Status(everything)
		kept := slices.DeleteFunc(slices.Clone(all), func(s probe.Status) bool { return !asked.takes(s) })
		slices.SortStableFunc(kept, worstFirst)
		from, to, pages := cut(len(kept), r.URL)
		now := f.o.Now()
		v := listPage{
			path: r.URL.RequestURI(), text: r.URL.Query().Get("q"), selects: asked.selects(),
			note:  ui.Count(len(all), "probe", "probes") + ", of pages, ports, names and heartbeats",
			rows:  f.rows(r.Context(), kept[from:to], ui.Range{From: now.Add(-4 * time.Hour), To: now}),
			pages: pages, asked: asked != filter{},
		}
		return c.Render(w, r, console.View{Title: "Probes", Current: "/probes", Body: listBody(v)})
	}
}

// cut finds the page of the list that the address asks for.
func cut(n int, u *url.URL) (from, to int, p ui.Pages) {
	last := max(1, (n+perPage-1)/perPage)
	page, _ := strconv.Atoi(u.Query().Get("page")) // what is no number asks for the first
	page = min(max(page, 1), last)
	if last > 1 {
		p.Text = fmt.Sprintf("Page %d of %d, %s", page, last, ui.Count(n, "probe", "probes"))
	}
	at := func(page int) string {
		q := u.Query()
		q.Set("page", strconv.Itoa(page))
		return u.Path + "?" + q.Encode()
	}
	if page > 1 {
		p.Newer = at(page - 1)
	}
	if page < last {
		p.Older = at(page + 1)
	}
	return (page - 1) * perPage, min(page*perPage, n), p
}

// nameOf finds the name that a page of one probe bears.
func nameOf(s probe.Status) string { return cmp.Or(s.Name, s.Probe) }

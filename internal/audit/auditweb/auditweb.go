// Package auditweb shows who did what, when and why.
package auditweb

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/audit"
	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/ui"
)

const home = "/audit"

// Trail is the audit trail.
type Trail interface {
	List(ctx context.Context, f audit.Filter, cursor string) (audit.Page, error)
	Verify(ctx context.Context) (audit.Report, error)
}

// Options are what the pages show.
type Options struct {
	Trail Trail
	Name  func(person string) string
	Now   func() time.Time
}

type face struct {
	c *console.Console
	o Options
}

// Register adds the pages and interfaces. They are for admins: reasons and
// details may name people and what they wrote.
func Register(c *console.Console, o Options) {
	f := &face{c: c, o: o}
	c.Nav(console.NavEntry{Group: "Hub", Text: "Audit", Href: home, Role: people.Admin})
	c.Page("GET "+home, people.Admin, f.list)
	c.Action("POST "+home+"/verify", people.Admin, f.verify)
	c.API("GET "+console.APIPrefix+"/audit", people.Admin, f.apiList, console.Doc{
		Summary: "Who did what, the newest first", Answer: console.Items[item]{}, Query: console.Paged(
			console.Any("actor", ""), console.Any("verb", "one, such as issue.close, or all of a kind, such as issue."), console.Any("object", "kind:id"),
			console.Any("from", "a time"), console.Any("to", "a time")),
	})
	c.API("GET "+console.APIPrefix+"/audit/verification", people.Admin, f.apiVerify, console.Doc{Summary: "Whether the trail is as it was written", Answer: verification{}})
}

// row is an entry as the page shows it.
type row struct {
	At             time.Time
	Who, Via       string
	Verb, VerbHref string
	Object, Href   string
	Reason         string
	Details        []ui.Pair
	Erased         bool
}

type listView struct {
	Path                 string
	Query                url.Values
	Rows                 []row
	Pages                ui.Pages
	Filtered             bool
	Whole, Broken        string // what a verification found
	Actor, Verb, Subject string
}

// filterOf reads the filter of an address.
func filterOf(q url.Values) (audit.Filter, error) {
	f := audit.Filter{Actor: strings.TrimSpace(q.Get("actor")), Verb: strings.TrimSpace(q.Get("verb")), Object: strings.TrimSpace(q.Get("object"))}
	for name, at := range map[string]*time.Time{"from": &f.From, "to": &f.To} {
		v := q.Get(name)
		if v == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339, v)
		if err != nil {
			return f, &console.Problem{Status: http.StatusBadRequest, Title: "Bad " + name, Detail: name + " is a time such as 2026-11-25T10:00:00Z."}
		}
		*at = t
	}
	return f, nil
}

// cursorOf reads the cursor of a list.
func cursorOf(q url.Values) (string, error) {
	c := q.Get("cursor")
	if n, err := strconv.ParseInt(c, 10, 64); c != "" && (err != nil || n < 1) {
		return "", &console.Problem{Status: http.StatusBadRequest, Title: "Bad cursor", Detail: "cursor is what the page before gave as next, or left out."}
	}
	return c, nil
}

func (f *face) list(w http.ResponseWriter, r *http.Request) error {
	return f.page(w, r, listView{})
}

func (f *face) page(w http.ResponseWriter, r *http.Request, v listView) error {
	q := r.URL.Query()
	filter, err := filterOf(q)
	if err != nil {
		return err
	}
	cursor, err := cursorOf(q)
	if err != nil {
		return err
	}
	page, err := f.o.Trail.List(r.Context(), filter, cursor)
	if err != nil {
		return err
	}
	v.Path, v.Query, v.Filtered = r.URL.RequestURI(), q, filter != audit.Filter{}
	v.Actor, v.Verb, v.Subject = filter.Actor, filter.Verb, filter.Object
	for _, e := range page.Items {
		v.Rows = append(v.Rows, f.row(e))
	}
	with := func(pairs ...string) string {
		return console.Address(home, q, []string{"actor", "verb", "object", "from", "to", "cursor"}, pairs...)
	}
	if page.Next != "" {
		v.Pages.Older = with("cursor", page.Next)
	}
	if cursor != "" {
		v.Pages.Newer = with("cursor", "")
	}
	return f.c.Render(w, r, console.View{Title: "Audit", Current: home, Body: listPage(v)})
}

// verify walks the whole trail and says what it found.
func (f *face) verify(w http.ResponseWriter, r *http.Request) error {
	report, err := f.o.Trail.Verify(r.Context())
	if err != nil {
		return err
	}
	var v listView
	if b := report.Broken; b != nil {
		v.Broken = brokenWords(*b)
	} else {
		v.Whole = fmt.Sprintf("All %s are as they were written. The last one's hash is %s; kept elsewhere, it shows whether somebody wrote the whole trail anew.",
			ui.Count(int(report.Entries), "entry", "entries"), report.Head)
	}
	return f.page(w, r, v)
}

func brokenWords(b audit.Break) string {
	if b.Seq == 0 {
		return "The trail was changed: " + b.What + "."
	}
	return fmt.Sprintf("The trail was changed at entry %d: %s.", b.Seq, b.What)
}

func (f *face) row(e audit.Recorded) row {
	out := row{At: e.At, Who: f.o.Name(e.Actor), Via: via[e.Via], Verb: e.Verb, Object: e.Object, Reason: e.Reason, Erased: e.Erased, Href: hrefOf(e.Object)}
	if e.Actor == audit.System {
		out.Who, out.Via = "the hub", ""
	}
	out.VerbHref = home + "?" + url.Values{"verb": {e.Verb}}.Encode()
	for _, k := range slices.Sorted(maps.Keys(e.Details)) {
		out.Details = append(out.Details, ui.Pair{Name: k, Value: shown(e.Details[k])})
	}
	return out
}

// via says how somebody was known, where it was not by a session.
var via = map[string]string{people.ViaToken: "by a token", people.ViaLink: "by a link", "certificate": "by a certificate", "command": "by a command on the hub's machine"}

// shown is a detail in few characters.
func shown(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

// pages of the kinds of object that have one.
var pages = map[string]string{
	"server": "/servers/", "instance": "/instances/", "client": "/clients/", "alert": "/alerts/", "issue": "/issues/", "run": "/runs/",
	"commit": "/runs/commits/", "chain": "/chains/", "probe": "/probes/",
}

func hrefOf(object string) string {
	kind, id, _ := strings.Cut(object, ":")
	if pages[kind] == "" || id == "" {
		return ""
	}
	return pages[kind] + url.PathEscape(id)
}

// item is an entry in the API.
type item struct {
	Seq     int64          `json:"seq"`
	ID      string         `json:"id"`
	At      time.Time      `json:"at"`
	Actor   string         `json:"actor"`
	Via     string         `json:"via"`
	Verb    string         `json:"verb"`
	Object  string         `json:"object"`
	Reason  string         `json:"reason"`
	Details map[string]any `json:"details"`
	Erased  bool           `json:"erased"` // reason and details were erased
}

func (f *face) apiList(w http.ResponseWriter, r *http.Request) error {
	_, limit, err := console.PageOf(r)
	if err != nil {
		return err
	}
	filter, err := filterOf(r.URL.Query())
	if err != nil {
		return err
	}
	cursor, err := cursorOf(r.URL.Query())
	if err != nil {
		return err
	}
	filter.Limit = limit
	page, err := f.o.Trail.List(r.Context(), filter, cursor)
	if err != nil {
		return err
	}
	items := make([]item, len(page.Items))
	for i, e := range page.Items {
		items[i] = item{Seq: e.Seq, ID: e.ID, At: e.At, Actor: e.Actor, Via: e.Via, Verb: e.Verb, Object: e.Object, Reason: e.Reason, Details: e.Details, Erased: e.Erased}
		if e.Details == nil {
			items[i].Details = map[string]any{}
		}
	}
	return console.WriteItems(w, items, page.Next)
}

// verification is what a walk over the trail found.
type verification struct {
	Entries int64  `json:"entries"`
	Head    string `json:"head"` // hash of the last entry
	Whole   bool   `json:"whole"`
	Broken  string `json:"broken"` // where it was changed, and how
}

func (f *face) apiVerify(w http.ResponseWriter, r *http.Request) error {
	report, err := f.o.Trail.Verify(r.Context())
	if err != nil {
		return err
	}
	v := verification{Entries: report.Entries, Head: report.Head, Whole: report.Broken == nil}
	if report.Broken != nil {
		v.Broken = brokenWords(*report.Broken)
	}
	return console.WriteJSON(w, v)
}

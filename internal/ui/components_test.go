package ui_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/vigie-ops/vigie/internal/ui"
)

var update = flag.Bool("update", false, "write the golden files anew")

func render(t *testing.T, c templ.Component) string {
	t.Helper()
	ctx := ui.WithCSRF(ui.WithNow(t.Context(), noon), "token")
	var b strings.Builder
	if err := c.Render(ctx, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestMarkupOfComponents(t *testing.T) {
	for name, c := range map[string]templ.Component{
		"state":   ui.State(ui.Bad, "down"),
		"unknown": ui.State("purple", "a kind of a newer version"),
		"button":  ui.Button(ui.Action{Label: "Delete", Look: ui.LookDanger, Name: "act", Value: "delete"}),
		"link":    ui.LinkButton("Logs", "/logs"),
		"time":    ui.Time(noon.Add(-3 * time.Minute)),
		"never":   ui.Time(time.Time{}),
		"field":   ui.TextField(ui.Field{Name: "mail", Label: "E-mail", Type: "email", Error: "An address has an @.", Hint: "Of your work.", Required: true}),
		"select":  ui.SelectField(ui.Field{Name: "role", Label: "Role", Value: "b", Options: []ui.Option{{Value: "a", Label: "A"}, {Value: "b", Label: "B"}}}),
		"confirm": ui.Confirm(ui.Confirmation{Label: "Close…", Title: "Close issue 212", What: "It can be opened again.", Action: "/close", Submit: "Close", Hidden: []ui.Pair{{Name: "id", Value: "212"}}}),
		"event":   ui.Event(ui.Moment{Kind: ui.OK, At: noon, Text: "Drill passed", Note: "in 6 min"}),
		"diff":    ui.Diff("--- a\n+++ b\n@@ -1 +1 @@\n-old\n+new\n same\n"),
		"live":    ui.Live("board", "", "alerts", "issues"),
	} {
		t.Run(name, func(t *testing.T) {
			got := render(t, c) + "\n"
			file := filepath.Join("testdata", name+".html")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("markup differs; run go test -update if it is meant (-want +got):\n%s", diff)
			}
		})
	}
}

// everything is every component that takes text, filled with s.
func everything(s string) []templ.Component {
	f := ui.Field{Name: s, Label: s, Hint: s, Error: s, Value: s, Placeholder: s, Type: s, Autocomplete: s, Options: []ui.Option{{Value: s, Label: s}}}
	return []templ.Component{
		ui.Shell(ui.Page{Title: s, Crumbs: []ui.Link{{Text: s, Href: s}}, Current: s, Search: s, Live: s, Stale: s,
			Nav:     []ui.NavGroup{{Title: s, Items: []ui.NavItem{{Text: s, Href: s, Count: s, Kind: ui.Kind(s)}}}},
			Account: ui.Account{Name: s, Note: s, SignOut: s}, Flash: []ui.Message{{Kind: ui.Kind(s), Text: s}}}),
		ui.Plain(ui.PlainPage{Title: s, Note: s}),
		ui.Head(ui.Heading{Title: s, Kind: ui.Kind(s), State: s, Tags: []ui.Link{{Text: s, Href: s}}, Note: s}),
		ui.Grid(s), ui.Live(s, s, s), ui.PanelWith(ui.PanelOptions{ID: s, Title: s, Note: s}),
		ui.Figure(ui.Number{Label: s, Value: s, Of: s, Kind: ui.Kind(s), Text: s, Href: s}),
		ui.Tag(s), ui.TagLink(s, s), ui.Person(s), ui.Note(s), ui.Mono(s), ui.Faint(s),
		ui.Button(ui.Action{Label: s, Href: s, Title: s, Look: ui.Look(s)}), ui.Button(ui.Action{Label: s, Name: s, Value: s, Title: s}),
		ui.PostButton(ui.Post{Label: s, Action: s, Hidden: []ui.Pair{{Name: s, Value: s}}}),
		ui.Confirm(ui.Confirmation{Label: s, Title: s, What: s, Action: s, Submit: s}),
		ui.Empty(s, s, s), ui.Broken(s, s, s), ui.Stale(s),
		ui.Table(ui.TableHead{Caption: s, Filter: true, Columns: []ui.Column{{Text: s}}}), ui.Two(s, s, s),
		ui.Event(ui.Moment{Kind: ui.Kind(s), At: noon, Text: s, Note: s, Link: ui.Link{Text: s, Href: s}}),
		ui.TextField(f), ui.TextArea(f), ui.SelectField(f), ui.CheckboxField(f), ui.PasswordField(f), ui.Form(s), ui.GetForm(s),
		ui.Tabs(s, []ui.Tab{{Text: s, Href: s, Count: s}}), ui.Pager(ui.Pages{Newer: s, Older: s, Text: s}),
		ui.Facts([]ui.Fact{{Name: s, Value: s, Href: s}, {Name: s, Value: s}}), ui.Code(s), ui.Diff(s), ui.Markdown(s),
		ui.Spark(s, []float64{1, 2}), ui.Strip(s, []ui.Day{{Kind: ui.Kind(s), Words: s}}),
	}
}

func FuzzHostileTextStaysText(f *testing.F) {
	f.Add(`"><script>hostile()</script>`)
	f.Add(`' onmouseover=hostile() x='`)
	f.Add("javascript:hostile()")
	f.Add("[x](javascript:hostile()) <img src=x onerror=hostile()> <svg/onload=hostile()>")
	f.Add("</title></textarea></select></code><style>*{}</style>")
	f.Add("\x00\xff\ufffe")
	f.Fuzz(func(t *testing.T, s string) {
		for _, c := range everything(s) {
			var b strings.Builder
			if err := c.Render(context.Background(), &b); err != nil {
				t.Fatal(err)
			}
			root, err := html.Parse(strings.NewReader(b.String()))
			if err != nil {
				t.Fatal(err)
			}
			for n := range root.Descendants() {
				harmless(t, n)
			}
		}
	})
}

// harmless fails on anything that runs or styles and is not one of our files.
func harmless(t *testing.T, n *html.Node) {
	t.Helper()
	if n.Type != html.ElementNode {
		return
	}
	src := ""
	for _, a := range n.Attr {
		value := strings.ToLower(strings.TrimSpace(a.Val))
		if a.Key == "src" {
			src = a.Val
		}
		link := a.Key == "href" || a.Key == "src" || a.Key == "action"
		if a.Key == "style" || strings.HasPrefix(a.Key, "on") || link && strings.HasPrefix(value, "javascript:") {
			t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
		}
	}
	switch n.Data {
	case "script":
		if !strings.HasPrefix(src, "/assets/") || n.FirstChild != nil {
			t.Errorf("a script that is not ours: %q", src)
		}
	case "style", "iframe", "object", "embed", "base":
		t.Errorf("<%s> made of text", n.Data)
	}
}

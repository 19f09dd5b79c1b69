package opsrepoweb

import (
	"context"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/ui"
)

// filePage is one file of the generation that runs.
type filePage struct {
	heading ui.Heading
	path    string
	lines   []string
	binary  bool
}

func (f *face) file(c *console.Console) console.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		s := f.o.Repository.Status()
		found, ok := fileOf(s.Current, r.PathValue("path"))
		if !ok {
			return console.NotFound("The commit that runs has no file of this name. What lies under playbooks/ is read by Ansible alone.")
		}
		v := filePage{path: found.Path, binary: !printable(found.Content)}
		v.heading = ui.Heading{Title: path.Base(found.Path), Note: "commit " + short(s.Current.Commit)}
		for _, name := range found.Sections {
			v.heading.Tags = append(v.heading.Tags, ui.Link{Text: name})
		}
		if !v.binary {
			v.lines = strings.Split(strings.TrimSuffix(string(found.Content), "\n"), "\n")
		}
		return c.Render(w, r, console.View{
			Title: path.Base(found.Path), Crumbs: []ui.Link{{Text: "Operations repository", Href: home}}, Current: home, Body: fileBody(v),
		})
	}
}

func fileOf(g *opsrepo.Generation, name string) (opsrepo.File, bool) {
	if g == nil {
		return opsrepo.File{}, false
	}
	for _, file := range g.Files {
		if file.Path == name {
			return file, true
		}
	}
	return opsrepo.File{}, false
}

// numbered writes lines with their numbers, each of which is the target of a
// link.
func numbered(lines []string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		width := len(strconv.Itoa(len(lines)))
		var b strings.Builder
		b.WriteString(`<pre class="code source" tabindex="0"><code>`)
		for i, line := range lines {
			n := strconv.Itoa(i + 1)
			b.WriteString(`<span class="line" id="L` + n + `"><a class="faint" href="#L` + n + `">` + strings.Repeat(" ", width-len(n)) + n + `</a>  `)
			b.WriteString(templ.EscapeString(strings.TrimRight(line, "\r")))
			b.WriteString("\n</span>")
		}
		b.WriteString(`</code></pre>`)
		_, err := io.WriteString(w, b.String())
		return err
	})
}

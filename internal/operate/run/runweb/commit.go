package runweb

import (
	"errors"
	"net/http"
	"strings"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/ui"
)

// diffShown bounds the differences on one page; a file that does not fit is
// shown on one of its own.
const diffShown = 200 << 10

type commitView struct {
	Hash, Path string
	Heading    ui.Heading
	Facts      []ui.Fact
	Accepted   bool
	Cannot     string
	First      bool
	Since      string
	Files      []fileDiff
	Only       string // the one file that is shown
	Cut        bool
	Lint       string
	LintHref   string
	LintKind   ui.Kind
}

// fileDiff is what changed in one file.
type fileDiff struct {
	Name           string
	Added, Removed int
	Text           string // empty where it is shown on a page of its own
	Href           string
}

func (f *face) commit(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	commit, err := f.office.Commit(ctx, r.PathValue("hash"))
	if err != nil {
		return tell(err)
	}
	verdict, err := f.office.Judge(ctx, commit)
	if err != nil {
		return err
	}
	if verdict, err = f.office.Before(ctx, verdict); err != nil {
		return err
	}
	v := commitView{Hash: commit.Hash, Path: home + "/commits/" + commit.Hash, Accepted: verdict.Accepted, First: verdict.First, Only: r.URL.Query().Get("file")}
	v.Heading = ui.Heading{Title: commit.Subject, Kind: ui.Warn, State: "nobody accepted it yet", Note: "commit " + short(commit.Hash)}
	if v.Accepted {
		v.Heading.Kind, v.Heading.State = ui.OK, "accepted"
		if verdict.Review.Method == run.ByPerson {
			v.Heading.State = "accepted by " + f.name(verdict.Review.Who)
		}
	} else if v.Cannot, err = f.office.MayAccept(ctx, verdict); err != nil {
		return err
	}
	if verdict.Base.Hash != "" && verdict.Base.Hash != commit.Hash {
		v.Since = short(verdict.Base.Hash) + ", " + verdict.Base.Subject
	}
	v.Facts = f.commitFacts(verdict)
	lint, err := f.office.LintOf(ctx, commit.Hash)
	switch {
	case err == nil:
		v.Lint, v.LintHref, v.LintKind = stateWord(lint.State), home+"/"+lint.ID, stateKind(lint.State)
		if lint.State == run.Failed {
			v.Lint = "found something"
		}
	case !errors.Is(err, run.ErrNotFound):
		return err
	}
	difference, err := f.office.Difference(ctx, verdict)
	if err != nil {
		return err
	}
	v.Files, v.Cut = filesOf(difference.Text, v.Path, v.Only), difference.Cut
	return f.c.Render(w, r, console.View{
		Title: commit.Subject, Crumb: short(commit.Hash), Current: home, Crumbs: []ui.Link{{Text: "Runs", Href: home}}, Body: commitPage(v),
	})
}

func (f *face) commitFacts(v run.Verdict) []ui.Fact {
	out := []ui.Fact{{Name: "Commit", Value: v.Commit.Hash, Mono: true}, {Name: "Author", Value: v.Commit.Author}, {Name: "Committed", Body: ui.Time(v.Commit.At)}}
	if !v.Accepted {
		return out
	}
	words := v.Review.Words()
	if v.Review.Method == run.ByPerson {
		words = "accepted by " + f.name(v.Review.Who)
	}
	out = append(out, ui.Fact{Name: "May run because", Value: words}, ui.Fact{Name: "Since", Body: ui.Time(v.Review.At)})
	if v.Review.Note != "" {
		out = append(out, ui.Fact{Name: "Their words", Value: v.Review.Note})
	}
	return out
}

func (f *face) accept(w http.ResponseWriter, r *http.Request) error {
	if _, err := f.office.Accept(r.Context(), r.PathValue("hash"), r.PostFormValue("note")); err != nil {
		return tell(err)
	}
	return console.SeeOther(w, r, console.Said(home+"/commits/"+r.PathValue("hash"), "accepted"))
}

// filesOf takes a difference of git's apart by files. Only as much of it is
// shown as a page bears; the rest has addresses of its own.
func filesOf(text, path, only string) []fileDiff {
	var out []fileDiff
	shown := 0
	for _, part := range splitFiles(text) {
		one := fileDiff{Name: fileName(part), Href: console.Address(path, map[string][]string{"file": {fileName(part)}}, []string{"file"})}
		body := withoutHead(strings.TrimSuffix(part, "\n"))
		for line := range strings.SplitSeq(body, "\n") {
			switch {
			case strings.HasPrefix(line, "+"):
				one.Added++
			case strings.HasPrefix(line, "-"):
				one.Removed++
			}
		}
		if only != "" && one.Name != only {
			out = append(out, one)
			continue
		}
		if shown+len(part) <= diffShown || only != "" {
			one.Text = body
			shown += len(part)
		}
		out = append(out, one)
	}
	return out
}

// withoutHead leaves out what git says before the lines and the heading of the
// file says already; that it was renamed or made executable stays.
func withoutHead(part string) string {
	var kept []string
	inside := false
	for line := range strings.SplitSeq(part, "\n") {
		inside = inside || strings.HasPrefix(line, "@@")
		head := strings.HasPrefix(line, "diff --git ") || strings.HasPrefix(line, "index ") || strings.HasPrefix(line, "--- ") || strings.HasPrefix(line, "+++ ")
		if inside || !head {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}

func splitFiles(text string) []string {
	var out []string
	const mark = "diff --git "
	for text != "" {
		end := strings.Index(text[1:], "\n"+mark)
		if end < 0 {
			return append(out, text)
		}
		out = append(out, text[:end+2])
		text = text[end+2:]
	}
	return out
}

// fileName is the file that a part of a difference is about: where it lies
// afterwards, or lay before if it is gone.
func fileName(part string) string {
	name := ""
	for line := range strings.SplitSeq(part, "\n") {
		switch {
		case strings.HasPrefix(line, "@@"):
			return name
		case strings.HasPrefix(line, "+++ b/"):
			return strings.TrimSuffix(line[len("+++ b/"):], "\t")
		case strings.HasPrefix(line, "--- a/"):
			name = strings.TrimSuffix(line[len("--- a/"):], "\t")
		case strings.HasPrefix(line, "rename to "):
			name = line[len("rename to "):]
		case strings.HasPrefix(line, "diff --git ") && name == "":
			if i := strings.LastIndex(line, " b/"); i >= 0 {
				name = line[i+len(" b/"):]
			}
		}
	}
	return name
}

type hostView struct {
	Server   string
	Path     string
	Known    []string // fingerprints
	Offered  []string
	Declared bool
	MayAct   bool
}

func (f *face) host(w http.ResponseWriter, r *http.Request) error {
	server := r.PathValue("server")
	keys, err := f.office.HostKeysOf(r.Context(), server)
	if err != nil {
		return tell(err)
	}
	v := hostView{
		Server: server, Path: home + "/hosts/" + server, Known: run.Fingerprints(keys.Known), Offered: run.Fingerprints(keys.Offered), Declared: keys.Declared,
		MayAct: console.Actor(r).Role.Allows(people.Operator),
	}
	return f.c.Render(w, r, console.View{
		Title: "Host keys of " + server, Current: home, Crumbs: []ui.Link{{Text: "Runs", Href: home}, {Text: server, Href: "/servers/" + server}}, Crumb: "Host keys",
		Body: hostPage(v),
	})
}

func (f *face) acceptHost(w http.ResponseWriter, r *http.Request) error {
	server := r.PathValue("server")
	if err := f.office.AcceptHostKeys(r.Context(), server, console.Actor(r).Slug, r.PostFormValue("reason")); err != nil {
		return tell(err)
	}
	return console.SeeOther(w, r, console.Said(home+"/hosts/"+server, "host key"))
}

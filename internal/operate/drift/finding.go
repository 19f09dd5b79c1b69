package drift

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vigie-ops/vigie/internal/operate/playbook"
	"github.com/vigie-ops/vigie/internal/operate/run"
)

// Finding is one task of a playbook that would change something on a server.
type Finding struct {
	ID        string
	Server    string
	Playbook  string // slug
	Ident     string // of the task, the same over runs and servers
	Task      string
	Action    string
	Path      string // of the task in the repository, with its line
	Run       string // id of the last run that found it
	FirstSeen time.Time
	LastSeen  time.Time
	GoneAt    time.Time // zero while it is there
	GoneWhy   GoneWhy
	GoneRun   string // id of the run that it is gone with, if one did
	Diff      string
	Ignore    *Ignore // by which it is ignored, if it is
}

// GoneWhy says why a finding is gone.
type GoneWhy string

// The reasons.
const (
	Unseen GoneWhy = "not found any more" // a check looked and would change nothing there
	Mended GoneWhy = "mended by a run"
	Left   GoneWhy = "no longer looked at" // the server or the playbook is out of the look
)

// Ignore is what a person said of a task: that it does not matter on a server,
// or on any.
type Ignore struct {
	ID       string
	Server   string // empty for all
	Playbook string
	Ident    string
	Task     string
	Reason   string
	Who      string
	At       time.Time
	Until    time.Time // zero until it is taken back
}

// match returns the ignore that hides a finding, one for its server before one
// for all.
func match(all []Ignore, f Finding) *Ignore {
	var found *Ignore
	for i, ig := range all {
		if ig.Playbook != f.Playbook || ig.Ident != f.Ident {
			continue
		}
		if ig.Server == f.Server {
			return &all[i]
		}
		if ig.Server == "" && found == nil {
			found = &all[i]
		}
	}
	return found
}

// found is what one check says of one task on one server.
type found struct {
	ident, task, action, path, diff string
}

// maxDiff bounds what of a difference is kept with a finding; the run has all
// that Ansible said.
const maxDiff = 16 << 10

// identOf names a task over runs and servers. The line is left out: text that
// is added above a task does not make it another.
func identOf(t run.Task) string {
	file, _ := fileOf(t.Path)
	sum := sha256.Sum256([]byte(t.Name + "\x00" + t.Action + "\x00" + file))
	return hex.EncodeToString(sum[:12])
}

// fileOf is the file of a task in the repository, and its line.
func fileOf(path string) (file, line string) {
	if _, inside, ok := strings.Cut(path, "/content/"); ok {
		path = inside
	}
	if i := strings.LastIndexByte(path, ':'); i >= 0 {
		return path[:i], path[i:]
	}
	return path, ""
}

// collect puts what results would change together by server. Tasks that cannot
// be told apart, as those of a file that is included twice, are one.
func collect(into map[string][]found, tasks []run.Task, results []run.Result) {
	for _, r := range results {
		if !r.Changed || r.Task < 1 || r.Task > len(tasks) {
			continue
		}
		t := tasks[r.Task-1]
		file, line := fileOf(t.Path)
		f := found{ident: identOf(t), task: t.Name, action: t.Action, path: file + line, diff: r.Diff}
		if strings.TrimSpace(f.diff) == "" {
			f.diff = r.Message
		}
		f.diff = cut(f.diff)
		i := slices.IndexFunc(into[r.Host], func(o found) bool { return o.ident == f.ident })
		if i < 0 {
			into[r.Host] = append(into[r.Host], f)
			continue
		}
		same := &into[r.Host][i]
		same.diff = cut(strings.TrimRight(same.diff, "\n") + "\n" + f.diff)
	}
}

// cut bounds a difference.
func cut(s string) string {
	if len(s) <= maxDiff {
		return s
	}
	n := maxDiff
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// lesson is what a run that ended says about drift.
type lesson struct {
	set     []string // servers whose findings are what the check found
	clear   []string // servers that have none left
	looked  []string // servers that the playbook was checked on
	reached func(ident string) bool
	why     GoneWhy
}

// learn says what a run means for the findings of its playbook, if anything. A
// server counts where the playbook was done to its end: after a cancel or a
// crash nobody knows how far it was.
func learn(r run.Run, p playbook.Playbook, hosts []run.Host, tasks []run.Task) (lesson, bool) {
	if len(r.Tags) > 0 || r.BreakGlass != "" || r.State != run.Succeeded && r.State != run.Failed {
		return lesson{}, false
	}
	l := lesson{why: Mended, reached: func(string) bool { return true }}
	if r.State == run.Failed {
		// It may have ended early for all because of one: of a task that it did
		// not come to, it says nothing.
		began := map[string]bool{}
		for _, t := range tasks {
			began[identOf(t)] = true
		}
		l.reached = func(ident string) bool { return began[ident] }
	}
	mine := map[string]bool{}
	for _, s := range r.Servers {
		mine[s] = true
	}
	if r.Kind == run.Real {
		for _, h := range hosts {
			if mine[h.Name] && h.State == run.HostDone {
				l.clear = append(l.clear, h.Name)
			}
		}
		return l, len(l.clear) > 0
	}
	if !p.Drift || !byDefault(p, r.Variables) {
		return lesson{}, false
	}
	l.why = Unseen
	for _, h := range hosts {
		switch {
		case !mine[h.Name]:
		case h.State == run.HostDone:
			l.set, l.looked = append(l.set, h.Name), append(l.looked, h.Name)
		case h.State == run.HostUntouched && r.State == run.Succeeded: // the playbook has nothing for it
			l.clear = append(l.clear, h.Name)
		}
	}
	return l, len(l.set)+len(l.clear) > 0
}

// byDefault reports whether a run had no variables but the defaults.
func byDefault(p playbook.Playbook, variables map[string]any) bool {
	defaults, err := p.Values(nil)
	if err != nil {
		return false
	}
	// One went through the state, so both are compared as it writes them.
	return sameJSON(defaults, variables)
}

func sameJSON(a, b map[string]any) bool {
	if len(a)+len(b) == 0 {
		return true
	}
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// change is what becomes of the findings of one server and playbook.
type change struct {
	keep []Finding // new ones and those that are found again
	gone []Finding
}

// compare turns what is known and what was found into what becomes of it. A
// finding keeps its age while it is found again.
func compare(known []Finding, now []found, l lesson, r run.Run, server string, newID func() string) change {
	var c change
	byIdent := map[string]Finding{}
	for _, k := range known {
		byIdent[k.Ident] = k
	}
	for _, f := range now {
		k, again := byIdent[f.ident]
		delete(byIdent, f.ident)
		if !again {
			k = Finding{ID: newID(), Server: server, Playbook: r.Playbook, Ident: f.ident, FirstSeen: r.EndedAt}
		}
		k.Task, k.Action, k.Path, k.Diff, k.Run, k.LastSeen = f.task, f.action, f.path, f.diff, r.ID, r.EndedAt
		c.keep = append(c.keep, k)
	}
	for _, k := range known {
		if _, left := byIdent[k.Ident]; left && l.reached(k.Ident) {
			k.GoneAt, k.GoneWhy, k.GoneRun = r.EndedAt, l.why, r.ID
			c.gone = append(c.gone, k)
		}
	}
	return c
}

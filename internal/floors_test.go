// Package internal_test holds the rules of the house: what may lean on what.
package internal_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const home = "github.com/vigie-ops/vigie/internal/"

// floors, ground first. A package may import packages of lower floors, and
// packages of its own room: the folder that the pattern names and what lies
// below it. Rooms on one floor do not know each other. To add a package, write
// it on a floor; to break a rule, argue here.
var floors = []string{
	"lib/*",
	"schedule signal ui db",
	"wire audit keyring",
	"opsrepo",
	"people",
	"fleet",
	"fleet/enrol advisory",
	"operate/playbook",
	"operate/run",
	"observe/* operate/*",
	"observe/dashboard",
	"respond/alert",
	"respond/logbook",
	"respond/oncall",
	"respond/*",
	"console",
	"*/*web */*/*web */*agent */*/*agent",
	"agent hub",
	"demo",
}

// core are the rooms that work without a screen.
var core = []string{"observe/*", "operate/*", "respond/*", "fleet", "fleet/enrol", "people", "opsrepo", "audit", "keyring", "db", "wire", "signal"}

// pure are the packages of rooms that an agent face may use beside wire,
// signal and lib: they know neither the database nor the operations repository.
var pure = []string{"observe/probe/prober", "observe/logs/parse", "observe/logs/record", "observe/logs/rotation"}

// floorOf finds the floor of a package, or of the folder it lies in, and the
// room that stands there. A room that is named goes before a pattern, and of
// two patterns the later goes first, so that the web face of a room is not
// taken for its core.
func floorOf(pkg string) (floor int, room string) {
	for room = pkg; room != "."; room = path.Dir(room) {
		for i, row := range floors {
			if slices.Contains(strings.Fields(row), room) {
				return i, room
			}
		}
		for i, row := range slices.Backward(floors) {
			if anyMatch(strings.Fields(row), room) {
				return i, room
			}
		}
	}
	return -1, pkg
}

func anyMatch(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, _ := path.Match(p, name)
		return ok
	})
}

// isTestDouble says whether a package exists for the tests of others:
// db/dbtest, backup/backuptest.
func isTestDouble(pkg string) bool { return strings.HasSuffix(path.Base(pkg), "test") }

// verdict says in a sentence why a package may not import another, or nothing.
func verdict(from, imported string) string {
	here, room := floorOf(from)
	if here < 0 {
		return "is on no floor; write it into floors"
	}
	to, ours := strings.CutPrefix(imported, home)
	isCore := anyMatch(core, room)
	switch {
	case isCore && (to == "ui" || strings.HasPrefix(to, "ui/") || to == "console" || strings.HasPrefix(imported, "github.com/a-h/templ")):
		return "imports " + to + ": a room works without a screen; put it in its web face"
	case !ours:
		return ""
	case (from == "ui" || strings.HasPrefix(from, "ui/")) && !strings.HasPrefix(to, "lib/") && to != "ui" && !strings.HasPrefix(to, "ui/"):
		return "imports " + to + ": the kit knows no domain words"
	case strings.HasSuffix(room, "agent") && room != "agent" && !agentMayUse(room, to):
		return "imports " + to + ": an agent face knows wire, signal, lib and the pure packages of its own room"
	}
	there, other := floorOf(to)
	if there < here || room == other {
		return ""
	}
	return "imports " + to + ", which is not below it (floor " + strconv.Itoa(here) + ", floor " + strconv.Itoa(there) + ")"
}

func agentMayUse(room, to string) bool {
	if to == "wire" || to == "signal" || strings.HasPrefix(to, "lib/") || to == room || strings.HasPrefix(to, room+"/") {
		return true
	}
	return slices.Contains(pure, to) && strings.HasPrefix(to, path.Dir(room)+"/")
}

func TestFloors(t *testing.T) {
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
			return err
		}
		from := path.Dir(filepath.ToSlash(file))
		if from == "." || isTestDouble(from) {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range f.Imports {
			to, _ := strconv.Unquote(spec.Path.Value)
			if isTestDouble(to) {
				t.Errorf("%s imports %s: test doubles are for tests", file, to)
			}
			if why := verdict(from, to); why != "" {
				t.Errorf("%s %s", file, why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheRulesOfTheHouseHold(t *testing.T) {
	f := func(from, to string, allowed bool) {
		t.Helper()
		if why := verdict(from, home+to); (why == "") != allowed {
			t.Errorf("%s -> %s: %q, want allowed %v", from, to, why, allowed)
		}
	}
	f("respond/alert", "signal", true)
	f("respond/alert", "respond/logbook", false)
	f("respond/logbook", "respond/alert", true)
	f("respond/notify", "respond/statuspage", false)
	f("respond/notify/smtp", "respond/notify", true)
	f("respond/alert/alertweb", "respond/alert", true)
	f("respond/alert/alertweb", "respond/logbook/logbookweb", false)
	f("observe/probe", "observe/metrics", false)
	f("observe/probe", "ui", false)
	f("observe/probe/probeweb", "ui", true)
	f("observe/probe/probeagent", "observe/probe/prober", true)
	f("observe/probe/probeagent", "observe/probe", false)
	f("observe/probe/probeagent", "db", false)
	f("fleet", "people", true)
	f("people", "fleet", false)
	f("ui", "signal", false)
	f("ui", "lib/id", true)
	f("hub", "console", true)
	f("elsewhere", "signal", false)
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	has, seen := map[string]bool{}, map[string]bool{}
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		dir := path.Dir(filepath.ToSlash(file))
		seen[dir] = true
		if f.Doc != nil && strings.HasPrefix(f.Doc.Text(), "Package "+f.Name.Name+" ") {
			has[dir] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir := range seen {
		if !has[dir] {
			t.Errorf("%s: no file says directly above its package clause what the package is for", dir)
		}
	}
}

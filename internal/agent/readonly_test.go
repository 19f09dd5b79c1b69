package agent

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// observersThatRunPrograms are the only files of the agent that may start a
// program, and the program each of them starts to observe.
var observersThatRunPrograms = map[string]string{
	"observe/metrics/metricsagent/smart.go": "smartctl",
	"fleet/fleetagent/rpm.go":               "rpm",
	"observe/logs/logsagent/journal.go":     "journalctl",
}

// TestTheAgentOnlyObserves reads the agent's source: nothing in it runs a
// program but the observers above, nothing opens a listener, and nothing that
// does either comes in by another package of ours.
func TestTheAgentOnlyObserves(t *testing.T) {
	for _, dir := range agentPackages(t) {
		files, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			name, err := filepath.Rel("..", file)
			if err != nil {
				t.Fatal(err)
			}
			readOnly(t, name, file)
		}
	}
}

// agentPackages returns the agent's own packages: the process, and the agent
// face of every room.
func agentPackages(t *testing.T) []string {
	t.Helper()
	dirs := []string{"agent", "agent/spool", "wire", "lib/certfile"}
	err := filepath.WalkDir("..", func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel("..", path)
		if d.IsDir() && strings.HasSuffix(rel, "agent") && strings.Contains(rel, "/") {
			dirs = append(dirs, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"observe/metrics/metricsagent", "fleet/fleetagent"} {
		if !slices.Contains(dirs, want) {
			t.Fatalf("%s was not found among %v", want, dirs)
		}
	}
	return dirs
}

// readOnly checks one file.
func readOnly(t *testing.T, name, file string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	program, runs := observersThatRunPrograms[name]
	for _, imp := range f.Imports {
		path, _ := strconv.Unquote(imp.Path.Value)
		switch path {
		case "os/exec":
			if !runs {
				t.Errorf("%s imports os/exec: an agent observes; what acts is a playbook", name)
			}
		case "plugin", "net/http/httptest", "net/rpc":
			t.Errorf("%s imports %s, which has no place in an agent", name, path)
		}
	}
	if runs {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(b), `"`+program+`"`) {
			t.Errorf("%s does not name %s, the one program it may start", name, program)
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		switch sel.Sel.Name {
		case "Listen", "ListenTCP", "ListenUDP", "ListenPacket", "ListenUnix", "ListenAndServe", "ListenAndServeTLS", "Serve", "ServeTLS", "StartProcess", "ForkExec":
			t.Errorf("%s calls %s: an agent opens no listener and starts nothing", name, sel.Sel.Name)
		}
		return true
	})
}

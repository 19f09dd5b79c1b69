package internal_test

import (
	"os"
	"strings"
	"testing"
)

// TestEveryLibraryIsExplained keeps docs/dependencies.md whole: what is
// required directly has a line that says what for and why this one.
func TestEveryLibraryIsExplained(t *testing.T) {
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("../docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	direct := 0
	for line := range strings.Lines(string(mod)) {
		fields := strings.Fields(line)
		if !strings.HasPrefix(line, "\t") || len(fields) != 2 {
			continue
		}
		direct++
		// "river/riverdriver/riversqlite" is explained as riversqlite beside river.
		path := fields[0]
		parts := strings.Split(path, "/")
		short := parts[len(parts)-1]
		if len(parts) > 3 && !strings.HasPrefix(short, "v") {
			path = short
		}
		if !strings.Contains(string(doc), path) && !strings.Contains(string(doc), short) {
			t.Errorf("docs/dependencies.md does not say what %s is for", fields[0])
		}
	}
	if direct < 20 {
		t.Errorf("only %d direct requirements were found in go.mod", direct)
	}
}

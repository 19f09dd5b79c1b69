package internal_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	firstStep = regexp.MustCompile(`first_step: |signal\.FirstStep`)
	signingIn = regexp.MustCompile(`(?i)\bssh\b|\blog ?in to\b`)
	byHand    = regexp.MustCompile("(`[a-z]+ -|\\b(systemctl|journalctl|timedatectl|chronyc|smartctl|mdadm|docker logs|lsof|iotop|ps aux|du)\\b)")
)

// TestNoFirstStepLogsInToAServer keeps the first of our two rules where people
// read it at night: what an alert tells them to do first is in the console, at
// the provider's, or a run of a playbook.
func TestNoFirstStepLogsInToAServer(t *testing.T) {
	seen := 0
	look := func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || !strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, ".yaml") {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		n := 0
		for line := range strings.Lines(string(b)) {
			n++
			if !firstStep.MatchString(line) {
				continue
			}
			seen++
			if signingIn.MatchString(line) || byHand.MatchString(line) && !strings.Contains(line, "playbook") {
				t.Errorf("%s:%d tells to work on a server by hand: %s", path, n, strings.TrimSpace(line))
			}
		}
		return nil
	}
	for _, dir := range []string{".", "../examples"} {
		if err := filepath.WalkDir(dir, look); err != nil {
			t.Fatal(err)
		}
	}
	if seen < 30 {
		t.Errorf("only %d first steps were found", seen)
	}
}

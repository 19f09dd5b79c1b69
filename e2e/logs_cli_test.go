package e2e_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestLogsAreReadInATerminal has a person search, export and follow.
func TestLogsAreReadInATerminal(t *testing.T) {
	t.Parallel()
	d := startDemo(t, t.TempDir(), freeAddress(t))
	host, err := d.machine()
	if err != nil {
		t.Fatal(err)
	}
	d.sendLogs("shop", webLines(rand.New(rand.NewPCG(3, 3)), 1500, host)...)
	d.sendLogs("shop", map[string]any{"message": "evil \x1b[2J screen", "service": "x"})
	vigie := func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), binary(t), append([]string{"logs"}, args...)...)
		cmd.Env = append(os.Environ(), "VIGIE_HUB="+d.endpoints.Console, "VIGIE_TOKEN_FILE="+filepath.Join(d.dir, "admin-token"))
		return cmd
	}
	run := func(args ...string) string {
		t.Helper()
		out, err := vigie(args...).Output()
		if err != nil {
			t.Fatalf("vigie logs %v: %v", args, err)
		}
		return string(out)
	}
	out := run(`_index:shop and log.level:error and "timed out"`, "--lines", "5")
	if n := strings.Count(out, "upstream timed out"); n != 5 || !strings.Contains(out, "error "+host+" api") {
		t.Errorf("%d lines:\n%s", n, out)
	}
	if out := run("_index:shop and evil"); strings.Contains(out, "\x1b") || !strings.Contains(out, "evil") {
		t.Errorf("a terminal would obey %q", out)
	}
	if n := strings.Count(run("_index:shop", "--export", "-o", "json", "--since", "4h"), "\n"); n != 1501 {
		t.Errorf("%d lines were exported", n)
	}
	if out, err := vigie("level:(").CombinedOutput(); err == nil || !strings.Contains(string(out), "parenthesis") {
		t.Errorf("a mistake: %v %s", err, out)
	}
	if out, err := vigie("--since", "yesterday").CombinedOutput(); err == nil || !strings.Contains(string(out), "is no time") {
		t.Errorf("a mistake: %v %s", err, out)
	}
	if out := run("kept"); !strings.Contains(out, "server:unknown") || !strings.Contains(out, "KEPT UNTIL") {
		t.Errorf("kept is\n%s", out)
	}
	if out, err := vigie("erase", "server:unknown", "--reason", "end of contract").CombinedOutput(); err == nil || !strings.Contains(string(out), "--yes server:unknown") {
		t.Errorf("erased without a word: %v %s", err, out)
	}
	if out, err := vigie("erase", "server:unknown", "--yes", "server:unknown").CombinedOutput(); err == nil || !strings.Contains(string(out), "say who asked for it") {
		t.Errorf("erased without a reason: %v %s", err, out)
	}
	if out := run("erase", "server:unknown", "--yes", "server:unknown", "--reason", "end of contract"); !strings.Contains(out, `"left":[]`) || !strings.Contains(out, `"owner":"server:unknown"`) {
		t.Errorf("the proof is %s", out)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	tail := exec.CommandContext(ctx, binary(t), "logs", "--tail", "follow")
	tail.Env = vigie().Env
	pipe, err := tail.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := tail.Start(); err != nil {
		t.Fatal(err)
	}
	heard := make(chan string, 1)
	go func() {
		in := bufio.NewScanner(pipe)
		in.Scan()
		heard <- in.Text()
	}()
	// It says nothing before it follows, so that lines are sent until one is heard.
	within(t, 20*time.Second, "the tail prints a line", func() error {
		d.sendLogs("shop", map[string]any{"message": "follow me", "service": "x"})
		select {
		case line := <-heard:
			if !strings.Contains(line, "follow me") {
				t.Errorf("printed %q", line)
			}
			return nil
		default:
			return fmt.Errorf("nothing yet")
		}
	})
	cancel()
	_ = tail.Wait() // killed
}

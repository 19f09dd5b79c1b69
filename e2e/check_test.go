package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestTheCommandLine runs the scripts of testdata/check, which read as what a
// person types and sees. UPDATE_SCRIPTS=1 writes what is printed into them.
func TestTheCommandLine(t *testing.T) {
	program, err := filepath.Abs(binary(t))
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(program, filepath.Join(bin, "vigie")); err != nil {
		t.Fatal(err)
	}
	examples, err := filepath.Abs("../examples/ops")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/check",
		RequireUniqueNames: true,
		UpdateScripts:      os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", bin+string(os.PathListSeparator)+e.Getenv("PATH"))
			e.Setenv("EXAMPLES", examples)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits, "json": isJSON,
		},
	})
}

// exits runs a program and wants one exit status: `exits 1 vigie check`.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM ARGUMENT…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	status := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		status = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%s: %v", args[1], err)
	}
	if status != want {
		ts.Fatalf("%s: exit status %d, want %d", strings.Join(args[1:], " "), status, want)
	}
}

// isJSON wants the last standard output to be JSON.
func isJSON(ts *testscript.TestScript, neg bool, args []string) {
	if out := ts.ReadFile("stdout"); json.Valid([]byte(out)) == neg {
		ts.Fatalf("standard output is not JSON: %s", tail(out, 200))
	}
}

// TestTokensAreForServersWithAgents asks for enrolment tokens on the machine of
// a running hub.
func TestTokensAreForServersWithAgents(t *testing.T) {
	h := startHub(t, hubOptions{})
	for server, want := range map[string]string{
		"app-1":  "no server of that name on which an agent can run",
		"fw-01":  "no server of that name on which an agent can run",
		"app-01": "",
	} {
		out, errs, status := vigie(t, "agent", "token", server, "--config", h.file)
		if want == "" {
			if token := strings.TrimSpace(out); status != 0 || len(strings.Fields(token)) != 1 || errs != "" {
				t.Errorf("%s: %d %q %q, want a token and nothing else", server, status, out, errs)
			}
			continue
		}
		if status != 1 || out != "" || !strings.Contains(errs, want) || !strings.Contains(errs, server) {
			t.Errorf("%s: %d %q %q, want %q", server, status, out, errs, want)
		}
	}

	// A token works once, and for this hub alone.
	token := must(t, "", binary(t), "agent", "token", "app-01", "--config", h.file)
	config := filepath.Join(t.TempDir(), "agent.yaml")
	put(t, config, "data_dir: "+t.TempDir()+"\nhubs: [{url: "+strconv.Quote(h.endpoints.Agents)+"}]\n", 0o600)
	must(t, token, binary(t), "agent", "enrol", "--config", config)
	_, errs, status := run(t, token, binary(t), "agent", "enrol", "--config", config)
	if status != 1 || !strings.Contains(errs, "was used") {
		t.Errorf("the token works twice: %d %s", status, errs)
	}
	other := startHub(t, hubOptions{})
	token = must(t, "", binary(t), "agent", "token", "app-01", "--config", other.file)
	_, errs, status = run(t, token, binary(t), "agent", "enrol", "--config", config)
	if status != 1 || !strings.Contains(errs, "is not the one the token names") {
		t.Errorf("the token of another hub: %d %s", status, errs)
	}
}

// TestTheMasterKeyIsRotated changes the master key beside a running hub, and
// starts it again with the old one and with the new one.
func TestTheMasterKeyIsRotated(t *testing.T) {
	h := startHub(t, hubOptions{})
	a := startAgent(t, h, "app-01")
	within(t, 30*time.Second, "series of the agent", func() error {
		_, err := h.metric(`node_load1{server="app-01"}`)
		return err
	})
	rotate := func(file string) (out, errs string, status int) {
		t.Helper()
		return vigie(t, "keys", "rotate", "--config", h.file, "--to-file", file)
	}
	weak, missing, second := filepath.Join(h.dir, "weak.key"), filepath.Join(h.dir, "missing.key"), filepath.Join(h.dir, "second.key")
	put(t, weak, "secret\n", 0o600)
	const key = "a0b1c2d3e4f5061728394a5b6c7d8e9f00112233445566778899aabbccddeeff"
	put(t, second, key+"\n", 0o600)
	for file, want := range map[string]string{h.master: "is the one that is in use", weak: "too short or too regular", missing: "missing.key"} {
		if out, errs, status := rotate(file); status != 1 || out != "" || !strings.Contains(errs, want) {
			t.Errorf("to %s: %d %s%s", filepath.Base(file), status, out, errs)
		}
	}
	out, errs, status := rotate(second)
	if status != 0 || !strings.Contains(out, "All keys are sealed under the new master key. Write it into "+h.file+" now: master_key: {file: "+second+"}.") {
		t.Fatalf("to the new one: %d %s%s", status, out, errs)
	}
	if status, _, err := call("GET", h.endpoints.Console+"/readyz", "", nil); err != nil || status != 200 {
		t.Errorf("the running hub suffered: %d %v", status, err)
	}

	h.stop()
	for _, args := range [][]string{{"hub", "--config", h.file}, {"agent", "token", "app-01", "--config", h.file}, {"keys", "rotate", "--config", h.file, "--to-file", second}} {
		_, errs, status := vigie(t, args...)
		if status != 1 || !strings.Contains(errs, "this master key does not open the keys in the state") || !strings.Contains(errs, "`vigie keys rotate`") || strings.Contains(errs, masterKey) {
			t.Errorf("vigie %s with the old key: %d %s", args[0], status, errs)
		}
	}
	put(t, h.master, key+"\n", 0o600)
	h.restart()
	restarted := time.Now().Unix()
	within(t, 60*time.Second, "the agent goes on with its certificate", func() error {
		a.alive()
		_, err := h.metric(fmt.Sprintf(`timestamp(node_load1{server="app-01"}) > %d`, restarted))
		return err
	})
}

// TestAStateIsMadeByTheHub runs commands before the hub's first start: they
// leave nothing behind that the hub's user could not write.
func TestAStateIsMadeByTheHub(t *testing.T) {
	dir := t.TempDir()
	file, data := filepath.Join(dir, "hub.yaml"), filepath.Join(dir, "data")
	put(t, filepath.Join(dir, "master.key"), masterKey, 0o600)
	put(t, file, "data: "+data+"\nmaster_key: {file: "+dir+"/master.key}\noperations: {directory: "+dir+"}\n", 0o600)
	_, errs, status := vigie(t, "agent", "token", "app-01", "--config", file)
	if status != 1 || !strings.Contains(errs, "there is no state in "+data+" yet; start the hub") {
		t.Errorf("before the first start: %d %s", status, errs)
	}
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		t.Errorf("the command made the data folder: %v", err)
	}
}

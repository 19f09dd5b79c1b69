// Command fleet runs three servers on this machine, with the demo on top whose
// hub may sign in to them: something to deploy to. `make fleet` calls it.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/vigie-ops/vigie/e2e/testfleet"
)

func main() {
	// The demo gets a signal when the thread that started it is gone, even when
	// this program was killed; so that thread must be the program's.
	runtime.LockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	var o options
	flag.StringVar(&o.vigie, "vigie", "bin/vigie", "the program whose demo is started")
	flag.StringVar(&o.listen, "listen", "127.0.0.1:8080", "address of the console; loopback only")
	flag.StringVar(&o.data, "data", "", "folder that keeps everything but the disks of the servers")
	flag.Parse()
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

type options struct{ vigie, listen, data string }

// A server has the name, the ring and the roles of one of the example company.
var servers = []entry{
	{Slug: "staging-01", Name: "Staging server", Ring: "staging", Roles: []string{"app", "web", "db"}},
	{Slug: "app-01", Name: "Application server 1", Ring: "production", Roles: []string{"app", "web"}},
	{Slug: "app-02", Name: "Application server 2", Ring: "production", Roles: []string{"app", "web"}},
}

// entry is a server in the operations repository.
type entry struct {
	Slug     string   `yaml:"slug"`
	Name     string   `yaml:"name"`
	Address  string   `yaml:"address"`
	Roles    []string `yaml:"roles,flow"`
	Provider string   `yaml:"provider"`
	Ring     string   `yaml:"ring"`
	Ports    []int    `yaml:"ports,flow"`
	SSH      struct {
		HostKeys []string `yaml:"host_keys"`
	} `yaml:"ssh"`
}

// run makes the servers, runs the demo until ctx is done or it ends by itself,
// and takes the servers away.
func run(ctx context.Context, o options, out io.Writer) (err error) {
	if o.data == "" {
		return errors.New("--data DIR says where to keep everything")
	}
	if o.data, err = filepath.Abs(o.data); err != nil {
		return err
	}
	keep := filepath.Join(o.data, "fleet")
	if err := os.MkdirAll(keep, 0o700); err != nil {
		return err
	}
	fmt.Fprintf(out, "Starting %d servers. The first time on a machine their system is installed, which takes a minute or two.\n", len(servers))
	names := make([]string, len(servers))
	for i, s := range servers {
		names[i] = s.Slug
	}
	f, err := testfleet.Up(ctx, len(servers), testfleet.Options{Names: names, Keep: keep})
	if err != nil {
		return err
	}
	defer func() {
		fmt.Fprintln(out, "Taking the servers away.")
		err = errors.Join(err, f.Destroy())
	}()
	file := filepath.Join(keep, "servers.yaml")
	if err := describe(f, file); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	demo := demoCommand(ctx, o, file)
	if err := demo.Start(); err != nil {
		return err
	}
	letIn := make(chan error, 1)
	go func() {
		err := letHubIn(ctx, f, o)
		switch {
		case ctx.Err() != nil:
			err = nil
		case err != nil:
			cancel() // servers that the hub cannot sign in to are of no use
		default:
			fmt.Fprint(out, hint(o))
		}
		letIn <- err
	}()
	err = demo.Wait()
	cancel()
	if demo.ProcessState.Success() {
		err = nil // Wait says that it was asked to end
	} else {
		err = fmt.Errorf("the demo ended: %w", err)
	}
	return errors.Join(<-letIn, err)
}

// demoCommand is the demo beside the servers of file. It is asked to end when
// ctx is done.
func demoCommand(ctx context.Context, o options, file string) *exec.Cmd {
	demo := exec.CommandContext(ctx, o.vigie, "demo", "--listen", o.listen, "--data", o.data, "--fleet", file) //nolint:gosec // the program that was named
	demo.Stdout, demo.Stderr = os.Stdout, os.Stderr
	demo.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	demo.Cancel = func() error { return demo.Process.Signal(syscall.SIGTERM) }
	demo.WaitDelay = 30 * time.Second
	return demo
}

// describe writes the servers as the operations repository names them.
func describe(f *testfleet.Fleet, file string) error {
	list := make([]entry, len(servers))
	for i, s := range f.Servers() {
		list[i] = servers[i]
		list[i].Address, list[i].Provider, list[i].Ports = s.Address, "this machine", []int{22}
		key, err := s.HostKey()
		if err != nil {
			return err
		}
		list[i].SSH.HostKeys = []string{key}
	}
	var b bytes.Buffer
	b.WriteString("# Servers that run on this machine, each in a network of its own.\n")
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := errors.Join(e.Encode(map[string]any{"servers": list}), e.Close()); err != nil {
		return err
	}
	return os.WriteFile(file, b.Bytes(), 0o600)
}

// poll is the pause between two looks at whether the hub answers.
const poll = 50 * time.Millisecond

// patience is how long the hub may take until it gives its key.
const patience = 2 * time.Minute

// letHubIn waits for the demo's hub, and has the servers trust its key.
func letHubIn(ctx context.Context, f *testfleet.Fleet, o options) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	t := time.NewTicker(poll)
	defer t.Stop()
	key, err := hubKey(ctx, o)
	// A file that an earlier demo left leads to nobody, or to another program.
	for err != nil {
		select {
		case <-t.C:
			key, err = hubKey(ctx, o)
		case <-ctx.Done():
			return fmt.Errorf("ask the hub for its ssh key: %w", err)
		}
	}
	for _, s := range f.Servers() {
		if err := s.Authorize(key); err != nil {
			return fmt.Errorf("let the hub in to %s: %w", s.Name, err)
		}
	}
	return nil
}

// hubKey asks the hub for the public half of its ssh key.
func hubKey(ctx context.Context, o options) (string, error) {
	b, err := os.ReadFile(filepath.Join(o.data, "endpoints.json"))
	if err != nil {
		return "", err
	}
	var endpoints struct {
		Console string `json:"console"`
	}
	if err := json.Unmarshal(b, &endpoints); err != nil {
		return "", err
	}
	token, err := os.ReadFile(tokenFile(o))
	if err != nil {
		return "", err
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoints.Console+"/api/vigie/v1/ssh-key", nil)
	if err != nil {
		return "", err
	}
	q.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	key, err := io.ReadAll(answer.Body)
	if err != nil {
		return "", err
	}
	if answer.StatusCode != http.StatusOK || !bytes.HasPrefix(key, []byte("ssh-")) {
		return "", fmt.Errorf("the hub answered %s", answer.Status)
	}
	return string(key), nil
}

func tokenFile(o options) string { return filepath.Join(o.data, "admin-token") }

// hint says what to do with all this.
func hint(o options) string {
	return fmt.Sprintf(`
The servers %[1]s, %[2]s and %[3]s run, and the hub may sign in to them. Deploy to one: in the console choose
Runs, New run, "Bring servers to their state", and write the limit %[1]s; or here:

  export VIGIE_HUB=http://%[4]s VIGIE_TOKEN_FILE=%[5]s
  %[6]s run site --limit %[1]s --reason "first run" --follow

On %[2]s the same run waits for somebody else to approve it, since a client's production is there. Ctrl-C takes the
servers away, with all that was done to them.
`, servers[0].Slug, servers[1].Slug, servers[2].Slug, o.listen, tokenFile(o), o.vigie)
}

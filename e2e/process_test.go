package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// binary is the program under test, built once by the test script.
func binary(t testing.TB) string {
	t.Helper()
	b := os.Getenv("VIGIE_TEST_BINARY")
	if b == "" {
		t.Fatal("VIGIE_TEST_BINARY is not set: run the stories with `make test` or `scripts/test ./e2e/`")
	}
	return b
}

// process is one running vigie.
type process struct {
	t    testing.TB
	cmd  *exec.Cmd
	out  *output
	done chan struct{}
	err  error
}

// output keeps what a process prints, for the failure message.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// start starts vigie with arguments; it is killed with the test.
func start(t testing.TB, args ...string) *process {
	t.Helper()
	return startProgram(t, binary(t), args...)
}

// startProgram is start for another program.
func startProgram(t testing.TB, program string, args ...string) *process {
	t.Helper()
	return startProgramIn(t, nil, program, args...)
}

// startProgramIn is startProgram with more in its environment.
func startProgramIn(t testing.TB, env []string, program string, args ...string) *process {
	t.Helper()
	p := &process{t: t, out: new(output), done: make(chan struct{})}
	p.cmd = exec.Command(program, args...)
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s %s printed:\n%s", filepath.Base(program), strings.Join(args, " "), tail(p.out.String(), 8000))
		}
	})
	return p
}

func tail(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}

// kill ends the process as a power cut would.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// stop asks the process to end and fails when it does not do so cleanly.
func (p *process) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatalf("stop: %v", err)
	}
	select {
	case <-p.done:
		if p.err != nil {
			p.t.Fatalf("stopped with %v\n%s", p.err, tail(p.out.String(), 4000))
		}
	case <-time.After(30 * time.Second):
		p.t.Fatalf("did not stop within 30 s\n%s", tail(p.out.String(), 4000))
	}
}

// within calls f until it returns nil, and fails with its last error when it
// did not within d. It waits for the world outside this process, which has no
// clock that a test could turn.
func within(t testing.TB, d time.Duration, what string, f func() error) {
	t.Helper()
	deadline := time.Now().Add(d)
	pause := 20 * time.Millisecond
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v: %v", what, d, err)
		}
		timer := time.NewTimer(pause)
		<-timer.C
		pause = min(pause*3/2, 300*time.Millisecond)
	}
}

// handedOut are the ports that freeAddress gave away: none twice.
var handedOut sync.Map

// freeAddress returns a loopback address that nobody listens on, with a port
// that no connection that goes out is given, and no other test.
func freeAddress(t testing.TB) string {
	t.Helper()
	for range 1000 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(10_000+rand.IntN(8_000)))
		if _, taken := handedOut.LoadOrStore(address, true); taken {
			continue
		}
		if l, err := net.Listen("tcp", address); err == nil {
			_ = l.Close()
			return address
		}
	}
	t.Fatal("no port is free from 10000 to 18000")
	return ""
}

// claiming opens sockets that may share their address with a claim on it.
var claiming = net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
	return errors.Join(err, failed)
}}

// claimAddress returns a loopback address that stays this test's for as long as
// it runs, even while nobody listens there: others that look for a free one
// never get it. It is listened on with claiming.
func claimAddress(t testing.TB) string {
	t.Helper()
	// A socket that is bound and does not listen keeps the port, and refuses.
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	at := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	if err := errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1), unix.Bind(fd, at)); err != nil {
		t.Fatal(err)
	}
	got, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(got.(*unix.SockaddrInet4).Port))
}

// demo is a running `vigie demo`.
type demo struct {
	*process
	dir       string
	listen    string
	token     string
	endpoints struct {
		Console, Agents, SMTP, Elasticsearch, OTLP, Loki string

		SyslogTCP string `json:"syslog_tcp"`
		SyslogUDP string `json:"syslog_udp"`
	}
}

// startDemo starts a demo in dir and returns when everything accepts.
func startDemo(t testing.TB, dir, listen string) *demo {
	t.Helper()
	d := &demo{dir: dir, listen: listen}
	d.process = start(t, "demo", "--listen", listen, "--data", dir)
	d.waitDemo()
	return d
}

// waitDemo returns when everything of a demo accepts.
func (d *demo) waitDemo() {
	t := d.t
	t.Helper()
	within(t, 60*time.Second, "the demo accepts", func() error {
		select {
		case <-d.done:
			t.Fatalf("the demo ended: %v\n%s", d.err, tail(d.out.String(), 4000))
		default:
		}
		b, err := os.ReadFile(filepath.Join(d.dir, "endpoints.json"))
		if err != nil {
			return err
		}
		return json.Unmarshal(b, &d.endpoints)
	})
	b, err := os.ReadFile(filepath.Join(d.dir, "admin-token"))
	if err != nil {
		t.Fatal(err)
	}
	d.token = strings.TrimSpace(string(b))
}

// client speaks to a console with a bearer token.
var client = &http.Client{
	Timeout:       20 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// call sends a request with the admin token and returns status and body.
func (d *demo) call(method, path string, body io.Reader) (int, []byte, error) {
	return call(method, d.endpoints.Console+path, d.token, body)
}

func call(method, url, token string, body io.Reader) (int, []byte, error) {
	req, err := http.NewRequestWithContext(context.Background(), method, url, body)
	if err != nil {
		return 0, nil, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Header.Set("Accept", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, b, err
}

// get decodes the JSON at path into v.
func (d *demo) get(path string, v any) error {
	status, b, err := d.call("GET", path, nil)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("GET %s: %d %s", path, status, tail(string(b), 500))
	}
	return json.Unmarshal(b, v)
}

func (d *demo) post(path string) {
	d.t.Helper()
	status, b, err := d.call("POST", path, nil)
	if err != nil || status/100 != 2 {
		d.t.Fatalf("POST %s: %d %s %v", path, status, tail(string(b), 500), err)
	}
}

// alertItem, issueItem and mailItem are what the contract for programs names.
type (
	alertItem struct {
		ID             string            `json:"id"`
		State          string            `json:"state"`
		AcknowledgedBy string            `json:"acknowledged_by"`
		Labels         map[string]string `json:"labels"`
		Annotations    map[string]string `json:"annotations"`
	}
	issueItem struct {
		ID        string    `json:"id"`
		Title     string    `json:"title"`
		State     string    `json:"state"`
		Instances []string  `json:"instances"`
		OpenedAt  time.Time `json:"opened_at"`
	}
	mailItem struct {
		To      string   `json:"to"`
		Subject string   `json:"subject"`
		Text    string   `json:"text"`
		HTML    string   `json:"html"`
		Links   []string `json:"links"`
	}
	items[T any] struct {
		Items []T     `json:"items"`
		Next  *string `json:"next"`
	}
)

func list[T any](d *demo, path string) ([]T, error) {
	var page items[T]
	err := d.get(path, &page)
	return page.Items, err
}

// open returns the alerts that are not over.
func (d *demo) openAlerts() ([]alertItem, error) {
	all, err := list[alertItem](d, "/api/vigie/v1/alerts")
	var open []alertItem
	for _, a := range all {
		if a.State != "resolved" {
			open = append(open, a)
		}
	}
	return open, err
}

// lines reads what a process printed, line by line.
func lines(s string) []string {
	var out []string
	sc := bufio.NewScanner(strings.NewReader(s))
	for sc.Scan() {
		out = append(out, sc.Text())
	}
	return out
}

var errNotYet = errors.New("not yet")

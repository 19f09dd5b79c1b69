package run

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

//go:embed sandbox.sh
var sandboxScript string

//go:embed callback/vigie.py
var callback []byte

// room is where a run finds its things. It is a mount of its own in each run's
// namespace, so that the path is the same for all and the things are not.
const room = "/run/vigie-run"

// Sandbox says as whom and with what runs are started.
type Sandbox struct {
	User    string // that every Ansible process runs as
	Ansible string // folder of ansible-playbook and ansible-lint; the usual ones if empty
	Dir     string // private folder of the hub in which runs are prepared
}

// DefaultUser is whom Ansible runs as unless configured otherwise.
const DefaultUser = "vigie-run"

// Ready reports why no run can be started, or nil.
func (s Sandbox) Ready() error {
	if os.Geteuid() != 0 {
		return errors.New("runs need a hub that is started as root: each Ansible process gets a room and a user of its own, and only root can give it one")
	}
	if _, _, err := s.ids(); err != nil {
		return err
	}
	for _, program := range []string{"unshare", "setpriv", "bash"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s is not installed; it is part of Debian's util-linux and bash", program)
		}
	}
	if _, err := exec.LookPath(s.program("ansible-playbook")); err != nil {
		return errors.New("ansible-playbook is not installed; install Debian's ansible-core, or name its folder as runs.ansible in hub.yaml")
	}
	return nil
}

func (s Sandbox) program(name string) string {
	if s.Ansible != "" {
		return filepath.Join(s.Ansible, name)
	}
	return name
}

func (s Sandbox) ids() (uid, gid int, err error) {
	u, err := user.Lookup(s.User)
	if err != nil {
		return 0, 0, fmt.Errorf("there is no user %s on this machine; make one: useradd --system --no-create-home --home-dir %s/home --shell /usr/sbin/nologin %s", s.User, room, s.User)
	}
	// What runs as a user looks for the home of the list of users too, whatever
	// HOME says.
	if u.HomeDir != room+"/home" {
		return 0, 0, fmt.Errorf("the home of the user %s is %s, where runs must not write; change it: usermod --home %s/home %s", s.User, u.HomeDir, room, s.User)
	}
	if uid, err = strconv.Atoi(u.Uid); err != nil {
		return 0, 0, err
	}
	if gid, err = strconv.Atoi(u.Gid); err != nil {
		return 0, 0, err
	}
	if uid == 0 || uid == os.Getuid() {
		return 0, 0, fmt.Errorf("runs cannot be started as %s, whom the hub runs as; name a user of its own", s.User)
	}
	return uid, gid, nil
}

// job is what a sandbox starts.
type job struct {
	id      string
	args    []string               // program and arguments; paths are inside the room
	env     []string               // beside what every run gets
	content func(dir string) error // fills the folder that is bound as room/content
	in      map[string][]byte      // files of room/in
	secrets map[string][]byte      // files of room/secret: names and passwords, never written to a disk
	key     *Key
	events  func(line []byte)
	log     func(text []byte)
}

// process is a job that was started.
type process struct {
	cmd    *exec.Cmd
	orders *os.File
	stop   func()
	dir    string
	user   string
	pipes  sync.WaitGroup
}

// start prepares the room and starts the job. events and log are called by
// goroutines of their own until wait returns.
func (s Sandbox) start(ctx context.Context, j job) (_ *process, err error) {
	uid, gid, err := s.ids()
	if err != nil {
		return nil, err
	}
	p := &process{dir: filepath.Join(s.Dir, j.id), user: s.User}
	defer func() {
		if err != nil {
			p.clean()
		}
	}()
	if err := s.prepare(p.dir, j); err != nil {
		return nil, err
	}
	agentSocket := filepath.Join(p.dir, "agent.sock")
	if p.stop, err = j.key.serveAgent(ctx, agentSocket); err != nil {
		return nil, err
	}
	return p, p.launch(j, []string{
		fmt.Sprintf("RUN_UID=%d", uid), fmt.Sprintf("RUN_GID=%d", gid), "ROOM=" + room, "IN=" + filepath.Join(p.dir, "in"),
		"CONTENT=" + filepath.Join(p.dir, "content"), "AGENT=" + agentSocket,
	})
}

// prepare fills the folder of a job.
func (s Sandbox) prepare(dir string, j job) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return err
	}
	if err := os.MkdirAll(room, 0o755); err != nil {
		return err
	}
	for _, d := range []string{"", "content", "in"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	if err := j.content(filepath.Join(dir, "content")); err != nil {
		return err
	}
	for name, content := range j.in {
		if err := os.WriteFile(filepath.Join(dir, "in", name), content, 0o644); err != nil { //nolint:gosec // the run's user reads it, others cannot reach it
			return err
		}
	}
	return nil
}

// quoted is an element of an array of bash.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func (p *process) launch(j job, env []string) (err error) {
	var closing []io.Closer // this side's copies of what the job gets
	defer func() {
		for _, c := range closing {
			_ = c.Close()
		}
	}()
	pipe := func() (r, w *os.File) {
		if err == nil {
			if r, w, err = os.Pipe(); err == nil {
				return r, w
			}
		}
		return nil, nil
	}
	eventsR, eventsW := pipe()
	secretsR, secretsW := pipe()
	ordersR, ordersW := pipe()
	logR, logW := pipe()
	if err != nil {
		return err
	}
	closing = append(closing, eventsW, secretsR, ordersR, logW)
	p.orders = ordersW

	var environment strings.Builder
	environment.WriteString("ENVIRONMENT=(")
	for _, kv := range append([]string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "LC_ALL=C.UTF-8",
		"HOME=" + room + "/home", "TMPDIR=" + room + "/tmp", "USER=" + p.user, "LOGNAME=" + p.user,
		"SSH_AUTH_SOCK=" + room + "/agent.sock", "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1",
	}, j.env...) {
		environment.WriteString(" " + quoted(kv))
	}
	environment.WriteString(" )\n")
	// The script is a file of the room's folder: no process list shows it, and
	// bash reads it whole before it mounts anything.
	script := filepath.Join(p.dir, "start.sh")
	if err := os.WriteFile(script, []byte(environment.String()+sandboxScript), 0o600); err != nil {
		return err
	}
	args := append([]string{"--mount", "--propagation", "private", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--ipc", "bash", script}, j.args...)
	p.cmd = exec.Command("unshare", args...) //nolint:noctx // its end is ordered, and then waited for
	p.cmd.Env = append([]string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}, env...)
	p.cmd.Dir = "/"
	p.cmd.Stdout, p.cmd.Stderr = logW, logW
	p.cmd.ExtraFiles = []*os.File{eventsW, secretsR, ordersR}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := p.cmd.Start(); err != nil {
		return errors.Join(fmt.Errorf("start the run: %w", err), eventsR.Close(), secretsW.Close(), ordersW.Close(), logR.Close())
	}
	p.pipes.Go(func() { readLines(eventsR, j.events) })
	p.pipes.Go(func() { readLog(logR, j.log) })
	p.pipes.Go(func() {
		for name, secret := range j.secrets {
			// A reader that is gone is a run that ended.
			_, _ = fmt.Fprintf(secretsW, "%s\n%s\n", name, secret)
		}
		_ = secretsW.Close()
	})
	return nil
}

// term asks Ansible to stop.
func (p *process) term() { _, _ = p.orders.WriteString("term\n") }

// kill ends everything in the room.
func (p *process) kill() { _ = p.cmd.Process.Kill() }

// wait returns Ansible's exit status once everything in the room is gone.
func (p *process) wait() (int, error) {
	err := p.cmd.Wait()
	p.pipes.Wait()
	p.clean()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// clean takes away what start made; the room itself went with its processes.
func (p *process) clean() {
	if p.orders != nil {
		_ = p.orders.Close()
	}
	if p.stop != nil {
		p.stop()
	}
	_ = os.RemoveAll(p.dir)
}

// readLines hands over whole lines; what of a line is too long is dropped.
func readLines(r *os.File, f func([]byte)) {
	defer func() { _ = r.Close() }()
	b := bufio.NewReaderSize(r, maxEvent)
	for {
		line, err := b.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = b.ReadSlice('\n')
			}
			f([]byte("{}")) // counted as one that cannot be read
			continue
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			f(line)
		}
		if err != nil {
			return
		}
	}
}

// readLog hands the log over in pieces that end with a line where they can.
func readLog(r *os.File, f func([]byte)) {
	defer func() { _ = r.Close() }()
	b := make([]byte, 64<<10)
	for {
		n, err := r.Read(b)
		if n > 0 {
			f(b[:n])
		}
		if err != nil {
			return
		}
	}
}

// Sweep takes away what runs of a hub that was killed left; the rooms
// themselves ended with it.
func (s Sandbox) Sweep() error {
	old, err := filepath.Glob(filepath.Join(s.Dir, "*"))
	if err != nil {
		return err
	}
	for _, dir := range old {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}

// grace is how long Ansible has to end by itself when it was asked to.
var grace = 10 * time.Second

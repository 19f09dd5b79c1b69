package testfleet

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

//go:embed fleet.sh
var script string

// Options say what kind of fleet to make.
type Options struct {
	// Names are what the servers are called, the first ones first; the others
	// are s3 and so on, by where they stand.
	Names []string
	// Keep is a folder that keeps which network the fleet has and the host keys
	// of its servers: to whoever knew them, the next fleet with this folder is
	// the same one, installed anew. Nothing is kept if empty.
	Keep string
	// AuthorizedKeys are the public keys, in the form of an authorized_keys
	// file, that may sign in as root.
	AuthorizedKeys string
	// Disk is the size of each server's disk in bytes, which lies in memory as
	// far as it is used; 2 GiB if zero.
	Disk int64
}

// Fleet is a number of servers on a bridge of their own.
type Fleet struct {
	o       Options
	dir     string // of this fleet: servers, proxy cache
	bridge  string
	network string // the first three bytes of its addresses
	base    string
	servers []*Server
	keeper  *exec.Cmd
	release io.Closer // what the keeper waits for the end of
	proxy   *http.Server
	serving sync.WaitGroup
}

// runDir holds a folder for each fleet that runs.
const runDir = "/run/vigie-testfleet"

// Up makes a fleet of n servers and returns once each answers to ssh.
func Up(ctx context.Context, n int, o Options) (_ *Fleet, err error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("a test fleet mounts and links, and so needs root")
	}
	if o.Disk == 0 {
		o.Disk = 2 << 30
	}
	base, err := Base(ctx)
	if err != nil {
		return nil, err
	}
	f := &Fleet{o: o, base: base}
	if err := f.claim(ctx); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Destroy())
		}
	}()
	if err := f.keep(ctx); err != nil {
		return nil, err
	}
	if err := f.serveProxy(ctx); err != nil {
		return nil, err
	}
	for i := range n {
		name := fmt.Sprintf("s%d", i+1)
		if i < len(o.Names) {
			name = o.Names[i]
		}
		s := &Server{Name: name, Address: fmt.Sprintf("%s.%d", f.network, 11+i), fleet: f, link: fmt.Sprintf("%s-%d", f.bridge, i+1)}
		if err := s.Boot(ctx); err != nil {
			return nil, err
		}
		f.servers = append(f.servers, s)
	}
	for _, s := range f.servers {
		if err := s.WaitSSH(ctx); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// Servers returns the servers, s1 first.
func (f *Fleet) Servers() []*Server { return f.servers }

// Gateway is the address of the test machine as the servers see it.
func (f *Fleet) Gateway() string { return f.network + ".1" }

// Destroy takes everything away. It may be called twice.
func (f *Fleet) Destroy() error {
	var err error
	if f.proxy != nil {
		err = f.proxy.Close()
		f.serving.Wait()
		f.proxy = nil
	}
	if f.keeper != nil {
		err = errors.Join(err, f.release.Close(), f.keeper.Wait())
		f.keeper = nil
	}
	for _, s := range f.servers {
		s.wait()
	}
	return err
}

// networks is how many fleets there may be at a time.
const networks = 249

// claim takes a bridge name and a network that nobody uses, or those that were
// kept, and takes away what a fleet left whose keeper was killed, too.
func (f *Fleet) claim(ctx context.Context) error {
	if err := os.MkdirAll(runDir, 0o700); err != nil {
		return err
	}
	if f.o.Keep == "" {
		for i := 1; i <= networks; i++ {
			if err := f.take(ctx, i); err == nil {
				return nil
			}
		}
		return fmt.Errorf("%d test fleets run already; destroy one, or look for bridges named vgf", networks)
	}
	if err := os.MkdirAll(f.o.Keep, 0o700); err != nil {
		return err
	}
	file := filepath.Join(f.o.Keep, "network")
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		// From the other end, so that it is still free when it is wanted again.
		for i := networks; i >= 1; i-- {
			if err := f.take(ctx, i); err == nil {
				return os.WriteFile(file, []byte(strconv.Itoa(i)), 0o600)
			}
		}
		return fmt.Errorf("%d test fleets run already; destroy one, or look for bridges named vgf", networks)
	}
	if err != nil {
		return err
	}
	i, err := strconv.Atoi(string(b))
	if err != nil || i < 1 || i > networks {
		return fmt.Errorf("%s holds %q and not the number of a network; remove the folder to begin again", file, b)
	}
	if err := f.take(ctx, i); err != nil {
		return fmt.Errorf("the network of the servers in %s is taken, so a fleet of it seems to run already: %w", f.o.Keep, err)
	}
	return nil
}

// take takes the bridge and the network of a number.
func (f *Fleet) take(ctx context.Context, i int) error {
	f.bridge, f.network = fmt.Sprintf("vgf%d", i), fmt.Sprintf("10.213.%d", i)
	f.dir = filepath.Join(runDir, f.bridge)
	err := f.run(ctx, nil, "net", f.bridge, f.network+".1/24")
	if err != nil && f.abandoned() {
		if err := f.run(ctx, nil, "sweep", f.bridge); err != nil {
			return err
		}
		err = f.run(ctx, nil, "net", f.bridge, f.network+".1/24")
	}
	if err != nil {
		return err
	}
	return os.MkdirAll(f.dir, 0o700)
}

// abandoned reports whether the fleet that holds f's bridge has lost its keeper.
func (f *Fleet) abandoned() bool {
	lock, err := os.OpenFile(filepath.Join(f.dir, "lock"), os.O_RDWR, 0)
	if err != nil {
		return false // just being made
	}
	defer func() { _ = lock.Close() }()
	return unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
}

// keep starts the process that takes the fleet down when this one closes its
// end of a pipe, or ends in whatever way.
func (f *Fleet) keep(ctx context.Context) error {
	cmd := f.command(context.WithoutCancel(ctx), nil, "keep")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	f.keeper, f.release = cmd, in
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "kept\n" {
		return fmt.Errorf("the keeper of the test fleet said %q: %w", line, err)
	}
	return nil
}

// command is a call of fleet.sh.
func (f *Fleet) command(ctx context.Context, env []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "bash", append([]string{"-c", script, "fleet.sh"}, args...)...)
	cmd.Env = append(os.Environ(), "FLEET="+f.dir, "BRIDGE="+f.bridge, "BASE="+f.base, "LC_ALL=C")
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

func (f *Fleet) run(ctx context.Context, env []string, args ...string) error {
	out, err := f.command(ctx, env, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("test fleet %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// poll is the pause between two looks at whether something is there.
const poll = 20 * time.Millisecond

// waitFor looks until done says so, or ctx ends.
func waitFor(ctx context.Context, what string, done func() bool) error {
	t := time.NewTicker(poll)
	defer t.Stop()
	for !done() {
		select {
		case <-t.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, context.Cause(ctx))
		}
	}
	return nil
}

// speaksSSH reports whether something at the address greets as sshd does.
func speaksSSH(ctx context.Context, address string) bool {
	c, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", net.JoinHostPort(address, "22"))
	if err != nil {
		return false
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(2 * time.Second))
	line, err := bufio.NewReader(c).ReadString('\n')
	return err == nil && strings.HasPrefix(line, "SSH-2.0-")
}

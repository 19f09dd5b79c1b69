package testfleet

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Server is one server of a fleet. Its verbs are not for several goroutines
// at once.
type Server struct {
	Name    string
	Address string

	fleet *Fleet
	link  string
	alive sync.WaitGroup // its nspawn
}

// bootWait is how long a server may take to answer to ssh.
const bootWait = 60 * time.Second

// Boot turns a server on; its disk is as it was.
func (s *Server) Boot(ctx context.Context) error {
	f := s.fleet
	dir := filepath.Join(f.dir, s.Name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	// The keeper takes away what has a link.
	if err := os.WriteFile(filepath.Join(dir, "link"), []byte(s.link), 0o600); err != nil {
		return err
	}
	cmd := f.command(context.WithoutCancel(ctx), []string{
		"NAME=" + s.Name, "LINK=" + s.link, "ADDRESS=" + s.Address, fmt.Sprintf("DISK=%d", f.o.Disk),
		"AUTHORIZED=" + f.o.AuthorizedKeys, "PROXY=http://" + f.Gateway() + ":" + proxyPort, "KEEP=" + f.o.Keep,
	}, "boot")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	log, err := os.OpenFile(filepath.Join(dir, "console.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	s.alive.Go(func() { _ = cmd.Wait() }) // a power cut is no clean end
	return nil
}

// Console returns what the server printed at its console.
func (s *Server) Console() string {
	b, err := os.ReadFile(filepath.Join(s.fleet.dir, s.Name, "console.log"))
	if err != nil {
		return ""
	}
	return string(b)
}

// WaitSSH returns once the server answers to ssh.
func (s *Server) WaitSSH(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, bootWait)
	defer cancel()
	if err := waitFor(ctx, "the ssh of "+s.Name, func() bool { return speaksSSH(ctx, s.Address) }); err != nil {
		return fmt.Errorf("%w\n%s", err, s.Console())
	}
	return nil
}

// Kill cuts the power.
func (s *Server) Kill(ctx context.Context) error {
	err := s.fleet.run(ctx, []string{"NAME=" + s.Name}, "down")
	s.wait()
	return err
}

func (s *Server) wait() { s.alive.Wait() }

// Cut pulls the network cable: what is sent vanishes without a word.
func (s *Server) Cut(ctx context.Context) error {
	return command(ctx, "ip", "-n", s.link, "link", "set", "eth0", "down")
}

// Join plugs it in again.
func (s *Server) Join(ctx context.Context) error {
	return command(ctx, "ip", "-n", s.link, "link", "set", "eth0", "up")
}

// Slow bounds what the line carries, both ways, in bits a second; zero lifts
// the bound.
func (s *Server) Slow(ctx context.Context, bits int) error {
	for _, where := range [][]string{{"dev", s.link}, {"dev", "eth0"}} {
		tc := []string{"tc"}
		if where[1] == "eth0" {
			tc = append(tc, "-n", s.link)
		}
		if bits == 0 {
			if err := command(ctx, tc[0], append(append(tc[1:], "qdisc", "del"), append(where, "root")...)...); err != nil {
				return err
			}
			continue
		}
		args := append(append(tc[1:], "qdisc", "replace"), where...)
		args = append(args, "root", "tbf", "rate", fmt.Sprintf("%dbit", bits), "burst", "2kb", "latency", "20s")
		if err := command(ctx, tc[0], args...); err != nil {
			return err
		}
	}
	return nil
}

// fill is the file that fills a disk.
const fill = "/var/tmp/fill"

// FillDisk writes the disk full to the last byte.
func (s *Server) FillDisk() error {
	f, err := os.OpenFile(s.Path(fill), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	for size := 1 << 20; size > 0; size /= 16 {
		block := make([]byte, size)
		for {
			if _, err := f.Write(block); err != nil {
				break
			}
		}
	}
	return nil
}

// FreeDisk takes away what FillDisk wrote.
func (s *Server) FreeDisk() error { return os.Remove(s.Path(fill)) }

// Path is where a file of the server lies on the test machine.
func (s *Server) Path(file string) string {
	return filepath.Join(s.fleet.dir, s.Name, "root", file)
}

// HostKey is the server's public host key, as in a known_hosts file.
func (s *Server) HostKey() (string, error) {
	b, err := os.ReadFile(s.Path("/etc/ssh/ssh_host_ed25519_key.pub"))
	if err != nil {
		return "", err
	}
	parts := strings.Fields(string(b))
	if len(parts) < 2 {
		return "", fmt.Errorf("the host key of %s is %q", s.Name, b)
	}
	return parts[0] + " " + parts[1], nil
}

// Authorize has those sign in as root whose public keys these are, in the form
// of an authorized_keys file, and nobody else.
func (s *Server) Authorize(keys string) error {
	// Written beside and moved, so that a sign-in finds all of it.
	file := s.Path("/root/.ssh/authorized_keys")
	if err := os.WriteFile(file+".new", []byte(keys), 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// NewHostKey gives the server another host key, as if it had been installed
// anew, or as if it were somebody else.
func (s *Server) NewHostKey(ctx context.Context) error {
	key := s.Path("/etc/ssh/ssh_host_ed25519_key")
	for _, old := range []string{key, key + ".pub"} {
		if err := os.Remove(old); err != nil {
			return err
		}
	}
	if err := command(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", s.Name, "-f", key); err != nil {
		return err
	}
	// sshd reads its keys for each connection only after a restart.
	if err := s.Kill(ctx); err != nil {
		return err
	}
	if err := s.Boot(ctx); err != nil {
		return err
	}
	return s.WaitSSH(ctx)
}

func command(ctx context.Context, name string, args ...string) error {
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

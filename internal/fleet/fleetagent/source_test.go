package fleetagent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/lib/certfile"
	"github.com/vigie-ops/vigie/internal/wire"
)

// clock is a time that tests move.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

// steps runs the source for d and returns the facts it sent.
func steps(t *testing.T, s *Source, c *clock, d time.Duration, fail bool) (sent []wire.Facts) {
	t.Helper()
	for end := c.now.Add(d); c.now.Before(end); c.now = c.now.Add(apart) {
		s.Step(context.Background(), func(kind string, payload []byte) error {
			var f wire.Facts
			if err := wire.Decode(bytes.NewReader(payload), 8<<20, &f); err != nil || kind != wire.KindFacts {
				t.Errorf("sent a wrong %s: %v", kind, err)
			}
			sent = append(sent, f)
			if fail {
				return errors.New("the disk is full")
			}
			return nil
		})
	}
	return sent
}

func kinds(facts []wire.Facts) map[string]int {
	all := map[string]int{}
	for _, f := range facts {
		all[f.Kind]++
	}
	return all
}

func machine() fstest.MapFS {
	return fstest.MapFS{
		"etc/os-release":                   {Data: []byte("ID=debian\n")},
		"etc/passwd":                       {Data: []byte("root:x:0:0::/root:/bin/bash\n")},
		"var/lib/dpkg/status":              {Data: []byte("Package: a\nStatus: install ok installed\nVersion: 1\n"), ModTime: time.Unix(1, 0)},
		"proc/mounts":                      {Data: []byte("/dev/a / ext4 rw 0 0\n")},
		"proc/net/tcp":                     {Data: []byte(procTCP)},
		"proc/4/comm":                      {Data: []byte("shop\n")},
		"proc/4/fd/3":                      {Mode: os.ModeSymlink, Data: []byte("socket:[4711]")},
		"proc/4/maps":                      {Data: []byte("7 r-xp 0 0 1 /usr/lib/libssl.so (deleted)\n")},
		"proc/4/cgroup":                    {Data: []byte("0::/system.slice/shop.service\n")},
		"root/.ssh/authorized_keys":        {Data: []byte("ssh-ed25519 SECRETKEY ada@home\n")},
		"etc/ssh/ssh_host_ed25519_key":     {Data: []byte("-----BEGIN OPENSSH PRIVATE KEY-----\nSECRETKEY\n")},
		"etc/ssh/ssh_host_ed25519_key.pub": {Data: []byte(hostKey + " root@machine\n")},
	}
}

func newTestSource(m fstest.MapFS) (*Source, *clock) {
	c := &clock{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	return New(Options{Root: m, Log: slog.New(slog.DiscardHandler), Now: c.Now}), c
}

func TestFactsAreSentWhenTheyChangeAndOnceADay(t *testing.T) {
	m := machine()
	s, c := newTestSource(m)
	once := map[string]int{"os": 1, "packages": 1, "ports": 1, "users": 1, "mounts": 1, "certificates": 1, "stale": 1, "ssh_host_keys": 1}
	if d := cmp.Diff(once, kinds(steps(t, s, c, time.Hour, false))); d != "" {
		t.Errorf("first hour (-want +got):\n%s", d)
	}
	m["etc/passwd"] = &fstest.MapFile{Data: []byte("root:x:0:0::/root:/bin/bash\nada:x:1:1::/home/ada:/bin/bash\n")}
	m["var/lib/dpkg/status"] = &fstest.MapFile{Data: []byte("Package: a\nStatus: install ok installed\nVersion: 2\n"), ModTime: time.Unix(2, 0)}
	if d := cmp.Diff(map[string]int{"users": 1, "packages": 1}, kinds(steps(t, s, c, time.Hour, false))); d != "" {
		t.Errorf("after a change (-want +got):\n%s", d)
	}
	if d := cmp.Diff(once, kinds(steps(t, s, c, 24*time.Hour, false))); d != "" {
		t.Errorf("the day after (-want +got):\n%s", d)
	}
}

func TestFactsThatWereNotKeptAreSentAgain(t *testing.T) {
	s, c := newTestSource(machine())
	steps(t, s, c, time.Minute, true)
	got := kinds(steps(t, s, c, 15*time.Minute, false))
	if len(got) != 8 {
		t.Errorf("after the disk was full only %v came", got)
	}
}

func TestFactsSayWhatIsThere(t *testing.T) {
	s, c := newTestSource(machine())
	for _, f := range steps(t, s, c, time.Minute, false) {
		if strings.Contains(string(f.Body), "SECRETKEY") {
			t.Errorf("%s carries key material", f.Kind)
		}
		switch f.Kind {
		case wire.FactPorts:
			if want := `{"ports":[{"protocol":"tcp","address":"127.0.0.1","port":8080,"process":"shop","uid":1000}]}`; string(f.Body) != want {
				t.Errorf("ports %s, want %s", f.Body, want)
			}
		case wire.FactStale:
			if want := `{"processes":[{"process":"shop","unit":"shop.service","count":1,"files":["/usr/lib/libssl.so"]}]}`; string(f.Body) != want {
				t.Errorf("stale %s, want %s", f.Body, want)
			}
		case wire.FactUsers:
			if !strings.Contains(string(f.Body), `"authorized_keys":1`) {
				t.Errorf("users %s", f.Body)
			}
		}
	}
}

func TestWhatAMachineDoesNotHaveIsListed(t *testing.T) {
	s, c := newTestSource(fstest.MapFS{})
	if sent := kinds(steps(t, s, c, time.Minute, false)); len(sent) != 1 { // no certificates is a fact
		t.Errorf("an empty machine sends %v", sent)
	}
	if got := len(s.Unavailable()); got != 7 {
		t.Errorf("%v", s.Unavailable())
	}
}

func TestRPMMachines(t *testing.T) {
	m := fstest.MapFS{"var/lib/rpm/rpmdb.sqlite": {Data: []byte("x"), ModTime: time.Unix(1, 0)}}
	p := newPackages(m)
	asked := 0
	p.rpm = func(context.Context) ([]byte, error) { asked++; return []byte("bash\t0:5\tx86_64\t(none)\n"), nil }
	v, err := p.look(t.Context())
	if err != nil || v.(wire.Packages).Manager != "rpm" || len(v.(wire.Packages).Packages) != 1 {
		t.Errorf("%v, %v", v, err)
	}
	if _, err := p.look(t.Context()); !errors.Is(err, errUnchanged) || asked != 1 {
		t.Errorf("an unchanged database was listed again: %v, %d", err, asked)
	}
}

// TestThisMachine runs every look on the machine the test runs on.
func TestThisMachine(t *testing.T) {
	c := &clock{time.Now()}
	s := New(Options{Root: os.DirFS("/"), Certificates: certfile.Defaults(), Log: slog.New(slog.DiscardHandler), Now: c.Now})
	listener := listen(t)
	for _, f := range steps(t, s, c, time.Minute, false) {
		body := wire.FactKinds()[f.Kind]
		if err := json.Unmarshal(f.Body, body); err != nil {
			t.Fatal(err)
		}
		switch b := body.(type) {
		case *wire.OS:
			if b.ID == "" || b.Kernel == "" || b.MemoryBytes == 0 {
				t.Errorf("os %+v", b)
			}
		case *wire.Packages:
			if len(b.Packages) < 20 {
				t.Errorf("%d packages", len(b.Packages))
			}
		case *wire.Ports:
			found := false
			for _, p := range b.Ports {
				found = found || p.Port == listener && p.Process == filepath.Base(os.Args[0])[:min(15, len(filepath.Base(os.Args[0])))]
			}
			if !found {
				t.Errorf("port %d of this test is not among %+v", listener, b.Ports)
			}
		}
	}
	for _, u := range s.Unavailable() {
		if u.Name == "facts "+wire.FactSSHHostKeys {
			continue // not every machine lets somebody in by ssh
		}
		t.Errorf("%s is unavailable here: %s", u.Name, u.Reason)
	}
}

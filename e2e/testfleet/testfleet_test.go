package testfleet_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/e2e/testfleet"
)

// key makes an ssh key and returns its file and its public half.
func key(t *testing.T) (file, public string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v: %s", err, out)
	}
	b, err := os.ReadFile(file + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	return file, string(b)
}

func ssh(t *testing.T, key string, s *testfleet.Server, command string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	host, err := s.HostKey()
	if err != nil {
		t.Fatal(err)
	}
	known := filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(known, []byte(s.Address+" "+host+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(ctx, "ssh", "-i", key, "-o", "BatchMode=yes", "-o", "ConnectTimeout=2", "-o", "StrictHostKeyChecking=yes",
		"-o", "UserKnownHostsFile="+known, "root@"+s.Address, command).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func answers(s *testfleet.Server) bool {
	c, err := net.DialTimeout("tcp", s.Address+":22", time.Second)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

func TestServersAreRealAndSufferWhatServersSuffer(t *testing.T) {
	file, public := key(t)
	f, err := testfleet.Up(t.Context(), 2, testfleet.Options{AuthorizedKeys: public, Disk: 256 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Destroy(); err != nil {
			t.Error(err)
		}
	})
	s1, s2 := f.Servers()[0], f.Servers()[1]

	t.Run("each runs its own systemd under its own name", func(t *testing.T) {
		for _, s := range f.Servers() {
			out, err := ssh(t, file, s, "hostname; systemctl is-system-running --wait; ps -p 1 -o comm=")
			if err != nil || out != s.Name+"\nrunning\nsystemd" {
				t.Errorf("%s said %q, %v", s.Name, out, err)
			}
		}
	})
	t.Run("they see each other and not the world", func(t *testing.T) {
		if out, err := ssh(t, file, s1, fmt.Sprintf("timeout 3 bash -c '</dev/tcp/%s/22' && ip route", s2.Address)); err != nil || strings.Contains(out, "default") {
			t.Errorf("s1 said %q, %v", out, err)
		}
	})
	t.Run("they can fetch packages", func(t *testing.T) {
		if out, err := ssh(t, file, s1, "apt-get update -qq 2>&1 && apt-cache policy hello | grep -c Candidate"); err != nil || out != "1" {
			t.Errorf("apt said %q, %v", out, err)
		}
	})
	t.Run("a cut cable and a plugged one", func(t *testing.T) {
		if err := s1.Cut(t.Context()); err != nil {
			t.Fatal(err)
		}
		if answers(s1) {
			t.Error("s1 answers with its cable cut")
		}
		if err := s1.Join(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s1.WaitSSH(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Run("a slow line carries less", func(t *testing.T) {
		took := func() time.Duration {
			begin := time.Now()
			if out, err := ssh(t, file, s2, "head -c 40000 /dev/urandom | base64 -w0 | wc -c; head -c 40000 /dev/zero | tr '\\0' x"); err != nil {
				t.Fatalf("%.100s: %v", out, err)
			}
			return time.Since(begin)
		}
		fast := took()
		if err := s2.Slow(t.Context(), 200_000); err != nil {
			t.Fatal(err)
		}
		slow := took()
		if err := s2.Slow(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		// 40 kB at 200 kbit/s take 1.6 s; how long the rest takes is the machine's.
		if slow < fast+500*time.Millisecond {
			t.Errorf("a slow line took %s, a fast one %s", slow, fast)
		}
	})
	t.Run("a full disk", func(t *testing.T) {
		if err := s2.FillDisk(); err != nil {
			t.Fatal(err)
		}
		if out, err := ssh(t, file, s2, "echo more > /var/tmp/more"); err == nil || !strings.Contains(out, "No space left") {
			t.Errorf("writing to a full disk said %q, %v", out, err)
		}
		if err := s2.FreeDisk(); err != nil {
			t.Fatal(err)
		}
		if out, err := ssh(t, file, s2, "echo more > /var/tmp/more"); err != nil {
			t.Errorf("writing said %q, %v", out, err)
		}
	})
	t.Run("after a power cut the disk is as it was", func(t *testing.T) {
		if out, err := ssh(t, file, s1, "echo kept > /etc/kept"); err != nil {
			t.Fatal(out, err)
		}
		if err := s1.Kill(t.Context()); err != nil {
			t.Fatal(err)
		}
		if answers(s1) {
			t.Error("s1 answers without power")
		}
		if err := s1.Boot(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s1.WaitSSH(t.Context()); err != nil {
			t.Fatal(err)
		}
		if out, err := ssh(t, file, s1, "cat /etc/kept"); err != nil || out != "kept" {
			t.Errorf("s1 said %q, %v", out, err)
		}
	})
	t.Run("a new host key is noticed by who knows the old one", func(t *testing.T) {
		before, err := s2.HostKey()
		if err != nil {
			t.Fatal(err)
		}
		if err := s2.NewHostKey(t.Context()); err != nil {
			t.Fatal(err)
		}
		if after, err := s2.HostKey(); err != nil || after == before {
			t.Errorf("the host key is %q as before, %v", after, err)
		}
		if out, err := ssh(t, file, s2, "hostname"); err != nil || out != "s2" {
			t.Errorf("s2 said %q, %v", out, err)
		}
	})
}

func TestAKeptFleetIsTheSameAgain(t *testing.T) {
	o := testfleet.Options{Names: []string{"app-01"}, Keep: t.TempDir(), Disk: 256 << 20}
	up := func() (*testfleet.Fleet, string) {
		t.Helper()
		f, err := testfleet.Up(t.Context(), 2, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Destroy() })
		var who strings.Builder
		for _, s := range f.Servers() {
			key, err := s.HostKey()
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&who, s.Name, s.Address, key)
		}
		return f, who.String()
	}
	f, before := up()
	if !strings.HasPrefix(before, "app-01 ") || !strings.Contains(before, "\ns2 ") {
		t.Errorf("the servers are\n%s, want app-01 and s2", before)
	}
	if _, err := testfleet.Up(t.Context(), 2, o); err == nil || !strings.Contains(err.Error(), "seems to run already") {
		t.Errorf("the same fleet twice: %v, want it refused", err)
	}
	if err := f.Destroy(); err != nil {
		t.Fatal(err)
	}
	if _, after := up(); after != before {
		t.Errorf("the next fleet is\n%s, want\n%s", after, before)
	}
}

// leftovers lists what a fleet makes on the machine.
func leftovers(t *testing.T, bridge string) []string {
	t.Helper()
	out, err := exec.Command("bash", "-c", "ip -o link; ip netns; mount; ls /run/vigie-testfleet /sys/fs/cgroup /sys/fs/cgroup/*; ps -eo args").CombinedOutput()
	if err != nil && len(out) == 0 {
		t.Fatal(err)
	}
	var left []string
	for line := range strings.SplitSeq(string(out), "\n") {
		if (strings.Contains(line, bridge+"-") || strings.HasSuffix(line, bridge) || strings.Contains(line, " "+bridge+":")) && !strings.Contains(line, "ps -eo") {
			left = append(left, line)
		}
	}
	return left
}

// owner is the program that the next test kills: this test binary, told to
// make a fleet and wait.
const owner = "VIGIE_TEST_FLEET_OWNER"

func TestMain(m *testing.M) {
	if os.Getenv(owner) == "" {
		os.Exit(m.Run())
	}
	f, err := testfleet.Up(context.Background(), 1, testfleet.Options{})
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	fmt.Println("up", filepath.Base(filepath.Dir(filepath.Dir(f.Servers()[0].Path("/")))))
	select {}
}

func TestAFleetGoesAwayWhenItsOwnerIsKilled(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), owner+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // again, or because the test failed before
	var word, bridge string
	if _, err := fmt.Fscan(out, &word, &bridge); err != nil || word != "up" {
		t.Fatalf("the owner said %q %q, %v", word, bridge, err)
	}
	if left := leftovers(t, bridge); len(left) == 0 {
		t.Fatal("nothing of a running fleet is seen, so this test would prove nothing")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	late := time.After(20 * time.Second)
	look := time.Tick(50 * time.Millisecond)
	for left := leftovers(t, bridge); len(left) > 0; left = leftovers(t, bridge) {
		select {
		case <-look:
		case <-late:
			t.Fatalf("a killed owner left:\n%s", strings.Join(left, "\n"))
		}
	}
}

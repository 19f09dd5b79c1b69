package e2e_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// smallDisk puts a file system of a few megabytes over a folder. It needs
// root, or sudo without a question, as the installation of packages does.
func smallDisk(t *testing.T, dir string, megabytes int) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	as := func(args ...string) error {
		if os.Getuid() != 0 {
			args = append([]string{"sudo", "-n"}, args...)
		}
		out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, out)
		}
		return nil
	}
	options := fmt.Sprintf("size=%dm,mode=0700,uid=%d", megabytes, os.Getuid())
	if err := as("mount", "-t", "tmpfs", "-o", options, "vigie-story", dir); err != nil {
		t.Fatalf("a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := as("umount", "-l", dir); err != nil {
			t.Error(err)
		}
	})
}

// fill takes all space that is left below a folder; free gives it back.
func fill(t *testing.T, dir string) (free func()) { return fillTo(t, dir, 0) }

// fillTo leaves this many bytes.
func fillTo(t *testing.T, dir string, leave int) (free func()) {
	t.Helper()
	reserve := filepath.Join(dir, "reserve")
	if err := os.WriteFile(reserve, make([]byte, leave), 0o600); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "filler")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(f.Close(), os.Remove(reserve)); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTheHubsDiskIsFull fills the data folder of a hub that is written to.
// What it cannot keep it does not answer for, what it answered for it has, and
// it goes on by itself when there is space again.
func TestTheHubsDiskIsFull(t *testing.T) {
	t.Parallel()
	s := startSink(t, nil)
	h := startHub(t, hubOptions{operations: watchCompany(s.port())})
	h.stop()
	smallDisk(t, h.data, 48)
	h.restart()
	h.waitServers()

	taken := map[string]bool{} // tokens of alerts, answered for or not
	n := 0
	alert := func() error {
		n++
		a := &tracked{token: fmt.Sprintf("T%05d", n), severity: "warning", batch: fmt.Sprintf("B%05d", n)}
		_, _, err := once("POST", h.endpoints.Console+"/api/v2/alerts", h.token, asJSON, alertJSON(a, time.Now().Add(time.Hour)))
		taken[a.token] = err == nil
		return err
	}
	// A series that is there before the disk is full, one that is first
	// written while it is, and one of afterwards.
	written := map[string]map[int64]int{}
	v, last := 0, time.Time{}
	sample := func(series string) error {
		v++
		at := time.Now().Truncate(time.Millisecond)
		if !at.After(last) { // no two samples of one time
			at = last.Add(time.Millisecond)
		}
		last = at
		err := postWrite(client, h.endpoints.Console+"/api/v1/write", h.token, remoteWrite(map[string]string{"__name__": "disk_story", "series": series, "job": "story"}, float64(v), at))
		if err == nil {
			if written[series] == nil {
				written[series] = map[int64]int{}
			}
			written[series][at.UnixMilli()] = v
		}
		return err
	}
	for range 5 {
		if err := errors.Join(alert(), sample("before")); err != nil {
			t.Fatalf("with space: %v", err)
		}
	}

	some := fillTo(t, h.data, 2<<20)
	h.waitAlert("HubDiskAlmostFull", true)
	some()
	h.waitAlert("HubDiskAlmostFull", false)
	free := fill(t, h.data)
	refusedAlerts, refusedSamples := 0, 0
	var during []string
	within(t, 30*time.Second, "writes are refused on a full disk", func() error {
		err := alert()
		refusedAlerts += count(err != nil)
		series := fmt.Sprintf("during-%d", len(during))
		during = append(during, series)
		serr := errors.Join(sample("before"), sample(series))
		refusedSamples += count(serr != nil)
		if refusedAlerts < 3 || refusedSamples < 3 {
			return fmt.Errorf("%d alerts and %d samples were refused so far: %w", refusedAlerts, refusedSamples, errors.Join(err, serr))
		}
		return nil
	})
	status, why, err := call("GET", h.endpoints.Console+"/readyz", "", nil)
	t.Logf("on a full disk readyz says %d %s %v", status, strings.TrimSpace(string(why)), err)
	if status != http.StatusServiceUnavailable || !strings.Contains(string(why), "disk") {
		t.Errorf("on a full disk readyz says %d %q; want 503 and why", status, why)
	}
	if !strings.Contains(h.out.String(), "full") && !strings.Contains(h.out.String(), "no space left") {
		t.Error("the log does not say that the disk is full")
	}
	if _, err := list[alertItem](h.demo, "/api/vigie/v1/alerts"); err != nil {
		t.Errorf("on a full disk the alerts cannot be read: %v", err)
	}
	h.alive()

	free()
	began := time.Now()
	within(t, 60*time.Second, "writes are taken again", func() error {
		status, why, err := call("GET", h.endpoints.Console+"/readyz", "", nil)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("%d %s", status, why)
		}
		return errors.Join(err, alert(), sample("before"), sample("after"))
	})
	for _, series := range during {
		if err := sample(series); err != nil {
			t.Errorf("with space again: %v", err)
		}
	}
	t.Logf("writes are taken again %v after there is space", time.Since(began).Round(time.Millisecond))
	h.alive()
	check := func(when string) {
		t.Helper()
		board := (&driver{t: t, hub: h}).board()
		for token, answered := range taken {
			if _, there := board[token]; answered && !there {
				t.Errorf("%s: alert %s was answered for and is lost", when, token)
			}
		}
		for series, samples := range written {
			for at, v := range samples {
				got, err := h.metric(fmt.Sprintf(`disk_story{series="%s"} @ %d.%03d`, series, at/1000, at%1000))
				if err != nil || got != strconv.Itoa(v) {
					t.Errorf("%s: the sample %d of series %s was answered for and is %q, %v", when, v, series, got, err)
				}
			}
		}
	}
	check("with space again")
	h.kill()
	h.restart()
	check("after a kill")
	within(t, 90*time.Second, "everybody is told", func() error {
		told := map[string]bool{}
		for _, m := range s.all() {
			for _, what := range m.told() {
				told[what] = true
			}
		}
		for token, answered := range taken {
			if answered && !told["firing "+token] {
				return fmt.Errorf("%s was answered for and not told", token)
			}
		}
		return nil
	})
}

// waitServers waits until the hub has applied its operations repository.
func (h *hub) waitServers() {
	h.t.Helper()
	within(h.t, 30*time.Second, "the hub applies its operations repository", func() error {
		servers, err := list[map[string]any](h.demo, "/api/vigie/v1/servers")
		if err == nil && len(servers) == 0 {
			err = errNotYet
		}
		return err
	})
}

// TestTheAgentsDiskIsFull fills the disk that an agent's spool lies on. What
// it sees goes to the hub all the same, and it spools again when it can.
func TestTheAgentsDiskIsFull(t *testing.T) {
	t.Parallel()
	h := startHub(t, hubOptions{operations: watchCompany("25")})
	a := startAgent(t, h, "app-01")
	h.waitSamples("app-01", 1)
	a.stop()
	smallDisk(t, filepath.Join(a.data, "spool"), 8)
	a.restart()
	from := time.Now()
	h.waitSamples("app-01", 2)
	free := fill(t, filepath.Join(a.data, "spool"))
	n := len(h.sampleTimes("app-01"))
	h.waitSamples("app-01", n+3)
	if !strings.Contains(a.out.String(), "no space left") {
		t.Error("the agent's log does not say that its disk is full")
	}
	a.alive()
	free()
	h.kill() // what is seen now has to be spooled
	<-time.After(2 * interval)
	a.stop()
	a.restart()
	h.restart()
	back := time.Now()
	within(t, 60*time.Second, "samples of after the restart", func() error {
		at := h.sampleTimes("app-01")
		if len(at) == 0 || at[len(at)-1].Before(back.Add(interval)) {
			return errNotYet
		}
		return nil
	})
	at := h.sampleTimes("app-01")
	gaps := 0
	for i := 1; i < len(at); i++ {
		// The agent itself was away for a moment twice.
		if at[i-1].After(from) && at[i].Sub(at[i-1]) > 2*interval {
			gaps++
			t.Errorf("samples between %v and %v are missing", at[i-1], at[i])
		}
	}
	t.Logf("%d samples, %d gaps", len(at), gaps)
}

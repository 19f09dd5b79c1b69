package run_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/operate/playbook"
	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/operate/run/runweb"
	"github.com/vigie-ops/vigie/internal/people"
)

// steps is a playbook of some tasks that each start a process, as most do.
func steps(n int) string {
	var b strings.Builder
	b.WriteString("- hosts: app\n  connection: local\n  gather_facts: false\n  tasks:\n")
	for i := range n {
		fmt.Fprintf(&b, "    - name: Step %d\n      ansible.builtin.command: echo step %d of {{ inventory_hostname }}\n", i+1, i+1)
	}
	return b.String()
}

// BenchmarkRun compares a run, from the request to the end written down, with
// ansible-playbook started by hand on the same inventory. They take turns, and
// the turn that was disturbed the least counts for each: what differs between
// two turns of the same is more than what a run costs.
func BenchmarkRun(b *testing.B) {
	const tasks = 40
	s := open(b, sqlite(b), map[string]string{"playbooks/hello.yml": steps(tasks)})
	s.accept()
	s.start()
	// Both have their things in memory: a run's home is there, too.
	dir, err := os.MkdirTemp("/dev/shm", "vigie-bench-") //nolint:usetesting // so
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // of a benchmark
	inventory, err := playbook.NewInventory(s.fleet()).File(nil)
	if err != nil {
		b.Fatal(err)
	}
	for name, content := range map[string][]byte{"inventory.json": inventory, "hello.yml": []byte(steps(tasks))} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	var plain, ours []time.Duration
	var plainCPU, ourCPU time.Duration
	byHand := func() {
		at, cpu := time.Now(), spent(b)
		cmd := exec.CommandContext(b.Context(), "ansible-playbook", "-i", "inventory.json", "--forks", "10", "--diff", "hello.yml")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "ANSIBLE_INVENTORY_ENABLED=yaml", "HOME="+dir, "TMPDIR="+dir, "ANSIBLE_LOCAL_TEMP="+dir, "PYTHONDONTWRITEBYTECODE=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		plain = append(plain, time.Since(at))
		plainCPU += spent(b) - cpu
	}
	asRun := func() {
		at, cpu := time.Now(), spent(b)
		r := s.mustAsk(as(b, "ben", people.Operator), run.Request{Playbook: "hello", Limit: "app"})
		if r = s.ended(r.ID); r.State != run.Succeeded {
			b.Fatalf("ended as %s: %s", r.State, r.Cause)
		}
		ours = append(ours, time.Since(at))
		ourCPU += spent(b) - cpu
	}
	first, second := byHand, asRun
	for b.Loop() {
		first()
		second()
		first, second = second, first
	}
	least, ourLeast := slices.Min(plain).Seconds(), slices.Min(ours).Seconds()
	b.ReportMetric(least, "s-plain")
	b.ReportMetric(ourLeast, "s-run")
	b.ReportMetric(100*(ourLeast/least-1), "%-over")
	b.ReportMetric(100*(ourCPU.Seconds()/plainCPU.Seconds()-1), "%-cpu-over")
}

// spent is the processor time of this process and of those that it started and
// that ended.
func spent(b *testing.B) time.Duration {
	var sum time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return sum
}

// BenchmarkFirstEvent is the time from the request until the first task is
// there to be seen.
func BenchmarkFirstEvent(b *testing.B) {
	s := open(b, sqlite(b), map[string]string{"playbooks/hello.yml": steps(1)})
	s.accept()
	s.start()
	var started, seen time.Duration
	for b.Loop() {
		at := time.Now()
		r := s.mustAsk(as(b, "ben", people.Operator), run.Request{Playbook: "hello", Limit: "app-01"})
		s.until(r.ID, func(r run.Run) bool { return r.State == run.Running })
		started += time.Since(at)
		for {
			tasks, err := s.Tasks(b.Context(), r.ID)
			if err != nil {
				b.Fatal(err)
			}
			if len(tasks) > 0 {
				break
			}
			time.Sleep(2 * time.Millisecond)
		}
		seen += time.Since(at)
		s.ended(r.ID)
	}
	b.ReportMetric(float64(started.Milliseconds())/float64(b.N), "ms-until-started")
	b.ReportMetric(float64(seen.Milliseconds())/float64(b.N), "ms-until-first-task")
}

// told is what the callback says of a run of so many tasks on so many hosts.
func told(hosts, tasks int) (lines [][]byte) {
	add := func(format string, args ...any) { lines = append(lines, fmt.Appendf(nil, format, args...)) }
	at := float64(time.Now().Unix())
	add(`{"event":"start","at":%f,"ansible":"2.14.18"}`, at)
	for t := range tasks {
		add(`{"event":"task","at":%f,"id":"task-%d","name":"Step %d","action":"ansible.builtin.copy"}`, at, t, t)
		for h := range hosts {
			add(`{"event":"began","at":%f,"id":"task-%d","host":"app-%04d"}`, at, t, h)
			add(`{"event":"result","at":%f,"id":"task-%d","host":"app-%04d","status":"ok","changed":%t,"took":0.2,"diff":"--- before\n+++ after\n@@ -1 +1 @@\n-old\n+new\n"}`, at, t, h, h%10 == 0)
		}
	}
	return lines
}

// pages serves the pages of an office to a viewer.
func pages(o *run.Office) http.Handler {
	c := console.New(console.Options{Auth: anybody{}, Log: slog.New(slog.DiscardHandler)})
	runweb.Register(c, runweb.Options{Office: o, Name: func(s string) string { return s }, ServersOf: func(string) []string { return nil }})
	return c.Handler()
}

// anybody lets everybody in as somebody who may read.
type anybody struct{}

func (anybody) Authenticate(*http.Request) (people.Actor, people.Session, error) {
	return people.Actor{Slug: "vera", Name: "Vera", Role: people.Viewer, Via: people.ViaSession}, people.Session{}, nil
}

func page(t testing.TB, h http.Handler, path string) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%s answers %d: %s", path, w.Code, w.Body)
	}
	return w.Body.String()
}

// TestThePageOfALargeRunStaysSmall has a run of as many hosts as a company may
// have, of which a page shows some.
func TestThePageOfALargeRunStaysSmall(t *testing.T) {
	s := open(t, sqlite(t), nil)
	s.accept()
	r := s.mustAsk(as(t, "ben", people.Operator), run.Request{Playbook: "hello", Limit: "all"})
	if err := run.Feed(t.Context(), s.Office, r, told(1000, 8), 500); err != nil {
		t.Fatal(err)
	}
	shown := page(t, pages(s.Office), "/runs/"+r.ID)
	if len(shown) > 500<<10 || !strings.Contains(shown, "Step 7") || !strings.Contains(shown, "1 to 100 of 1003") {
		t.Errorf("the page has %d bytes", len(shown))
	}
}

// BenchmarkRecord stores what 1,000 hosts say about 50 tasks, written every 500
// events, reads what a page shows of it, and makes that page.
func BenchmarkRecord(b *testing.B) {
	const hosts, tasks = 1000, 50
	s := open(b, sqlite(b), nil)
	s.accept()
	lines := told(hosts, tasks)
	var last run.Run
	b.Run("store", func(b *testing.B) {
		for b.Loop() {
			last = s.mustAsk(as(b, "ben", people.Operator), run.Request{Playbook: "hello", Limit: "all"})
			if err := run.Feed(b.Context(), s.Office, last, lines, 500); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(lines)*b.N)/b.Elapsed().Seconds(), "events/s")
	})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			all, err := s.Hosts(b.Context(), last.ID)
			if err != nil || len(all) < hosts {
				b.Fatalf("%d hosts, %v", len(all), err)
			}
			if done, err := s.Tasks(b.Context(), last.ID); err != nil || len(done) != tasks {
				b.Fatalf("%d tasks, %v", len(done), err)
			}
			if changed, _, err := s.Results(b.Context(), last.ID, run.ResultFilter{Changed: true, Limit: 30}); err != nil || len(changed) != 30 {
				b.Fatalf("%d results, %v", len(changed), err)
			}
		}
	})
	b.Run("page", func(b *testing.B) {
		h, size := pages(s.Office), 0
		for b.Loop() {
			size = len(page(b, h, "/runs/"+last.ID))
		}
		b.ReportMetric(float64(size), "B/page")
	})
}

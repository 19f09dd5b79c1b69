package e2e_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
)

// powerCut takes a server's power in the middle of a task.
func (y *yard) powerCut(t *testing.T) {
	t.Parallel()
	const gate = "power"
	r := y.ask(t, "wait", "app-01,app-02", map[string]any{"gate": gate})
	y.atTheGate(t, r, gate, 0, 1)
	if err := y.servers[1].Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	y.openGate(t, gate, 0)
	r = y.ended(t, r.ID, "failed")
	if got, want := r.hosts(), (map[string]string{"app-01": "done", "app-02": "unreachable"}); !maps.Equal(got, want) || !strings.HasPrefix(r.Cause, "app-02 could not be reached: ") {
		t.Errorf("the servers are %v and the cause is %q, want %v", got, r.Cause, want)
	}
	y.holds(t, 0, "/srv/done-"+gate, "done\n")
	within(t, 20*time.Second, "its failure is an alert that says why, and leads to it", func() error {
		alerts, err := list[struct {
			Name, State string
			Labels      map[string]string
			Annotations map[string]string
		}](y.demo, "/api/vigie/v1/alerts?name=RunFailed")
		for _, a := range alerts {
			if a.Name == "RunFailed" && a.Labels["playbook"] == "wait" && strings.Contains(a.Annotations["description"], "app-02 could not be reached") && strings.Contains(a.Annotations["link"], "/runs/"+r.ID) {
				return nil
			}
		}
		return fmt.Errorf("%+v: %w", alerts, errOr(err))
	})

	if err := y.servers[1].Boot(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := y.servers[1].WaitSSH(t.Context()); err != nil {
		t.Fatal(err)
	}
	y.openGate(t, gate, 1)
	out, errs, status := y.asAdmin(t, "runs", "retry", fmt.Sprint(r.Number), "--follow")
	if status != 0 || !strings.Contains(errs, " on app-02.\n") || strings.Contains(out, "app-01") {
		t.Errorf("retry says %d %s%s", status, errs, out)
	}
	y.holds(t, 1, "/srv/done-"+gate, "done\n")
}

// keepAlive is how long ssh waits for a server that is silent.
const keepAlive = 15 * time.Second

// cableCut lets what is sent to a server vanish without a word.
func (y *yard) cableCut(t *testing.T) {
	t.Parallel()
	const gate = "cable"
	r := y.ask(t, "wait", "db-01", map[string]any{"gate": gate})
	y.atTheGate(t, r, gate, 2)
	began := time.Now()
	if err := y.servers[2].Cut(t.Context()); err != nil {
		t.Fatal(err)
	}
	r = y.ended(t, r.ID, "failed")
	took := time.Since(began)
	if err := y.servers[2].Join(t.Context()); err != nil {
		t.Fatal(err)
	}
	if took > keepAlive+15*time.Second {
		t.Errorf("the cut was noticed after %v, want it after about %v", took, keepAlive)
	}
	if r.hosts()["db-01"] != "unreachable" || !strings.HasPrefix(r.Cause, "db-01 could not be reached: ") {
		t.Errorf("the servers are %v and the cause is %q", r.hosts(), r.Cause)
	}
	y.openGate(t, gate, 2)
	if _, errs, status := y.asAdmin(t, "runs", "retry", fmt.Sprint(r.Number), "--follow"); status != 0 {
		t.Errorf("plugged in again, retry says %d %s", status, errs)
	}
}

// canceled stops a run between two servers.
func (y *yard) canceled(t *testing.T) {
	t.Parallel()
	const gate = "cancel"
	r := y.ask(t, "in-turn", "app-01,app-02", map[string]any{"gate": gate})
	y.atTheGate(t, r, gate, 0)
	if len(y.processesOf(t, r.Number)) == 0 {
		t.Error("no process of the run is seen, so this story would prove nothing")
	}
	began := time.Now()
	if out, errs, status := y.asAdmin(t, "runs", "cancel", fmt.Sprint(r.Number), "--reason", "the wrong evening"); status != 0 || !strings.Contains(out, "is being stopped") {
		t.Errorf("cancel says %d %s%s", status, out, errs)
	}
	r = y.ended(t, r.ID, "canceled")
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("canceling took %v", took)
	}
	if got, want := r.hosts(), (map[string]string{"app-01": "cut off", "app-02": "untouched"}); !maps.Equal(got, want) || r.Cause != "by story-admin: the wrong evening" {
		t.Errorf("the servers are %v and the cause is %q, want %v", got, r.Cause, want)
	}
	if left := y.processesOf(t, r.Number); len(left) > 0 {
		t.Errorf("after its end the run has the processes %v", left)
	}
	if y.has(1, "/srv/at-"+gate) {
		t.Error("app-02 is said to be untouched and was touched")
	}
}

// processesOf lists the processes of a run, or of all runs for 0: those of the
// user of runs whose room is a folder of this hub. Other stories have runs of
// their own.
func (y *yard) processesOf(t *testing.T, run int64) []string {
	t.Helper()
	uid := strings.TrimSpace(must(t, "", "id", "-u", "vigie-run"))
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, dir := range all {
		status, err := os.ReadFile(filepath.Join(dir, "status"))
		if err != nil || !strings.Contains(string(status), "\nUid:\t"+uid+"\t") {
			continue // it ended meanwhile, or is somebody else's
		}
		if mounts, _ := os.ReadFile(filepath.Join(dir, "mountinfo")); !strings.Contains(string(mounts), y.data+"/") {
			continue // its room is another hub's
		}
		environ, _ := os.ReadFile(filepath.Join(dir, "environ"))
		if run != 0 && !strings.Contains("\x00"+string(environ), fmt.Sprintf("\x00VIGIE_RUN=%d\x00", run)) {
			continue
		}
		words, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		out = append(out, filepath.Base(dir)+" "+strings.ReplaceAll(string(words), "\x00", " "))
	}
	return out
}

// impostor puts another server in the place of one.
func (y *yard) impostor(t *testing.T) {
	if err := y.servers[0].NewHostKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	const gate = "impostor"
	y.openGate(t, gate, 0)
	r := y.ask(t, "wait", "app-01", map[string]any{"gate": gate})
	r = y.ended(t, r.ID, "failed")
	if !strings.HasPrefix(r.Cause, "the host key of app-01 is not the one that is known") || !strings.Contains(r.Cause, "operations repository") || r.hosts()["app-01"] != "unreachable" {
		t.Errorf("the run failed with %q, %v", r.Cause, r.hosts())
	}
	if y.has(0, "/srv/at-"+gate) {
		t.Error("something was done there")
	}
	// The key is declared in the repository, and so it is changed there.
	hash := y.push(t, "nadia", map[string]string{"servers.yaml": y.serversFile(t)}, y.signature()...)
	if _, errs, status := y.asAdmin(t, "run", "wait", "--commit", hash, "--limit", "app-01", "--var", "gate="+gate, "--reason", "installed anew", "--follow"); status != 0 {
		t.Errorf("with its new key in the repository, the run says %d %s", status, errs)
	}
}

// behindAnother reaches a server only through another one.
func (y *yard) behindAnother(t *testing.T) {
	servers := strings.Replace(y.serversFile(t), "roles: [db], ports: [], ssh: {", "roles: [db], ports: [], ssh: {jump: app-01, ", 1)
	hash := y.push(t, "nadia", map[string]string{"servers.yaml": servers, "playbooks/wait.yml": `
- hosts: all
  gather_facts: false
  tasks:
    - name: Tell where it is reached from
      ansible.builtin.shell: echo "$SSH_CONNECTION {{ gate }}" > /srv/whence
      changed_when: true
`}, y.signature()...)
	if out, errs, status := y.asAdmin(t, "run", "wait", "--commit", hash, "--limit", "db-01", "--var", "gate=jump", "--reason", "it stands behind another", "--follow"); status != 0 {
		t.Fatalf("the run says %d %s%s", status, out, errs)
	}
	b, err := os.ReadFile(y.servers[2].Path("/srv/whence"))
	if err != nil {
		t.Fatal(err)
	}
	if from := strings.Fields(string(b)); len(from) != 5 || from[0] != y.servers[0].Address || from[4] != "jump" {
		t.Errorf("db-01 was reached from %q, want app-01, which is %s", b, y.servers[0].Address)
	}

	// Somebody stands in between, where ssh would only say that db-01 is out of
	// reach.
	if err := y.servers[0].NewHostKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := y.tryAsk(map[string]any{"playbook": "wait", "commit": hash, "limit": "db-01", "variables": map[string]any{"gate": "impostor"}, "reason": "a story"})
	if err != nil {
		t.Fatal(err)
	}
	if r = y.ended(t, r.ID, "failed"); !strings.HasPrefix(r.Cause, "the host key of app-01 is not the one that is known") {
		t.Errorf("the run failed with %q", r.Cause)
	}
	y.push(t, "nadia", map[string]string{"servers.yaml": y.serversFile(t)}, y.signature()...)
}

// hubEnds ends the hub in the middle of a run and starts it again.
func (y *yard) hubEnds(t *testing.T, gate string, end func()) {
	r := y.ask(t, "wait", "app-02,db-01", map[string]any{"gate": gate})
	y.atTheGate(t, r, gate, 1, 2)
	if rooms, _, _ := run(t, "", "pgrep", "--full", filepath.Join(y.data, "runs")); rooms == "" || len(y.processesOf(t, r.Number)) == 0 {
		t.Error("no process of the run is seen, so this story would prove nothing")
	}
	end()
	within(t, 10*time.Second, "all processes of the run end", func() error {
		// The first process of a run is root's.
		rooms, _, _ := run(t, "", "pgrep", "--full", "--list-full", filepath.Join(y.data, "runs"))
		if left := y.processesOf(t, 0); len(left) > 0 || rooms != "" {
			return fmt.Errorf("there are %v %s", left, rooms)
		}
		return nil
	})
	y.hub.restart()
	r = y.until(t, r.ID, "interrupted", func(r runItem) bool { return r.State == "interrupted" })
	if got, want := r.hosts(), (map[string]string{"app-02": "cut off", "db-01": "cut off"}); !maps.Equal(got, want) || !strings.HasPrefix(r.Cause, "the hub ") {
		t.Errorf("the servers are %v and the cause is %q, want %v", got, r.Cause, want)
	}
	if left, err := os.ReadDir(filepath.Join(y.data, "runs")); err != nil || len(left) > 0 {
		t.Errorf("the hub keeps %v of it, %v", left, err)
	}
	// The servers are free again.
	y.openGate(t, gate, 1)
	y.openGate(t, gate, 2)
	if _, errs, status := y.asAdmin(t, "runs", "retry", fmt.Sprint(r.Number), "--follow"); status != 0 || !strings.Contains(errs, " on app-02, db-01.\n") {
		t.Errorf("retry says %d %s", status, errs)
	}
}

// alter writes into the state of a hub that is stopped, past the program.
func (y *yard) alter(t *testing.T, q string, args ...any) {
	t.Helper()
	y.state(t, func(d *db.DB) error {
		return d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.NewRaw(q, args...).Exec(ctx)
			return err
		})
	})
}

// state opens the state of the hub.
func (y *yard) state(t *testing.T, f func(*db.DB) error) {
	t.Helper()
	d, err := db.Open(t.Context(), db.Config{Engine: db.SQLite, Path: filepath.Join(y.data, "state.db")}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := f(d); err != nil {
		t.Error(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

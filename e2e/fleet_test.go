package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestANewcomerHasServersToDeployTo does what `make fleet` does, twice in one
// folder.
func TestANewcomerHasServersToDeployTo(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "fleet")
	if out, err := exec.Command("go", "build", "-o", program, "./testfleet/cmd/fleet").CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v: %s", err, out)
	}
	d := &demo{dir: t.TempDir(), listen: freeAddress(t)}
	up := func() {
		t.Helper()
		d.process = startProgram(t, program, "--vigie", binary(t), "--listen", d.listen, "--data", d.dir)
		d.waitDemo()
		within(t, 20*time.Second, "the servers let the hub in", func() error {
			if !strings.Contains(d.out.String(), "the hub may sign in to them") {
				return errNotYet
			}
			return nil
		})
	}
	up()
	b, err := os.ReadFile(filepath.Join(d.dir, "fleet", "network"))
	if err != nil {
		t.Fatal(err)
	}
	d.ask(`{"playbook": "site", "limit": "staging-01", "reason": "the first one of a newcomer"}`, "succeeded")
	open, err := d.openAlerts()
	// That a new server is not as its playbooks say is what the check has found.
	open = slices.DeleteFunc(open, func(a alertItem) bool { return a.Labels["alertname"] == "Drift" })
	if err != nil || len(open) > 0 {
		t.Errorf("a fleet that is well has the alerts %+v, %v", open, err)
	}
	d.stop()

	// Its servers are installed anew, and are still those that the hub knows.
	up()
	d.ask(`{"playbook": "site", "limit": "app-02", "check": true}`, "succeeded")
	if status, body, err := d.call("POST", "/api/vigie/v1/runs", strings.NewReader(`{"playbook": "site", "limit": "app-01", "reason": "a client's production"}`)); err != nil || status != http.StatusCreated || !strings.Contains(string(body), `"approvers":["`) {
		t.Errorf("a run on app-01 is answered with %d %s %v, want one that somebody must approve", status, body, err)
	}
	d.stop()
	other := filepath.Join(t.TempDir(), "servers.yaml")
	if err := os.WriteFile(other, []byte("servers:\n  - {slug: other, address: 192.0.2.9}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, status := vigie(t, "demo", "--listen", d.listen, "--data", d.dir, "--fleet", other); status != 1 || !strings.Contains(errs, "was made for other servers") {
		t.Errorf("other servers in the same folder: %d %s, want them refused", status, errs)
	}
	within(t, 10*time.Second, "nothing of the fleet is left", func() error {
		bridge := "vgf" + string(b)
		if _, err := os.Stat("/run/vigie-testfleet/" + bridge); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the folder of %s is there: %w", bridge, errOr(err))
		}
		if exec.Command("ip", "link", "show", bridge).Run() == nil {
			return fmt.Errorf("the bridge %s is there", bridge)
		}
		return nil
	})
}

// ask asks for a run and waits for its end.
func (d *demo) ask(request, want string) {
	d.t.Helper()
	status, b, err := d.call("POST", "/api/vigie/v1/runs", strings.NewReader(request))
	var run struct{ ID, State, Cause string }
	if err != nil || status != http.StatusCreated || json.Unmarshal(b, &run) != nil {
		d.t.Fatalf("%s: %d %s %v", request, status, b, err)
	}
	within(d.t, 90*time.Second, "the run ends", func() error {
		var now struct {
			State, Cause string
			EndedAt      *time.Time `json:"ended_at"`
		}
		if err := d.get("/api/vigie/v1/runs/"+run.ID, &now); err != nil {
			return err
		}
		run.State, run.Cause = now.State, now.Cause
		if now.EndedAt == nil {
			return fmt.Errorf("it is %s", now.State)
		}
		return nil
	})
	if run.State != want {
		_, log, _ := d.call("GET", "/api/vigie/v1/runs/"+run.ID+"/log.txt", nil)
		d.t.Fatalf("%s %s: %s\n%s", request, run.State, run.Cause, tail(string(log), 4000))
	}
}

package e2e_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// worded is an alert with what it says.
type worded struct {
	alertItem
	Summary string
}

// waitAlert waits for an open alert of a name, or, with false, until there is
// none.
func (h *hub) waitAlert(name string, there bool) worded {
	h.t.Helper()
	var found worded
	within(h.t, 60*time.Second, fmt.Sprintf("the alert %s is there: %v", name, there), func() error {
		all, err := list[worded](h.demo, "/api/vigie/v1/alerts?state=open&limit=1000")
		if err != nil {
			return err
		}
		is := false
		for _, a := range all {
			if a.Labels["alertname"] == name {
				found, is = a, true
			}
		}
		if is != there {
			return fmt.Errorf("open alerts are %+v", all)
		}
		return nil
	})
	return found
}

// TestTheOperationsRepositoryBreaksAndGoesAway has a bad commit pushed, mended,
// and then the whole repository removed.
func TestTheOperationsRepositoryBreaksAndGoesAway(t *testing.T) {
	t.Parallel()
	h := startHub(t, hubOptions{operations: watchCompany("25"), git: true})
	servers := func(want int) {
		t.Helper()
		all, err := list[map[string]any](h.demo, "/api/vigie/v1/servers")
		if err != nil || len(all) != want {
			t.Errorf("the hub knows %d servers, %v; want %d", len(all), err, want)
		}
	}
	h.write("more.yaml", "servers:\n  - {slug: app-03, name: Third, address: 127.0.0.3, ports: []}\n  - {slug: app-04, name: Fourth, adress: 127.0.0.4, ports: []}\n")
	a := h.waitAlert("OperationsRepositoryInvalid", true)
	t.Logf("it says: %s", a.Summary)
	if !strings.Contains(a.Summary, "more.yaml:3:") {
		t.Errorf("the alert says %q, want file and line", a.Summary)
	}
	servers(2)
	h.kill()
	h.restart()
	servers(2)
	h.waitAlert("OperationsRepositoryInvalid", true)
	h.write("more.yaml", "servers:\n  - {slug: app-03, name: Third, address: 127.0.0.3, ports: []}\n")
	h.waitAlert("OperationsRepositoryInvalid", false)
	servers(3)

	if err := os.Rename(h.operations, h.operations+".away"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	a = h.waitAlert("OperationsRepositoryUnreachable", true)
	t.Logf("gone, after %v: %s", time.Since(began).Round(100*time.Millisecond), a.Summary)
	if n := strings.Count(h.out.String(), "operations repository not checked"); n < 3 {
		t.Errorf("the alert came after %d failures, want three", n)
	}
	servers(3)
	h.kill()
	h.restart()
	servers(3)
	h.waitAlert("OperationsRepositoryUnreachable", true)
	if err := os.Rename(h.operations+".away", h.operations); err != nil {
		t.Fatal(err)
	}
	h.waitAlert("OperationsRepositoryUnreachable", false)
	servers(3)
}

package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// finding is what differs on a server, as the API tells it.
type finding struct{ Server, Playbook, Task, State, Diff, Run string }

func (y *yard) findings(state string) ([]finding, error) {
	var page items[finding]
	err := y.get("/api/vigie/v1/drift?state="+state, &page)
	return page.Items, err
}

// looked asks for a look at all servers and waits until it is taken in.
func (y *yard) looked(t *testing.T, what string, ok func([]finding) bool) []finding {
	t.Helper()
	status, b, err := y.call("POST", "/api/vigie/v1/drift/look", strings.NewReader("{}"))
	if err != nil || status >= 300 {
		t.Fatalf("look: %d %s %v", status, b, err)
	}
	var found []finding
	within(t, time.Minute, what, func() error {
		var err error
		if found, err = y.findings("open"); err == nil && !ok(found) {
			err = fmt.Errorf("found is %+v", found)
		}
		return err
	})
	return found
}

// drifts has somebody change a file by hand, and a run mend it.
func (y *yard) drifts(t *testing.T) {
	y.ended(t, y.ask(t, "site", "all", nil).ID, "succeeded")
	put(t, y.servers[1].Path("/srv/site/greeting"), "mended by hand at night\n", 0o644)
	found := y.looked(t, "the look finds what was changed by hand", func(f []finding) bool { return len(f) > 0 })
	if len(found) != 1 || found[0].Server != "app-02" || found[0].Task != "A file" || !strings.Contains(found[0].Diff, "-mended by hand at night") || !strings.Contains(found[0].Diff, "+good day from app-02") {
		t.Errorf("found is %+v", found)
	}
	y.holds(t, 1, "/srv/site/greeting", "mended by hand at night\n")
	firing := func() (n int, err error) {
		var page items[struct {
			Name   string
			State  string
			Labels map[string]string
		}]
		if err := y.get("/api/vigie/v1/alerts?name=Drift&state=firing", &page); err != nil {
			return 0, err
		}
		for _, a := range page.Items {
			if a.Labels["server"] == "app-02" {
				n++
			}
		}
		return n, nil
	}
	fires := func(want int) func() error {
		return func() error {
			n, err := firing()
			if err == nil && n != want {
				err = fmt.Errorf("there are %d alerts", n)
			}
			return err
		}
	}
	within(t, 30*time.Second, "the server that drifts is an alert", fires(1))
	y.ended(t, y.ask(t, "site", "app-02", nil).ID, "succeeded")
	within(t, 30*time.Second, "the run clears what it mended", func() error {
		open, err := y.findings("open")
		if err == nil && len(open) > 0 {
			err = fmt.Errorf("open is %+v", open)
		}
		return err
	})
	within(t, 30*time.Second, "the alert resolves", fires(0))
	if gone, err := y.findings("gone"); err != nil || len(gone) != 1 {
		t.Errorf("gone is %+v, %v", gone, err)
	}
	if status, page, _ := y.nadia.open("/drift", nil); status != http.StatusOK || !strings.Contains(page, "Nothing drifts") {
		t.Errorf("the page answers %d %s", status, tail(page, 500))
	}
}

// seesDrift has tomas look for drift, say that some of it does not matter, and
// take that back.
func (y *yard) seesDrift(t *testing.T, b *window) {
	b.t = t
	put(t, y.servers[2].Path("/srv/site/greeting"), "<b>written</b> by hand\n", 0o644)
	b.open("/drift")
	b.watch()
	b.press("Look now")
	b.until("the finding appears by itself", `document.querySelector("main").textContent.includes("<b>written</b> by hand")`)
	b.look("drift", "/drift")
	b.open("/drift?server=db-01")
	b.press("Ignore…")
	b.fill("input[name=reason]", "a greeting of our own")
	b.press("Ignore it")
	b.until("it is said to be ignored", `document.querySelector(".flash")`)
	b.open("/drift?server=db-01&state=ignored")
	b.sees("a greeting of our own")
	b.look("drift-ignored", "")
	b.press("Take back")
	b.until("it is said to be taken back", `document.querySelector(".flash")`)
	b.open("/drift?server=db-01")
	b.sees("A file")
	if ok, err := js[bool](b, `!document.querySelector("main pre b")`); err != nil || !ok {
		t.Errorf("what a server holds became part of the page, %v", err)
	}
}

package e2e_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestTheRiver is the story that everything else stands on: something breaks,
// an alert fires, an issue opens, a person is mailed and acknowledges from the
// mail, it is mended, and all of it is over.
func TestTheRiver(t *testing.T) {
	dir, listen := t.TempDir(), freeAddress(t)
	d := startDemo(t, dir, listen)

	within(t, 15*time.Second, "real figures of this machine", func() error {
		var r struct {
			Data struct{ Result []any }
		}
		if err := d.get("/api/v1/query?query="+url.QueryEscape(`count({__name__=~"node_.+"}) > 100`), &r); err != nil {
			return err
		}
		if len(r.Data.Result) == 0 {
			return errNotYet
		}
		return nil
	})
	for path, field := range map[string]string{"clients": "slug", "instances": "slug", "servers": "slug"} {
		all, err := list[map[string]any](d, "/api/vigie/v1/"+path)
		if err != nil {
			t.Fatal(err)
		}
		if len(all) == 0 || all[0][field] == "" {
			t.Errorf("%s are %v, want some with a %s", path, all, field)
		}
	}
	servers, err := list[map[string]any](d, "/api/vigie/v1/servers")
	if err != nil || len(servers) != 1 {
		t.Fatalf("servers are %v, %v; want this machine alone", servers, err)
	}
	if open, err := d.openAlerts(); err != nil || len(open) > 0 {
		t.Fatalf("a healthy demo has open alerts: %v %v", open, err)
	}

	broken := time.Now()
	d.post("/demo/break")
	var (
		alert alertItem
		issue issueItem
		mail  mailItem
	)
	within(t, 15*time.Second, "alert, issue and mail", func() error {
		open, err := d.openAlerts()
		if err != nil || len(open) == 0 {
			return fmt.Errorf("no alert yet (%w)", errOr(err))
		}
		alert = open[0]
		issues, err := list[issueItem](d, "/api/vigie/v1/issues")
		if err != nil || len(issues) == 0 {
			return fmt.Errorf("no issue yet (%w)", errOr(err))
		}
		issue = issues[0]
		mails, err := list[mailItem](d, "/demo/mail")
		if err != nil || len(mails) == 0 {
			return fmt.Errorf("no mail yet (%w)", errOr(err))
		}
		mail = mails[0]
		return nil
	})
	t.Logf("from the fault to alert, issue and mail: %v", time.Since(broken).Round(100*time.Millisecond))
	instance := alert.Labels["app_instance"]
	if instance == "" || alert.State != "firing" || alert.AcknowledgedBy != "" {
		t.Errorf("the alert is %+v, want it firing on an instance, acknowledged by nobody", alert)
	}
	if !slices.Contains(issue.Instances, instance) || issue.State != "open" || issue.OpenedAt.IsZero() {
		t.Errorf("the issue is %+v, want it open on %s", issue, instance)
	}
	if !strings.Contains(mail.Subject, instance) {
		t.Errorf("the mail's subject %q does not name the instance %s", mail.Subject, instance)
	}

	link := acknowledgeLink(t, mail)
	// A mail scanner opens every link, with and without a browser's headers.
	for range 3 {
		for _, l := range mail.Links {
			if !strings.HasPrefix(l, d.endpoints.Console) { // the broken instance itself
				continue
			}
			if status, _, err := call("GET", l, "", nil); err != nil || status >= 500 {
				t.Fatalf("GET %s: %d %v", l, status, err)
			}
			if status, _, err := call("HEAD", l, "", nil); err != nil || status >= 500 {
				t.Fatalf("HEAD %s: %d %v", l, status, err)
			}
		}
	}
	if open, err := d.openAlerts(); err != nil || len(open) != 1 || open[0].AcknowledgedBy != "" {
		t.Fatalf("opening the links of the mail changed the alert to %+v %v", open, err)
	}
	resp, err := client.PostForm(link, url.Values{})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode >= 400 {
		t.Fatalf("acknowledging answers %d", resp.StatusCode)
	}
	within(t, 5*time.Second, "the acknowledgement", func() error {
		open, err := d.openAlerts()
		if err != nil || len(open) != 1 || open[0].AcknowledgedBy == "" {
			return fmt.Errorf("open alerts are %+v: %w", open, errOr(err))
		}
		if open[0].State != "acknowledged" {
			return fmt.Errorf("the state is %s", open[0].State)
		}
		return nil
	})

	// A restart in the middle keeps everything, and the ports.
	before := d.endpoints
	d.stop()
	if _, err := os.Stat(filepath.Join(dir, "endpoints.json")); !os.IsNotExist(err) {
		t.Errorf("endpoints.json is there after the stop: %v", err)
	}
	d = startDemo(t, dir, listen)
	if d.endpoints != before {
		t.Errorf("the endpoints were %+v and are %+v", before, d.endpoints)
	}
	all, err := list[alertItem](d, "/api/vigie/v1/alerts")
	i := slices.IndexFunc(all, func(a alertItem) bool { return a.ID == alert.ID })
	if err != nil || i < 0 || all[i].AcknowledgedBy == "" {
		t.Errorf("after the restart the alerts are %+v %v, want %s still acknowledged", all, err, alert.ID)
	}

	d.post("/demo/mend")
	within(t, 30*time.Second, "everything resolves", func() error {
		open, err := d.openAlerts()
		if err != nil || len(open) > 0 {
			return fmt.Errorf("still open: %+v: %w", open, errOr(err))
		}
		issues, err := list[issueItem](d, "/api/vigie/v1/issues")
		if err != nil {
			return err
		}
		for _, i := range issues {
			if i.State == "open" {
				return fmt.Errorf("issue %s is still open", i.Title)
			}
		}
		return nil
	})
	if status, _, _ := call("GET", d.endpoints.Console+"/api/vigie/v1/alerts", "", nil); status != http.StatusUnauthorized {
		t.Errorf("without a token the alerts answer %d, want 401", status)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, _, err := call("GET", d.endpoints.Console+path, "", nil); status != http.StatusOK {
			t.Errorf("%s answers %d %v without a token, want 200", path, status, err)
		}
	}
}

// acknowledgeLink finds the link with which the reader acknowledges.
func acknowledgeLink(t *testing.T, m mailItem) string {
	t.Helper()
	i := slices.IndexFunc(m.Links, func(l string) bool { return strings.Contains(l, "/ack/") })
	if i < 0 {
		t.Fatalf("the mail has no link to acknowledge: %v", m.Links)
	}
	return m.Links[i]
}

// errOr is err, or that the time has not come.
func errOr(err error) error {
	if err != nil {
		return err
	}
	return errNotYet
}

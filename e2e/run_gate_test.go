package e2e_test

import (
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// unaccepted asks for runs of a commit that tomas wrote and nobody looked at,
// until nadia does.
func (y *yard) unaccepted(t *testing.T) {
	hash := y.push(t, "tomas", map[string]string{"playbooks/templates/greeting.j2": "{{ greeting }}, says tomas\n"})
	_, err := y.tryAsk(map[string]any{"playbook": "site", "commit": hash, "limit": "all", "reason": "a story"})
	if err == nil || !strings.HasPrefix(err.Error(), "422 ") || !strings.Contains(err.Error(), "/runs/commits/"+hash) {
		t.Errorf("the API answers %v, want where the commit is accepted", err)
	}
	_, errs, status := y.asAdmin(t, "run", "site", "--commit", hash, "--check")
	if status != 1 || !strings.Contains(errs, "Somebody other than its author accepts it at /runs/commits/"+hash) || !strings.Contains(errs, "signed by a key of the review policy") {
		t.Errorf("the command says %d %s", status, errs)
	}

	page := "/runs/commits/" + hash
	if _, shown, _ := y.tomas.open(page, nil); !strings.Contains(shown, "you wrote some of what would be accepted") || strings.Contains(shown, "Accept what I looked at") {
		t.Errorf("tomas is offered to accept his own commit: %s", tail(shown, 2000))
	}
	if status, _, _ := y.tomas.submit(t, "/runs", page+"/accept", url.Values{}); status != http.StatusUnprocessableEntity {
		t.Errorf("tomas accepts his own commit: %d", status)
	}
	if status, b, err := y.call("POST", page+"/accept", nil); err != nil || status != http.StatusUnprocessableEntity || !strings.Contains(string(b), "not by a token") {
		t.Errorf("a program accepts a commit: %d %s %v", status, tail(string(b), 300), err)
	}
	if _, shown, _ := y.nadia.open(page, nil); !strings.Contains(shown, "says tomas") {
		t.Errorf("the page does not show what changes: %s", tail(shown, 2000))
	}
	if status, _, _ := y.nadia.submit(t, page, page+"/accept", url.Values{"note": {"fine"}}); status != http.StatusSeeOther {
		t.Fatalf("nadia accepts: %d", status)
	}
	_, errs, status = y.asAdmin(t, "run", "site", "--commit", hash[:10], "--limit", "app-01", "--var", "greeting=hello", "--reason", "a story", "--follow")
	if status != 0 {
		t.Fatalf("accepted, the run says %d %s", status, errs)
	}
	y.holds(t, 0, "/srv/site/greeting", "hello, says tomas\n")
}

// signed runs what the key of the policy signed, and not what another did.
func (y *yard) signed(t *testing.T) {
	other := filepath.Join(t.TempDir(), "other")
	must(t, "", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "nadia", "-f", other)
	change := map[string]string{"playbooks/templates/greeting.j2": "{{ greeting }}, signed\n"}
	forged := y.push(t, "nadia", change, "-c", "gpg.format=ssh", "-c", "user.signingkey="+other, "-c", "commit.gpgsign=true")
	if _, err := y.tryAsk(map[string]any{"playbook": "site", "commit": forged, "limit": "all", "reason": "a story"}); err == nil || !strings.Contains(err.Error(), "was not accepted") {
		t.Errorf("signed by another key, the API answers %v", err)
	}
	hash := y.push(t, "nadia", change, y.signature()...)
	r, err := y.tryAsk(map[string]any{"playbook": "site", "commit": hash, "limit": "app-01", "variables": map[string]any{"greeting": "hello"}, "reason": "a story"})
	if err != nil {
		t.Fatal(err)
	}
	if r = y.ended(t, r.ID, "succeeded"); r.Accepted != "signed by nadia" {
		t.Errorf("it may run because %q", r.Accepted)
	}
	y.holds(t, 0, "/srv/site/greeting", "hello, signed\n")
}

// brokenGlass runs at night what nobody accepted, of a commit that takes from
// nadia that she leads.
func (y *yard) brokenGlass(t *testing.T) {
	const why = "the shop is down and everybody sleeps"
	hash := y.push(t, "tomas", map[string]string{
		"people.yaml":                     strings.Replace(yardPeople, ", lead: true", "", 1),
		"playbooks/templates/greeting.j2": "{{ greeting }}, by night\n",
	})
	out, errs, status := y.asAdmin(t, "run", "site", "--commit", hash, "--limit", "app-01", "--var", "greeting=hello", "--reason", "a story", "--break-glass", why, "--follow")
	if status != 0 {
		t.Fatalf("the run says %d %s%s", status, out, errs)
	}
	y.holds(t, 0, "/srv/site/greeting", "hello, by night\n")
	within(t, 30*time.Second, "nadia gets a mail", func() error {
		for _, m := range y.sink.all() {
			if strings.Contains(m.Subject, "Break-glass: ") && m.To == "nadia@halyard.example" && strings.Contains(m.Text, why) {
				return nil
			}
		}
		return errNotYet
	})
	var id string
	within(t, 20*time.Second, "everybody sees an alert", func() error {
		alerts, err := list[alertItem](y.demo, "/api/vigie/v1/alerts?name=BreakGlass")
		for _, a := range alerts {
			if strings.Contains(a.Annotations["description"], why) {
				_, id, _ = strings.Cut(a.Annotations["link"], "/runs/")
				return nil
			}
		}
		return fmt.Errorf("%+v: %w", alerts, errOr(err))
	})
	if _, page, _ := y.tomas.open("/runs/"+id, nil); !strings.Contains(page, why) || !strings.Contains(strings.ToLower(page), "break-glass") {
		t.Errorf("the run's page does not say it: %s", tail(page, 2000))
	}
	if _, page, _ := y.tomas.open("/runs", nil); !strings.Contains(strings.ToLower(page), "break-glass") {
		t.Errorf("the list does not mark it: %s", tail(page, 2000))
	}
}

// approval has tomas ask for what nadia then approves.
func (y *yard) approval(t *testing.T) {
	t.Parallel()
	status, page, to := y.tomas.submit(t, "/runs", "/runs", url.Values{"playbook": {"asked"}, "commit": {y.base}, "limit": {"db-01"}, "reason": {"the evening needs it"}, "var.greeting": {"good night"}})
	if status != http.StatusSeeOther {
		t.Fatalf("tomas asks: %d %s", status, tail(page, 2000))
	}
	id := strings.TrimPrefix(to, "/runs/")
	r := y.until(t, id, "waits", func(r runItem) bool { return r.State == "waiting" })
	if check := y.ended(t, r.Check, "succeeded"); check.Kind != "check" || check.Parent != id {
		t.Errorf("its check is %+v", check)
	}
	var letter sunk
	within(t, 30*time.Second, "a mail asks", func() error {
		for _, m := range y.sink.all() {
			if strings.Contains(m.Text, "/runs/"+id) {
				if m.To != "nadia@halyard.example" {
					t.Errorf("%s is asked", m.To)
				}
				letter = m
				return nil
			}
		}
		return errNotYet
	})
	if !strings.Contains(letter.Subject, "Approve? asked on db-01") || !strings.Contains(letter.Text, "the evening needs it") || !strings.Contains(letter.Text, "1 change") && !strings.Contains(letter.Text, "2 changes") {
		t.Errorf("the mail is %q\n%s", letter.Subject, letter.Text)
	}

	// The link acts by itself in nothing.
	link := regexp.MustCompile(`http\S+/runs/` + id).FindString(letter.Text)
	path, ok := strings.CutPrefix(link, y.endpoints.Console)
	if !ok {
		t.Fatalf("the link is %q", link)
	}
	reader := &browser{t: t, base: y.endpoints.Console}
	if status, _, to := reader.open(path, nil); status != http.StatusSeeOther || to != "/sign-in?next="+url.QueryEscape(path) {
		t.Errorf("without a session the link leads to %d %s", status, to)
	}
	if status, _, _ := reader.open(path+"/approve", url.Values{}); status != http.StatusUnauthorized {
		t.Errorf("approving without a session answers %d", status)
	}
	if status, page, _ := y.tomas.submit(t, "/runs", path+"/approve", url.Values{}); status != http.StatusUnprocessableEntity || !strings.Contains(page, "somebody else approves it") {
		t.Errorf("who asked approves: %d %s", status, tail(page, 500))
	}
	if status, b, err := y.call("POST", path+"/approve", nil); err != nil || status != http.StatusUnprocessableEntity || !strings.Contains(string(b), "not by a token") {
		t.Errorf("a program approves: %d %s %v", status, tail(string(b), 500), err)
	}
	if r := y.until(t, id, "waits still", func(runItem) bool { return true }); r.State != "waiting" {
		t.Fatalf("after all that it is %s", r.State)
	}
	if status, _, to := reader.open("/sign-in", url.Values{"name": {"nadia"}, "password": {yardPassword}, "next": {path}}); status != http.StatusSeeOther || to != path {
		t.Fatalf("nadia signs in: %d %s", status, to)
	}
	if status, page, _ := reader.submit(t, path, path+"/approve", url.Values{"note": {"go on"}}); status != http.StatusSeeOther {
		t.Fatalf("nadia approves: %d %s", status, tail(page, 500))
	}
	if r = y.ended(t, id, "succeeded"); r.ApprovedBy != "nadia" {
		t.Errorf("it was approved by %q", r.ApprovedBy)
	}
	y.holds(t, 2, "/srv/site/greeting", "good night from db-01, which calls itself "+y.servers[2].Name+"\n")
}

// askToLapse asks for what nobody will approve.
func (y *yard) askToLapse(t *testing.T) string {
	return y.ask(t, "lapsing", "db-01", nil).ID
}

func (y *yard) lapsed(t *testing.T, id string) {
	r := y.ended(t, id, "expired")
	if r.Cause != "nobody approved it in time" || r.StartedAt != nil {
		t.Errorf("it is %+v", r)
	}
	if status, page, _ := y.nadia.submit(t, "/runs", "/runs/"+id+"/approve", url.Values{}); status != http.StatusUnprocessableEntity {
		t.Errorf("approving it late answers %d %s", status, tail(page, 500))
	}
}

package driftweb_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/operate/drift"
	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/signal"
)

var sshd = run.Task{Name: "base : Configure sshd", Action: "ansible.builtin.template", Path: "/run/vigie-run/content/playbooks/roles/base/tasks/main.yml:12"}

func TestAnEmptyListSaysWhatIsMissing(t *testing.T) {
	h := newHouse(t, 2, "playbooks: [{slug: site, file: site.yml}]\n")
	body := h.page(people.Operator, "/drift")
	wants(t, body, "Drift is not looked for yet", "drift: true")
	lacks(t, body, "Look now")
	h = newHouse(t, 2, site)
	wants(t, h.page(people.Operator, "/drift"), "Nobody looked yet", "Look now", "Every night at 03:00, Europe/Paris.", "none was checked yet")
	h.check(nil)
	wants(t, h.page(people.Operator, "/drift"), "Nothing drifts", "of 2 checked", "run #1, 2 of 2 servers")
	wants(t, h.page(people.Viewer, "/drift?server=app-0001"), "Nothing drifts there")
}

func TestALookThatSawNothingDoesNotSayThatAllIsWell(t *testing.T) {
	h := newHouse(t, 1, site)
	r := run.Run{ID: "run-1", Kind: run.Check, State: run.Failed, Cause: "app-0000 could not be reached", Playbook: "site", Origin: drift.Origin, Number: 1, Seq: 1, EndedAt: h.now, Servers: []string{"app-0000"}}
	h.hosts[r.ID] = []run.Host{{Name: "app-0000", State: run.HostUnreachable}}
	h.ended = append(h.ended, r)
	h.work()
	body := h.page(people.Operator, "/drift")
	wants(t, body, "Nothing is known", "app-0000 could not be reached", "it saw 0 of 1 server", "run #1, 0 of 1 server")
	lacks(t, body, "Nothing drifts", "Nobody looked yet")
}

func TestTheListShowsWhatDriftsByServer(t *testing.T) {
	h := newHouse(t, 3, site)
	h.check(map[string][]run.Result{"app-0001": {{Task: 1, Diff: "-PermitRootLogin yes\n+PermitRootLogin no\n"}}}, sshd)
	h.now = h.now.Add(3 * 24 * time.Hour)
	body := h.page(people.Operator, "/drift")
	wants(t, body, "app-0001", "base : Configure sshd", "site, ansible.builtin.template, playbooks/roles/base/tasks/main.yml:12", "3 days",
		`<span class="line added">+PermitRootLogin no</span>`, "/runs/new?limit=app-0001&amp;playbook=site", "Ignore…", ">Oldest<", "of 3 checked")
	lacks(t, body, "app-0002")
	body = h.page(people.Viewer, "/drift")
	lacks(t, body, "Ignore…", "/runs/new", "Look now")
	wants(t, h.panel(console.ServerHalf, signal.Subject{Kind: signal.Server, Slug: "app-0001"}), "base : Configure sshd", "3 days")
	wants(t, h.panel(console.ServerHalf, signal.Subject{Kind: signal.Server, Slug: "app-0000"}), "Nothing drifts here", "Last looked")
	wants(t, h.panel(console.NowMain, signal.Subject{Kind: signal.Hub}), "1 server differs from their playbooks", "/drift?server=app-0001")
	wants(t, h.page(people.Viewer, "/rail?at=/drift"), `href="/drift"`, `>1<`)
}

func TestHostileTextStaysText(t *testing.T) {
	h := newHouse(t, 1, site)
	evil := sshd
	evil.Name, evil.Path = `<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>:3`
	h.check(map[string][]run.Result{"app-0000": {{Task: 1, Diff: "+</code></pre><script>alert(2)</script>\n"}}}, evil)
	_, id := h.first("")
	_, _ = h.do(people.Operator, http.MethodPost, "/drift/findings/"+id+"/ignore", url.Values{"reason": {"<script>alert(3)</script>"}})
	for _, body := range []string{
		h.page(people.Operator, "/drift"), h.page(people.Operator, "/drift?state=ignored"), h.panel(console.ServerHalf, signal.Subject{Kind: signal.Server, Slug: "app-0000"}),
		h.panel(console.NowMain, signal.Subject{Kind: signal.Hub}), h.page(people.Viewer, `/drift?server="><script>alert(4)</script>`),
	} {
		lacks(t, body, "<script>alert", "<img src=x")
	}
}

// first returns the first finding of the API.
func (h *house) first(query string) (map[string]any, string) {
	h.t.Helper()
	_, body := h.do(people.Viewer, http.MethodGet, "/api/vigie/v1/drift"+query, nil)
	var page struct{ Items []map[string]any }
	if err := json.Unmarshal([]byte(body), &page); err != nil {
		h.t.Fatalf("%v in %s", err, body)
	}
	if len(page.Items) == 0 {
		return nil, ""
	}
	return page.Items[0], page.Items[0]["id"].(string)
}

func TestSomebodyIgnoresAFindingAndTakesItBack(t *testing.T) {
	h := newHouse(t, 2, site)
	both := map[string][]run.Result{"app-0000": {{Task: 1, Diff: "+x"}}, "app-0001": {{Task: 1, Diff: "+x"}}}
	h.check(both, sshd)
	_, id := h.first("")
	path := "/drift/findings/" + id + "/ignore"
	if code, _ := h.do(people.Responder, http.MethodPost, path, url.Values{"reason": {"x"}}); code != http.StatusForbidden {
		t.Errorf("a responder gets %d", code)
	}
	if code, body := h.do(people.Operator, http.MethodPost, path, url.Values{"reason": {" "}}); code != http.StatusUnprocessableEntity && code != http.StatusBadRequest {
		t.Errorf("without a reason: %d %s", code, body)
	}
	form := url.Values{"reason": {"the vendor rewrites it"}, "where": {"all"}, "until": {"2026-12-24"}, "from": {"server=app-0000&said=x&next=//evil"}}
	if code, to := h.do(people.Operator, http.MethodPost, path, form); code != http.StatusSeeOther || to != "/drift?server=app-0000&said=ignored" {
		t.Errorf("ignoring leads with %d to %s", code, to)
	}
	wants(t, h.page(people.Operator, "/drift"), "Nothing drifts")
	body := h.page(people.Operator, "/drift?state=ignored")
	wants(t, body, "ignored by Nadia because the vendor rewrites it", "25 Dec", "app-0001", "all servers", "Take back", "Ignores in force")
	one, _ := h.first("?state=ignored")
	if one["state"] != "ignored" || one["ignored"].(map[string]any)["until"] != "2026-12-25T00:00:00Z" {
		t.Errorf("in the API it is %v", one)
	}
	end := regexp.MustCompile(`/drift/ignores/[0-9A-Z]+/end`).FindString(body)
	if code, to := h.do(people.Operator, http.MethodPost, end, url.Values{"from": {"state=ignored"}}); code != http.StatusSeeOther || to != "/drift?state=ignored&said=unignored" {
		t.Errorf("taking it back leads with %d to %s", code, to)
	}
	wants(t, h.page(people.Viewer, "/drift"), "app-0000", "app-0001")
	h.check(nil)
	wants(t, h.page(people.Viewer, "/drift?state=gone"), "not found any more", "/runs/run-2", "app-0001")
}

func TestLookNowIsAskedFor(t *testing.T) {
	h := newHouse(t, 1, site)
	if code, to := h.do(people.Operator, http.MethodPost, "/drift/look", url.Values{}); code != http.StatusSeeOther || to != "/drift?said=looking" || h.asked != 1 {
		t.Errorf("it leads with %d to %s, asked %d times", code, to, h.asked)
	}
	wants(t, h.page(people.Viewer, "/drift"), "looking", "/runs/asked-site")
	if code, _ := h.do(people.Viewer, http.MethodPost, "/api/vigie/v1/drift/look", nil); code != http.StatusForbidden {
		t.Errorf("a viewer gets %d", code)
	}
	if code, body := h.do(people.Operator, http.MethodPost, "/api/vigie/v1/drift/look", nil); code != http.StatusOK || !strings.Contains(body, `"playbook":"site","run":"asked-site","number":7`) {
		t.Errorf("the API answers %d %s", code, body)
	}
	h.refuse = &run.RefusedError{Reason: "nothing can run here"}
	code, body := h.do(people.Operator, http.MethodPost, "/drift/look", url.Values{})
	if code == http.StatusSeeOther {
		t.Errorf("a refusal leads to %s", body)
	}
	wants(t, body, "nothing can run here")
}

func TestTheAPIPagesAndRefusesWhatItDoesNotKnow(t *testing.T) {
	h := newHouse(t, 30, site)
	found := map[string][]run.Result{}
	for i := range 30 {
		found[fmt.Sprintf("app-%04d", i)] = []run.Result{{Task: 1, Diff: "+x"}}
	}
	h.check(found, sshd)
	seen, next := map[string]bool{}, ""
	for {
		_, body := h.do(people.Viewer, http.MethodGet, "/api/vigie/v1/drift?limit=7&state=open&cursor="+url.QueryEscape(next), nil)
		var page struct {
			Items []struct{ ID, Server string }
			Next  *string
		}
		if err := json.Unmarshal([]byte(body), &page); err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		for _, one := range page.Items {
			seen[one.Server] = true
		}
		if page.Next == nil {
			break
		}
		next = *page.Next
	}
	if len(seen) != 30 {
		t.Errorf("the pages hold %d servers", len(seen))
	}
	for _, bad := range []string{"?state=bogus", "?limit=0", "?cursor=x", "?cursor=a:b"} {
		if code, body := h.do(people.Viewer, http.MethodGet, "/api/vigie/v1/drift"+bad, nil); code != http.StatusBadRequest {
			t.Errorf("%s gives %d %s", bad, code, body)
		}
	}
	if one, _ := h.first("?server=app-0007&playbook=site&state=open"); one["server"] != "app-0007" {
		t.Errorf("filtered it is %v", one)
	}
}

func TestAThousandServersMakeNoHugePage(t *testing.T) {
	h := newHouse(t, 1000, site)
	found, long := map[string][]run.Result{}, strings.Repeat("+a line of a long difference\n", 2000)
	for i := range 1000 {
		found[fmt.Sprintf("app-%04d", i)] = []run.Result{{Task: 1, Diff: long}, {Task: 2, Diff: long}}
	}
	h.check(found, sshd, run.Task{Name: "Motd", Action: "copy", Path: "site.yml:2"})
	began := time.Now()
	body := h.page(people.Operator, "/drift")
	if took := time.Since(began); took > 2*time.Second || len(body) > 400<<10 {
		t.Errorf("the page has %d KiB and takes %v", len(body)>>10, took)
	}
	wants(t, body, "All of it", "Older", ">2000<")
	wants(t, h.panel(console.NowMain, signal.Subject{Kind: signal.Hub}), "1 000 servers differ")
}

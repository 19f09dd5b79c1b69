package fleetweb_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/fleet/fleetweb"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/signal"
)

func TestServersAreFilteredByTheAddress(t *testing.T) {
	h := newHouse(t, small, nil)
	h.heard("app-01", time.Second)
	h.heard("app-02", 3*time.Minute)
	for _, c := range []struct {
		query     string
		has, lack []string
	}{
		{"", []string{"app-01", "app-02", "fw-01"}, nil},
		{"?q=192.0.2.2", []string{"app-02"}, []string{"app-01", "fw-01"}},
		{"?q=SHOP", []string{"app-01"}, []string{"app-02"}},
		{"?ring=staging", []string{"app-02"}, []string{"app-01"}},
		{"?role=web", []string{"app-02"}, []string{"app-01"}},
		{"?state=silent", []string{"app-02", "not heard for 3 min"}, []string{"app-01"}},
		{"?state=attention", []string{"app-02"}, []string{"app-01"}},
		{"?state=well", []string{"app-01"}, []string{"app-02"}},
		{"?state=appliance", []string{"fw-01"}, []string{"app-01"}},
		{"?q=zzz", []string{"No server is like that"}, []string{"app-01"}},
	} {
		body := h.page("/servers" + c.query)
		_, list, _ := strings.Cut(body, `class="live-part"`)
		for _, want := range c.has {
			if !strings.Contains(list, want) {
				t.Errorf("/servers%s does not list %s", c.query, want)
			}
		}
		for _, no := range c.lack {
			if strings.Contains(list, ">"+no+"<") {
				t.Errorf("/servers%s lists %s", c.query, no)
			}
		}
	}
}

func TestTheWorstComesFirst(t *testing.T) {
	h := newHouse(t, small, nil)
	h.heard("app-01", time.Second)
	h.heard("app-02", time.Second)
	h.wrong = []fleetweb.Wrong{{Servers: []string{"app-02"}, Instances: []string{"portal"}, Severity: signal.Critical, Words: "down"}}
	for path, order := range map[string][2]string{"/servers": {"/servers/app-02", "/servers/app-01"}, "/instances": {"/instances/portal", "/instances/shop"}, "/clients": {"/clients/borealis", "/clients/quiet"}} {
		body := h.page(path)
		if strings.Index(body, order[0]) > strings.Index(body, order[1]) {
			t.Errorf("%s shows %s after %s", path, order[0], order[1])
		}
	}
}

func TestAnEmptyFleetSaysWhatWouldBeHere(t *testing.T) {
	h := newHouse(t, "company: {name: Example, domain: example.net, timezone: Europe/Paris}", nil)
	wants(t, h.page("/servers"), "No servers yet")
	wants(t, h.page("/instances"), "No instances yet")
	wants(t, h.page("/clients"), "No clients yet")
	wants(t, h.page("/"), "none declared yet")
}

func TestAnInstanceSaysWhereItRunsAndForWhom(t *testing.T) {
	h := newHouse(t, small, nil)
	h.heard("app-01", time.Second)
	wants(t, h.page("/instances/shop"), "Borealis SA", "Web shop", "https://shop.example", "API", `href="/servers/app-01"`, "production")
}

func TestAClientSaysWhoTalksToThem(t *testing.T) {
	h := newHouse(t, small, nil)
	wants(t, h.page("/clients"), "Nadia Roche", "2 of 2 well", "Europe/Zurich")
	wants(t, h.page("/clients/borealis"), "Nadia Roche", "fr", "Europe/Zurich", `href="/instances/shop"`)
	wants(t, h.page("/clients/quiet"), "No instance yet")
}

func TestNowCountsWhatIsWellAndHeard(t *testing.T) {
	h := newHouse(t, small, nil)
	h.heard("app-01", 2*time.Second)
	h.heard("app-02", 10*time.Minute)
	h.wrong = []fleetweb.Wrong{{Instances: []string{"shop"}, Severity: signal.Critical, Words: "answers 502"}}
	wants(t, h.page("/"), "of 2 well", "1 needs somebody now", "Servers heard", "1 is silent", "answers 502")
}

func TestAThousandServersStaySmallAndQuick(t *testing.T) {
	var b strings.Builder
	b.WriteString("company: {name: Example, domain: example.net, timezone: Europe/Paris}\nservers:\n")
	for i := range 1000 {
		fmt.Fprintf(&b, "  - {slug: web-%04d, address: 10.0.%d.%d, roles: [web, app]}\n", i, i/250, i%250+1)
	}
	h := newHouse(t, b.String(), nil)
	for i := range 1000 {
		h.heard(fmt.Sprintf("web-%04d", i), time.Second)
	}
	h.page("/servers") // the first one opens connections
	start := time.Now()
	code, body := h.do(people.Viewer, http.MethodGet, "/servers?page=10", nil)
	took := time.Since(start)
	if code != http.StatusOK || len(body) > 500_000 {
		t.Errorf("got %d with %d bytes, want 200 with less than 500 kB", code, len(body))
	}
	if took > 500*time.Millisecond { // 150 ms on a quiet machine; tests share theirs
		t.Errorf("the page took %s", took)
	}
	wants(t, body, "web-0900", "Page 10 of 10, 1", "page=9")
	wantsNot(t, body, "web-0899")
}

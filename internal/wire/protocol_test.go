package wire_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/wire"
)

// TestThisIsAllThatMayPass enumerates what may pass between agent and hub, in
// both directions. Whoever adds a route writes it here and in docs/protocol.md,
// and says there why an agent that takes no orders needs it.
func TestThisIsAllThatMayPass(t *testing.T) {
	want := []string{
		"POST /agent/v1/enrol: EnrolRequest -> EnrolResponse, open",
		"POST /agent/v1/renew: RenewRequest -> RenewResponse, certificate",
		"POST /agent/v1/heartbeat: Heartbeat -> HeartbeatAnswer, certificate",
		"GET /agent/v1/targets:  -> Targets, certificate",
		"POST /agent/v1/facts: Facts -> , certificate",
		"POST /agent/v1/probes: ProbeResults -> , certificate",
		"POST /api/v1/write: io.prometheus.write.v2.Request -> , certificate",
		"POST /agent/v1/logs: vigie.logs.Batch -> , certificate",
	}
	var got []string
	for _, r := range wire.Routes() {
		who := "open"
		if r.Certificate {
			who = "certificate"
		}
		got = append(got, fmt.Sprintf("%s %s: %s -> %s, %s", r.Method, r.Path, r.Sends, r.Gets, who))
		if r.Method == http.MethodPost && r.Limit == 0 {
			t.Errorf("%s takes bodies of any size", r.Path)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("what may pass changed (-written +routes):\n%s", d)
	}
}

func TestTheProtocolPageNamesAllThatMayPass(t *testing.T) {
	b, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	for _, r := range wire.Routes() {
		row := ""
		for line := range strings.Lines(page) {
			if strings.HasPrefix(line, "|") && strings.Contains(line, "`"+r.Method+" "+r.Path+"`") {
				row = line
			}
		}
		if row == "" {
			t.Errorf("docs/protocol.md has no row for %s %s", r.Method, r.Path)
			continue
		}
		for _, word := range []string{r.Sends, r.Gets} {
			if word != "" && !strings.Contains(row, "`"+word+"`") {
				t.Errorf("docs/protocol.md: the row of %s does not name %s", r.Path, word)
			}
		}
	}
	for kind := range wire.FactKinds() {
		if !strings.Contains(page, "`"+kind+"`") {
			t.Errorf("docs/protocol.md does not name the facts %s", kind)
		}
	}
	for _, word := range []string{wire.HeaderVersion, wire.HeaderRecord, wire.HeaderRecordTime, wire.CodeRevoked} {
		if !strings.Contains(page, "`"+word+"`") {
			t.Errorf("docs/protocol.md does not name %s", word)
		}
	}
}

// TestAnAnswerIsNoPlaceForOrders keeps what a hub says to a heartbeat as small
// as it is: the time and the version.
func TestAnAnswerIsNoPlaceForOrders(t *testing.T) {
	b, err := os.ReadFile("messages.go")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(b), "type HeartbeatAnswer struct {")
	body, _, _ := strings.Cut(after, "}")
	if n := strings.Count(body, "json:"); n != 2 {
		t.Errorf("HeartbeatAnswer has %d fields, it has two and no more", n)
	}
}

package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

// kills is how often a hub is killed on each engine of the state: half of 20
// unless VIGIE_KILLS says more, as the soak does.
func kills(t *testing.T) int {
	v := os.Getenv("VIGIE_KILLS")
	if v == "" {
		return 10
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 2 {
		t.Fatalf("VIGIE_KILLS is %q; write a number from 2", v)
	}
	return n / 2
}

// seedOf is VIGIE_SEED, to repeat a run, or a new one.
func seedOf(t *testing.T) uint64 {
	seed := uint64(time.Now().UnixNano())
	if v := os.Getenv("VIGIE_SEED"); v != "" {
		var err error
		if seed, err = strconv.ParseUint(v, 10, 64); err != nil {
			t.Fatalf("VIGIE_SEED: %v", err)
		}
	}
	t.Logf("VIGIE_SEED=%d repeats this run's choices", seed)
	return seed
}

// watchCompany is who is told what while the hub is killed.
func watchCompany(port string) string {
	return fmt.Sprintf(`
-- vigie.yaml --
vigie: 1
company: {name: Halyard, domain: halyard.example, timezone: Europe/Paris}
-- fleet.yaml --
clients:
  - {slug: borealis, name: Borealis SA, account_manager: ada}
instances:
  - {slug: borealis-shop, name: Borealis shop, client: borealis, servers: [app-01], environment: production}
servers:
  - {slug: app-01, name: Application server, address: 127.0.0.1, ports: [], roles: [app]}
  - {slug: app-02, name: Second server, address: 127.0.0.2, ports: [], roles: [app]}
-- people.yaml --
people:
  - {slug: ada, name: Ada Byron, email: ada@halyard.example, role: admin}
  - {slug: ben, name: Ben Osei, email: ben@halyard.example, role: responder}
  - {slug: cleo, name: Cleo Duarte, email: cleo@halyard.example, role: responder}
  - {slug: dana, name: Dana Lind, email: dana@halyard.example, role: responder}
  - {slug: eve, name: Eve Moreau, email: eve@halyard.example, role: viewer}
teams:
  - {slug: ops, name: Operations, members: [ada, ben]}
  - {slug: all, name: Everybody, members: [ada, ben, cleo, dana, eve]}
-- channels.yaml --
channels:
  - {slug: mail, kind: smtp, host: 127.0.0.1, port: %s, tls: none, from: Vigie <vigie@halyard.example>, fold_after: 10000}
-- policy.yaml --
notification_policy:
  group_by: [batch]
  group_wait: 200ms
  group_interval: 1s
  open_issue_from: warning
  routes:
    - {match: ['token=""'], to: [{person: dana, channel: mail}]}
    - {match: ['severity="critical"'], to: [{team: ops, channel: mail}]}
    - {match: ['severity="warning"'], to: [{person: ada, channel: mail}]}
    - {match: ['severity="info"'], to: [{person: cleo, channel: mail}]}
`, port)
}

// toldOf says who is told of an alert of the story by its severity.
var toldOf = map[string][]string{
	"critical": {"ada@halyard.example", "ben@halyard.example"},
	"warning":  {"ada@halyard.example"},
	"info":     {"cleo@halyard.example"},
}

// hubNews is who hears what the hub says about itself: alerts without a token.
const hubNews = "dana@halyard.example"

// TestAHubIsKilledOverAndOver kills a real hub at random moments while people
// and programs write to it and mails go out, and then counts: nothing that it
// answered for is lost, everybody who had to be told was told, nobody else.
func TestAHubIsKilledOverAndOver(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			n, seed := kills(t), seedOf(t)
			rng := rand.New(rand.NewPCG(seed, 1))
			s := startSink(t, rand.New(rand.NewPCG(seed, 2)))
			h := startHub(t, hubOptions{operations: watchCompany(s.port()), postgres: engine == "postgres"})
			t.Cleanup(func() { // of the last one; respawn leaves it to this
				h.process.kill()
				if t.Failed() {
					t.Logf("the last hub printed:\n%s", tail(h.out.String(), 8000))
				}
			})
			began := time.Now()
			d := drive(t, h, s, seed)
			starts, at := killLoop(t, h, s, rng, n)
			d.stop()
			t.Logf("%s: %d kills in %v; ready again after %v at the median, %v at the slowest",
				engine, n, time.Since(began).Round(time.Second), starts[len(starts)/2].Round(time.Millisecond), starts[len(starts)-1].Round(time.Millisecond))
			if slowest := starts[len(starts)-1]; slowest > 15*time.Second {
				t.Errorf("the hub was ready again only after %v", slowest)
			}
			d.settle()
			d.checkWrites()
			d.checkMails(at)
		})
	}
}

// killLoop kills the hub n times and returns how long each start took, sorted,
// and when the kills were.
func killLoop(t *testing.T, h *hub, s *sink, rng *rand.Rand, n int) (starts []time.Duration, at []time.Time) {
	t.Helper()
	for i := range n {
		// What a kill may hit: anything, a mail that is taken and not yet
		// noted, or a start that is not over.
		switch rng.IntN(10) {
		case 0:
		case 1, 2, 3:
			select {
			case <-s.taken:
				<-time.After(time.Duration(rng.IntN(30)) * time.Millisecond)
			case <-time.After(3 * time.Second):
			}
		default:
			<-time.After(time.Duration(rng.IntN(2500)) * time.Millisecond)
		}
		h.process.kill()
		began := time.Now()
		at = append(at, began)
		if rng.IntN(8) == 0 {
			half := respawn(h)
			<-time.After(time.Duration(rng.IntN(400)) * time.Millisecond)
			half.kill()
			at = append(at, time.Now())
			began = time.Now()
		}
		h.process = respawn(h)
		within(t, time.Minute, fmt.Sprintf("the hub is ready after kill %d", i+1), func() error {
			h.alive()
			status, b, err := call("GET", h.endpoints.Console+"/readyz", "", nil)
			if err == nil && status != 200 {
				err = fmt.Errorf("%d %s", status, b)
			}
			return err
		})
		starts = append(starts, time.Since(began))
	}
	slices.Sort(starts)
	return starts, at
}

// respawn starts the hub again without the cleanup that start registers each
// time: a thousand of them would be kept until the end.
func respawn(h *hub) *process {
	h.t.Helper()
	p := &process{t: h.t, out: new(output), done: make(chan struct{})}
	p.cmd = command(h.t, p.out, "hub", "--config", h.file)
	if err := p.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p
}

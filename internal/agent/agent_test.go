package agent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/wire"
)

// counter is a source that says 0, 1, 2 … once an interval, and takes targets.
type counter struct {
	from, every int // first number; seconds
	panics      bool

	mu      sync.Mutex
	next    int
	targets []wire.Target
	allowed func(netip.Addr) bool
}

func (c *counter) Name() string { return "counter" }

func (c *counter) Run(ctx context.Context, out func(string, []byte) error) error {
	tick := time.NewTicker(time.Duration(max(c.every, 10)) * time.Second)
	defer tick.Stop()
	for {
		c.mu.Lock()
		n := c.from + c.next
		c.next++
		c.mu.Unlock()
		if c.panics && n == 1 {
			panic("a collector went mad")
		}
		if err := out(wire.KindMetrics, fmt.Append(nil, n)); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (c *counter) said() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.next
}

func (c *counter) SetTargets(t []wire.Target, allowed func(netip.Addr) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.targets, c.allowed = t, allowed
}

// Refused says what a prober finds out when it resolves names.
func (c *counter) Refused() []string { return []string{"resolved"} }

func config(dir string, hubs ...*fakeHub) Config {
	c := Config{DataDir: dir, Spool: Spool{MaxAge: opsrepo.Duration(48 * time.Hour), MaxMegabytes: 64}}
	for _, h := range hubs {
		c.Hubs = append(c.Hubs, Hub{Name: hubName(h.url[len("https://"):]), URL: h.url})
	}
	return c
}

func enrol(t *testing.T, dir string, hubs ...*fakeHub) {
	t.Helper()
	for _, h := range hubs {
		server, err := Enrol(t.Context(), Enrolment{DataDir: dir, Hub: Hub{URL: h.url}, Token: h.token(), dial: network(hubs...)})
		if err != nil || server != "app-07" {
			t.Fatalf("enrol: %q, %v", server, err)
		}
	}
}

// start runs an agent until the returned function is called.
func start(t *testing.T, c Config, source Source, hubs ...*fakeHub) (a *Agent, stop func()) {
	t.Helper()
	a, err := New(Options{Config: c, Only: []Source{source}, Root: fstest.MapFS{}, dial: network(hubs...)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- a.Run(ctx) }()
	return a, func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	}
}

func numbers(from, to int) []string {
	var all []string
	for i := from; i < to; i++ {
		all = append(all, fmt.Sprint(i))
	}
	return all
}

func TestEnrolmentTakesOnlyTheHubOfTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub, other := newFakeHub(t, "hub:1"), newFakeHub(t, "other:1")
		dir := t.TempDir()
		_, err := Enrol(t.Context(), Enrolment{DataDir: dir, Hub: Hub{URL: hub.url}, Token: other.token(), dial: network(hub)})
		if !errors.Is(err, ErrOtherHub) {
			t.Fatalf("enrolled with a hub that has another CA: %v", err)
		}
		if hub.calls[wire.PathEnrol] != 0 {
			t.Error("the token was shown to the wrong hub")
		}
		used := wire.Token{Server: "app-07", Secret: "used", Fingerprint: wire.Fingerprint(hub.ca.Raw)}
		if _, err := Enrol(t.Context(), Enrolment{DataDir: dir, Hub: Hub{URL: hub.url}, Token: used.String(), dial: network(hub)}); !errors.Is(err, ErrRefused) {
			t.Errorf("a used token: %v, want ErrRefused", err)
		}
		foreign := wire.Token{Server: "db-01", Secret: "s3cret", Fingerprint: wire.Fingerprint(hub.ca.Raw)}
		if _, err := Enrol(t.Context(), Enrolment{DataDir: dir, Hub: Hub{URL: hub.url}, Token: foreign.String(), dial: network(hub)}); err == nil {
			t.Error("took a certificate for another server")
		}
		enrol(t, dir, hub)
		info, err := os.Stat(filepath.Join(dir, "hubs", "hub_1", "identity.pem"))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("identity: %v, %v; want mode 0600", info.Mode(), err)
		}
	})
}

func TestWhatRootEnrolsBelongsToTheUserOfTheAgent(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can enrol for another user")
	}
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		const user = 4711
		if err := os.Chown(dir, user, user); err != nil {
			t.Fatal(err)
		}
		enrol(t, dir, newFakeHub(t, "hub:1"))
		for _, path := range []string{"hubs", "hubs/hub_1", "hubs/hub_1/identity.pem", "hubs/hub_1/ca.pem"} {
			info, err := os.Stat(filepath.Join(dir, path))
			if err != nil {
				t.Fatal(err)
			}
			if s := info.Sys().(*syscall.Stat_t); s.Uid != user || s.Gid != user {
				t.Errorf("%s belongs to %d:%d, so that the agent could not renew its certificate", path, s.Uid, s.Gid)
			}
		}
	})
}

func TestAnHourWithoutAHubIsDeliveredInOrderOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newFakeHub(t, "hub:1")
		dir, source := t.TempDir(), &counter{}
		enrol(t, dir, hub)
		_, stop := start(t, config(dir, hub), source, hub)
		time.Sleep(time.Minute)
		hub.goAway()
		time.Sleep(time.Hour)
		synctest.Wait()
		before := len(hub.taken())
		hub.comeBack()
		time.Sleep(45 * time.Second) // the longest wait between tries, and some
		synctest.Wait()
		if d := cmp.Diff(numbers(0, source.said()), hub.taken()); d != "" {
			t.Errorf("wrong records (-want +got):\n%s", d)
		}
		if n := len(hub.taken()) - before; n < 360 {
			t.Errorf("%d records were spooled in an hour, want 360", n)
		}
		if ids := slices.Compact(slices.Sorted(slices.Values(hub.ids))); len(ids) != len(hub.ids) {
			t.Errorf("%d records have %d different ids", len(hub.ids), len(ids))
		}
		stop()
	})
}

func TestTwoHubsGoAtTheirOwnPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := newFakeHub(t, "one:1"), newFakeHub(t, "two:1")
		dir, source := t.TempDir(), &counter{}
		enrol(t, dir, one, two)
		two.goAway()
		_, stop := start(t, config(dir, one, two), source, one, two)
		time.Sleep(10*time.Minute + time.Second)
		synctest.Wait()
		if got := len(one.taken()); got != 61 {
			t.Errorf("hub one has %d records while the other is away, want 61", got)
		}
		two.comeBack()
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, h := range []*fakeHub{one, two} {
			if d := cmp.Diff(numbers(0, source.said()), h.taken()); d != "" {
				t.Errorf("%s (-want +got):\n%s", h.url, d)
			}
		}
		stop()
	})
}

func TestARestartGoesOnWhereItStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newFakeHub(t, "hub:1")
		dir := t.TempDir()
		enrol(t, dir, hub)
		_, stop := start(t, config(dir, hub), &counter{}, hub)
		time.Sleep(15 * time.Second)
		hub.goAway()
		time.Sleep(30 * time.Second)
		stop() // 0 to 4 were said, 0 and 1 delivered
		hub.comeBack()
		_, stop = start(t, config(dir, hub), &counter{from: 5}, hub)
		time.Sleep(15 * time.Second)
		synctest.Wait()
		if d := cmp.Diff(numbers(0, 7), hub.taken()); d != "" {
			t.Errorf("wrong records (-want +got):\n%s", d)
		}
		stop()
	})
}

func TestTheCertificateIsRenewedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newFakeHub(t, "hub:1")
		hub.lifetime = 3 * time.Hour
		dir := t.TempDir()
		enrol(t, dir, hub)
		_, stop := start(t, config(dir, hub), &counter{every: 600}, hub)
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		hub.goAway() // a new connection has to show the newest certificate
		hub.comeBack()
		said := len(hub.taken())
		time.Sleep(time.Hour)
		synctest.Wait()
		if hub.renewals < 11 || hub.renewals > 13 {
			t.Errorf("%d renewals in a day of three-hour certificates, want one every two hours", hub.renewals)
		}
		if len(hub.taken()) <= said {
			t.Error("nothing is delivered with the renewed certificate")
		}
		stop()
	})
}

func TestARevokedAgentStopsSendingAndKeepsSpooling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newFakeHub(t, "hub:1")
		dir, source := t.TempDir(), &counter{}
		enrol(t, dir, hub)
		_, stop := start(t, config(dir, hub), source, hub)
		time.Sleep(time.Minute)
		hub.set(func() { hub.revoked = true; clear(hub.calls) })
		time.Sleep(time.Hour)
		synctest.Wait()
		calls := 0
		hub.set(func() {
			for _, n := range hub.calls {
				calls += n
			}
		})
		if calls > 12 { // one or two that learn of it, then one every ten minutes
			t.Errorf("%d requests in an hour after the revocation: %v", calls, hub.calls)
		}
		hub.set(func() { hub.revoked = false })
		enrol(t, dir, hub) // a person enrols the server again: it is noticed
		time.Sleep(15 * time.Second)
		synctest.Wait()
		if d := cmp.Diff(numbers(0, source.said()), hub.taken()); d != "" {
			t.Errorf("wrong records (-want +got):\n%s", d)
		}
		stop()
	})
}

func TestARecordTheHubDoesNotWantIsDroppedAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newFakeHub(t, "hub:1")
		dir, source := t.TempDir(), &counter{}
		enrol(t, dir, hub)
		first := true
		hub.answer = func(*http.Request) int {
			if first {
				first = false
				return http.StatusBadRequest
			}
			return 0
		}
		a, stop := start(t, config(dir, hub), source, hub)
		time.Sleep(35 * time.Second)
		synctest.Wait()
		if d := cmp.Diff(numbers(1, 4), hub.taken()); d != "" || a.links[0].refused.Load() != 1 {
			t.Errorf("refused %d, records (-want +got):\n%s", a.links[0].refused.Load(), d)
		}
		stop()
	})
}

func TestABusyHubIsLeftAloneAsLongAsItAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newFakeHub(t, "hub:1")
		dir := t.TempDir()
		enrol(t, dir, hub)
		hub.answer = func(*http.Request) int { return http.StatusTooManyRequests }
		hub.header.Set("Retry-After", "120")
		_, stop := start(t, config(dir, hub), &counter{}, hub)
		time.Sleep(10*time.Minute + time.Second)
		synctest.Wait()
		if n := len(hub.tried); n != 6 {
			t.Errorf("%d tries in ten minutes with Retry-After: 120, want 6", n)
		}
		hub.set(func() { hub.answer = nil })
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if len(hub.taken()) < 60 {
			t.Errorf("%d records after the hub was busy", len(hub.taken()))
		}
		stop()
	})
}

func TestFailuresAreTriedAgainAtMostHalfAMinuteApart(t *testing.T) {
	for _, status := range []int{401, 403, 404, 500, 503} {
		synctest.Test(t, func(t *testing.T) {
			hub := newFakeHub(t, "hub:1")
			dir := t.TempDir()
			enrol(t, dir, hub)
			hub.answer = func(*http.Request) int { return status }
			_, stop := start(t, config(dir, hub), &counter{}, hub)
			time.Sleep(10 * time.Minute)
			synctest.Wait()
			longest := time.Duration(0)
			for i := 1; i < len(hub.tried); i++ {
				longest = max(longest, hub.tried[i].Sub(hub.tried[i-1]))
			}
			if len(hub.tried) < 20 || longest > 31*time.Second || longest < 15*time.Second {
				t.Errorf("%d: %d tries, the longest wait was %s", status, len(hub.tried), longest)
			}
			stop()
		})
	}
}

func TestASourceThatPanicsIsStartedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newFakeHub(t, "hub:1")
		dir := t.TempDir()
		enrol(t, dir, hub)
		_, stop := start(t, config(dir, hub), &counter{panics: true}, hub)
		time.Sleep(25 * time.Second)
		synctest.Wait()
		if d := cmp.Diff([]string{"0", "2", "3"}, hub.taken()); d != "" {
			t.Errorf("wrong records (-want +got):\n%s", d)
		}
		stop()
	})
}

func TestHeartbeatsAreAboutNowAndSayWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newFakeHub(t, "hub:1")
		dir := t.TempDir()
		enrol(t, dir, hub)
		hub.answer = func(*http.Request) int { return 500 }
		_, stop := start(t, config(dir, hub), &counter{}, hub)
		time.Sleep(time.Minute)
		hub.goAway()
		time.Sleep(time.Hour)
		hub.comeBack()
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(hub.beats); n < 11 || n > 14 {
			t.Errorf("%d heartbeats in two minutes of contact, want one every ten seconds and none of the hour before", n)
		}
		last := hub.beats[len(hub.beats)-1]
		if time.Since(last.Sent) > 11*time.Second || last.SpoolBytes == 0 || time.Since(last.SpoolOldest) < time.Hour {
			t.Errorf("the last heartbeat says %+v", last)
		}
		stop()
	})
}

func TestOnlyAllowedNetworksAreProbed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newFakeHub(t, "hub:1")
		dir, source := t.TempDir(), &counter{}
		enrol(t, dir, hub)
		target := func(id, host, url string) wire.Target {
			return wire.Target{ID: id, Kind: "tcp", Host: host, URL: url, Interval: wire.Duration(time.Minute), Timeout: wire.Duration(time.Second)}
		}
		hub.targets = wire.Targets{Commit: "a", Targets: []wire.Target{
			target("in", "10.1.2.3", ""), target("out", "192.0.2.1", ""), target("metadata", "", "http://169.254.169.254/"),
			target("name", "shop.example", ""), target("mapped", "::ffff:10.1.2.3", ""),
		}}
		c := config(dir, hub)
		c.ProbeNetworks = []string{"10.0.0.0/8"}
		_, stop := start(t, c, source, hub)
		time.Sleep(15 * time.Second)
		synctest.Wait()
		var ids []string
		for _, target := range source.targets {
			ids = append(ids, target.ID)
		}
		if d := cmp.Diff([]string{"in", "mapped", "name"}, ids); d != "" {
			t.Errorf("targets (-want +got):\n%s", d)
		}
		if source.allowed(netip.MustParseAddr("192.0.2.1")) || !source.allowed(netip.MustParseAddr("::ffff:10.9.9.9")) {
			t.Error("the prober is told the wrong networks")
		}
		if d := cmp.Diff([]string{"metadata", "out", "resolved"}, hub.beats[len(hub.beats)-1].Refused); d != "" {
			t.Errorf("refused (-want +got):\n%s", d)
		}
		stop()
		_, stop = start(t, config(dir, hub), source, hub) // without networks in the file
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if len(source.targets) != 0 {
			t.Errorf("%d targets are probed without any allowed network", len(source.targets))
		}
		stop()
	})
}

func TestAnotherHubAtTheAddressGetsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub, thief := newFakeHub(t, "hub:1"), newFakeHub(t, "hub:1")
		dir := t.TempDir()
		enrol(t, dir, hub)
		_, stop := start(t, config(dir, hub), &counter{}, thief)
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(thief.calls) != 0 {
			t.Errorf("a hub with another CA was told %v", thief.calls)
		}
		stop()
	})
}

package prober_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
)

// run asks with a short timeout unless the target has one of its own.
func run(t *testing.T, o prober.Options, target prober.Target) prober.Result {
	t.Helper()
	if target.Timeout == 0 {
		target.Timeout = 5 * time.Second
	}
	return prober.New(o).Run(context.Background(), target)
}

// listen returns the port of a listener that accepts and says nothing.
func listen(t *testing.T, network, addr string) (net.Listener, int) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, l.Addr().(*net.TCPAddr).Port
}

func TestAnOpenPortIsOKOverBothFamilies(t *testing.T) {
	for _, addr := range []string{"127.0.0.1", "::1"} {
		_, port := listen(t, "tcp", net.JoinHostPort(addr, "0"))
		got := run(t, prober.Options{}, prober.Target{ID: "p", Kind: prober.TCP, Address: addr, Port: port})
		if !got.OK || got.Error != "" || got.Duration <= 0 || got.Phases.Connect <= 0 || got.Address.String() != addr {
			t.Errorf("%s: %+v, want OK with times", addr, got)
		}
	}
}

func TestAClosedPortIsRefused(t *testing.T) {
	l, port := listen(t, "tcp", "127.0.0.1:0")
	_ = l.Close()
	got := run(t, prober.Options{}, prober.Target{Kind: prober.TCP, Address: "127.0.0.1", Port: port})
	want := "connection refused on " + netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port)).String()
	if got.OK || got.Unable || got.Error != want {
		t.Errorf("got %+v, want error %q", got, want)
	}
}

func TestATargetThatMakesNoSenseIsNotTheTargetsFault(t *testing.T) {
	for _, target := range []prober.Target{
		{Kind: "smoke"},
		{Kind: prober.TCP, Address: "127.0.0.1"},
		{Kind: prober.TCP, Port: 22},
		{Kind: prober.TCP, Address: "a", Port: 1, Family: "ipv5"},
		{Kind: prober.TCP, Address: "a", Port: 1, Expect: prober.Expect{BodyContains: "x"}},
		{Kind: prober.TCP, Address: "a", Port: 1, Expect: prober.Expect{Values: []string{"x"}}},
		{Kind: prober.TCP, Address: "a", Port: 1, Timeout: -1},
		{Kind: prober.HTTP, URL: "ftp://example.net"},
		{Kind: prober.HTTP, URL: "https://"},
		{Kind: prober.HTTP, URL: "http://a", Redirects: "some"},
		{Kind: prober.HTTP, URL: "http://a", Expect: prober.Expect{BodyMatches: "("}},
		{Kind: prober.HTTP, URL: "http://a", Expect: prober.Expect{JSON: &prober.JSONCondition{Path: "a["}}},
		{Kind: prober.ICMP},
		{Kind: prober.DNS, Address: "a", Record: "ZZ"},
	} {
		if got := prober.New(prober.Options{}).Run(t.Context(), target); got.OK || !got.Unable || got.Error == "" {
			t.Errorf("%+v gives %+v, want unable and a reason", target, got)
		}
	}
}

func TestAStoppedProbeSaysNothingAboutItsTarget(t *testing.T) {
	_, port := listen(t, "tcp", "127.0.0.1:0")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got := prober.New(prober.Options{}).Run(ctx, prober.Target{Kind: prober.TCP, Address: "127.0.0.1", Port: port})
	if got.OK || !got.Unable {
		t.Errorf("got %+v, want unable", got)
	}
}

func TestPingOfThisMachine(t *testing.T) {
	got := run(t, prober.Options{}, prober.Target{Kind: prober.ICMP, Address: "127.0.0.1"})
	// Either the machine allows ping, or the result says how to allow it.
	if !got.OK && !(got.Unable && strings.Contains(got.Error, "CAP_NET_RAW")) {
		t.Errorf("got %+v, want an answer or a clear reason", got)
	}
	if got.OK && (got.Duration <= 0 || got.Duration > time.Second) {
		t.Errorf("round trip took %s", got.Duration)
	}
}

func TestSpan(t *testing.T) {
	f := func(d time.Duration, want string) {
		t.Helper()
		if got := prober.Span(d); got != want {
			t.Errorf("Span(%s) = %q, want %q", d, got, want)
		}
	}
	f(300*time.Millisecond, "300 ms")
	f(time.Second, "1 s")
	f(1500*time.Millisecond, "1.5 s")
	f(5*time.Second, "5 s")
	f(2*time.Minute, "2 min")
	f(3*time.Hour+time.Minute, "3 hours")
	f(72*time.Hour, "3 days")
}

package prober_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
)

// names answers for made-up names, each time with the next list.
type names struct {
	answers map[string][][]string
	asked   atomic.Int32
}

func (n *names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	lists, ok := n.answers[host]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	at := min(int(n.asked.Add(1)), len(lists)) - 1
	var ips []netip.Addr
	for _, s := range lists[at] {
		ips = append(ips, netip.MustParseAddr(s))
	}
	return ips, nil
}

func TestWithin(t *testing.T) {
	guard := prober.Within(netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8"))
	f := func(ip string, want bool) {
		t.Helper()
		if err := guard(netip.MustParseAddr(ip)); (err == nil) != want {
			t.Errorf("%s: %v, want allowed %v", ip, err, want)
		}
	}
	f("10.1.2.3", true)
	f("::ffff:10.1.2.3", true)
	f("fd00::1", true)
	f("fd00::1%eth0", true)
	f("11.0.0.1", false)
	f("::ffff:11.0.0.1", false)
	f("127.0.0.1", false)
	if prober.Within()(netip.MustParseAddr("10.0.0.1")) == nil {
		t.Error("a guard without networks lets an address through")
	}
}

func TestTheGuardSeesTheAddressThatIsDialled(t *testing.T) {
	_, port := listen(t, "tcp", "127.0.0.1:0")
	// The first answer is inside, every later one outside: what is dialled
	// must be the address that was checked, not another look-up.
	n := &names{answers: map[string][][]string{"rebind.example": {{"127.0.0.1"}, {"192.0.2.1"}}}}
	var seen []string
	o := prober.Options{Resolver: n, Guard: func(ip netip.Addr) error {
		seen = append(seen, ip.String())
		return prober.Within(netip.MustParsePrefix("127.0.0.0/8"))(ip)
	}}
	got := run(t, o, prober.Target{Kind: prober.TCP, Address: "rebind.example", Port: port})
	if !got.OK || n.asked.Load() != 1 || !slices.Equal(seen, []string{"127.0.0.1"}) {
		t.Errorf("got %+v after %d look-ups, guard saw %v", got, n.asked.Load(), seen)
	}
	got = run(t, o, prober.Target{Kind: prober.TCP, Address: "rebind.example", Port: port})
	if got.OK || !got.Unable || !strings.Contains(got.Error, "192.0.2.1 is outside") {
		t.Errorf("got %+v, want unable: 192.0.2.1 is outside", got)
	}
}

func TestAnAddressOutsideIsSkippedWhenAnotherIsInside(t *testing.T) {
	_, port := listen(t, "tcp", "127.0.0.1:0")
	n := &names{answers: map[string][][]string{"two.example": {{"192.0.2.1", "127.0.0.1"}}}}
	o := prober.Options{Resolver: n, Guard: prober.Within(netip.MustParsePrefix("127.0.0.0/8"))}
	if got := run(t, o, prober.Target{Kind: prober.TCP, Address: "two.example", Port: port}); !got.OK {
		t.Errorf("got %+v, want OK", got)
	}
}

func TestTheNextAddressIsTriedWhenOneRefuses(t *testing.T) {
	_, port := listen(t, "tcp", "127.0.0.1:0")
	n := &names{answers: map[string][][]string{"two.example": {{"127.0.0.2", "127.0.0.1"}}}}
	if got := run(t, prober.Options{Resolver: n}, prober.Target{Kind: prober.TCP, Address: "two.example", Port: port}); !got.OK {
		t.Errorf("got %+v, want OK", got)
	}
}

func TestNamesThatDoNotResolve(t *testing.T) {
	n := &names{answers: map[string][][]string{"four.example": {{"127.0.0.1"}}, "none.example": {{}}}}
	f := func(name string, family prober.Family, want string) {
		t.Helper()
		got := run(t, prober.Options{Resolver: n}, prober.Target{Kind: prober.TCP, Address: name, Port: 1, Family: family})
		if got.OK || got.Error != want {
			t.Errorf("%s: %q, want %q", name, got.Error, want)
		}
	}
	f("gone.example", "", "the name gone.example does not exist")
	f("four.example", prober.IPv6, "four.example has no ipv6 address")
	f("none.example", "", "none.example has no address")
}

func TestAnyErrorOfAGuardIsTheReason(t *testing.T) {
	o := prober.Options{Guard: func(netip.Addr) error { return errors.New("not on a Sunday") }}
	got := run(t, o, prober.Target{Kind: prober.TCP, Address: "127.0.0.1", Port: 1})
	if !got.Unable || got.Error != "not on a Sunday" {
		t.Errorf("got %+v", got)
	}
}

package hub

import (
	"net/netip"
	"testing"
)

func TestTheHubDoesNotProbeMetadataServices(t *testing.T) {
	f := func(address string, allowed bool) {
		t.Helper()
		if err := notLinkLocal(netip.MustParseAddr(address)); (err == nil) != allowed {
			t.Errorf("%s: %v, want allowed %v", address, err, allowed)
		}
	}
	f("192.0.2.1", true)
	f("127.0.0.1", true)
	f("10.0.0.7", true)
	f("2001:db8::1", true)
	f("169.254.169.254", false)
	f("::ffff:169.254.169.254", false)
	f("fe80::1%eth0", false)
	f("fd00:ec2::254", false)
	f("0.0.0.0", false)
}

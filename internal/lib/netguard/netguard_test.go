package netguard_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/vigie-ops/vigie/internal/lib/netguard"
)

func TestTheHubAsksNoMetadataService(t *testing.T) {
	f := func(address string, allowed bool) {
		t.Helper()
		if err := netguard.NotLinkLocal(netip.MustParseAddr(address)); (err == nil) != allowed {
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

func TestANameThatMeansTheMetadataServiceIsRefusedWhenItIsDialled(t *testing.T) {
	d := netguard.Dialer()
	d.Resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		go answer(there, [4]byte{169, 254, 169, 254})
		return here, nil
	}}
	for _, address := range []string{"innocent.example.com:80", "169.254.169.254:80", "[fe80::1]:80"} {
		c, err := d.DialContext(t.Context(), "tcp", address)
		if refused := new(netguard.Refused); !errors.As(err, &refused) {
			t.Errorf("%s: %v, %v; want it refused", address, c, err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	c, err := netguard.Dialer().DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatalf("this machine: %v", err)
	}
	_ = c.Close()
}

// answer is a DNS server on a stream that knows one address for every name.
func answer(c net.Conn, ip [4]byte) {
	defer func() { _ = c.Close() }()
	b := make([]byte, 1024)
	for {
		n, err := c.Read(b)
		if err != nil || n < 2 {
			return
		}
		var m dnsmessage.Message
		if err := m.Unpack(b[2:n]); err != nil {
			return
		}
		m.Response, m.Additionals = true, nil
		if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
			m.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60}, Body: &dnsmessage.AResource{A: ip},
			}}
		}
		out, err := m.AppendPack([]byte{0, 0})
		if err != nil {
			return
		}
		out[0], out[1] = byte((len(out)-2)>>8), byte(len(out)-2)
		if _, err := c.Write(out); err != nil {
			return
		}
	}
}

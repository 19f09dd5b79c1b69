// Package netguard keeps the connections that the operations repository asks
// for away from addresses that mean the hub's own surroundings.
package netguard

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// NotLinkLocal refuses addresses that mean this machine's own surroundings,
// above all the metadata service of a cloud, which answers whoever asks from
// here with credentials. Private networks are let through.
func NotLinkLocal(ip netip.Addr) error {
	ip = ip.Unmap().WithZone("")
	if ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() || ip == awsMetadata {
		return &Refused{ip}
	}
	return nil
}

// awsMetadata is where EC2 serves its metadata over IPv6.
var awsMetadata = netip.MustParseAddr("fd00:ec2::254")

// Refused is an address that the hub does not connect to.
type Refused struct{ IP netip.Addr }

func (e *Refused) Error() string {
	return fmt.Sprintf("%s is link-local or a cloud's metadata service; the hub does not connect to it", e.IP)
}

// Dialer returns a dialer that connects to what NotLinkLocal lets through. It
// looks at the address that is dialled, after the name was resolved.
func Dialer() *net.Dialer {
	return &net.Dialer{Control: func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("address %s: %w", address, err)
		}
		return NotLinkLocal(at.Addr())
	}}
}

// Check looks at what a host means now, for a program that dials itself.
func Check(ctx context.Context, host string) error {
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return err
	}
	for _, ip := range ips {
		if err := NotLinkLocal(ip); err != nil {
			return err
		}
	}
	return nil
}

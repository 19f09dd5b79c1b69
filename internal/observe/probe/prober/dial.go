package prober

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// Guard says whether an address may be asked; its error says why not.
type Guard func(netip.Addr) error

// Within returns a guard that lets only these networks through. Without any
// network it lets nothing through.
func Within(allowed ...netip.Prefix) Guard {
	return func(ip netip.Addr) error {
		ip = ip.Unmap().WithZone("")
		for _, n := range allowed {
			if n.Contains(ip) {
				return nil
			}
		}
		return &outsideError{ip}
	}
}

// outsideError is an address that this place may not ask.
type outsideError struct{ ip netip.Addr }

func (e *outsideError) Error() string {
	return fmt.Sprintf("%s is outside the networks that may be probed from here", e.ip)
}

// dialError keeps the address that was dialled beside the reason it failed.
type dialError struct {
	addr netip.AddrPort
	err  error
}

func (e *dialError) Error() string { return fmt.Sprintf("dial %s: %v", e.addr, e.err) }
func (e *dialError) Unwrap() error { return e.err }

// lookup returns the addresses of host that may be asked. The name is resolved
// here, once, and only the checked addresses are ever dialled: a name that
// answers differently a moment later cannot lead a probe out of its networks.
func (a *attempt) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	ips := make([]netip.Addr, 0, 1)
	if ip, err := netip.ParseAddr(host); err == nil {
		ips = append(ips, ip)
	} else {
		start := time.Now()
		found, err := a.p.o.Resolver.LookupNetIP(ctx, a.network("ip"), host)
		a.note(func(r *Result) { r.Phases.DNS += time.Since(start) })
		if err != nil {
			return nil, err
		}
		ips = append(ips, found...)
	}
	var refused error
	kept := ips[:0]
	for _, ip := range ips {
		ip = ip.Unmap()
		if a.t.Family == IPv4 && !ip.Is4() || a.t.Family == IPv6 && !ip.Is6() {
			continue
		}
		if a.p.o.Guard != nil {
			if err := a.p.o.Guard(ip); err != nil {
				refused = &guardError{err}
				continue
			}
		}
		kept = append(kept, ip)
	}
	if len(kept) > 0 {
		return kept, nil
	}
	if refused != nil {
		return nil, refused
	}
	if a.t.Family != AnyFamily {
		return nil, fmt.Errorf("%s has no %s address", host, a.t.Family)
	}
	return nil, fmt.Errorf("%s has no address", host)
}

// guardError marks what a guard said, whatever guard it was.
type guardError struct{ err error }

func (e *guardError) Error() string { return e.err.Error() }
func (e *guardError) Unwrap() error { return e.err }

func (a *attempt) network(base string) string {
	switch a.t.Family {
	case IPv4:
		return base + "4"
	case IPv6:
		return base + "6"
	}
	return base
}

// dial connects to the first address of host that accepts. Each address gets
// an equal share of the time that is left, so that one that swallows packets
// does not hide the next.
func (a *attempt) dial(ctx context.Context, network, host string, port int) (net.Conn, error) {
	ips, err := a.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	defer a.note(func(r *Result) { r.Phases.Connect += time.Since(start) })
	var first error
	for i, ip := range ips {
		share, cancel := ctx, context.CancelFunc(func() {})
		if deadline, ok := ctx.Deadline(); ok && i < len(ips)-1 {
			share, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(len(ips)-i))
		}
		addr := netip.AddrPortFrom(ip, uint16(port)) //nolint:gosec // ports are checked to be below 65536
		a.note(func(r *Result) { r.Address, a.at = ip, addr })
		var d net.Dialer
		conn, err := d.DialContext(share, network, addr.String())
		cancel()
		if err == nil {
			return conn, nil
		}
		if first == nil {
			first = &dialError{addr, err}
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, first
}

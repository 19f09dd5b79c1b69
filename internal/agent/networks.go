package agent

import (
	"net/netip"
	"net/url"

	"github.com/vigie-ops/vigie/internal/wire"
)

// networks are the addresses that hubs may ask this server to probe. The
// server's own file names them; without any, nothing is probed.
type networks []netip.Prefix

// allow says whether an address may be probed.
func (n networks) allow(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	for _, p := range n {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// split parts targets into those that may be probed and the ids of those that
// may not. A host name passes here; its addresses are judged by allow when the
// prober has resolved it, because a name may answer differently every time.
func (n networks) split(targets []wire.Target) (allowed []wire.Target, refused []string) {
	for _, t := range targets {
		addr, err := netip.ParseAddr(targetHost(t))
		if len(n) == 0 || err == nil && !n.allow(addr) {
			refused = append(refused, t.ID)
			continue
		}
		allowed = append(allowed, t)
	}
	return allowed, refused
}

// targetHost returns the host a target is about.
func targetHost(t wire.Target) string {
	if t.Host != "" {
		return t.Host
	}
	u, err := url.Parse(t.URL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

package hub

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// behind serves requests that came through one of the proxies as coming from
// the address that the proxy names: the last one of X-Forwarded-For that is
// itself no proxy. What stands before it the sender may have made up. From
// anybody else the header counts for nothing.
func behind(networks []string, next http.Handler) http.Handler {
	var proxies []netip.Prefix
	for _, n := range networks {
		if p, err := netip.ParsePrefix(n); err == nil { // ParseConfig checked it
			proxies = append(proxies, p.Masked())
		}
	}
	if len(proxies) == 0 {
		return next
	}
	known := func(text string) (ip netip.Addr, isProxy bool) {
		if host, _, err := net.SplitHostPort(text); err == nil {
			text = host
		}
		ip, err := netip.ParseAddr(strings.TrimSpace(text))
		if err != nil {
			return netip.Addr{}, false
		}
		ip = ip.Unmap()
		return ip, slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(ip) })
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, isProxy := known(r.RemoteAddr); isProxy {
			hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
			for _, hop := range slices.Backward(hops) {
				ip, isProxy := known(hop)
				if !ip.IsValid() {
					break
				}
				r.RemoteAddr = net.JoinHostPort(ip.String(), "0")
				if !isProxy {
					break
				}
			}
		}
		next.ServeHTTP(w, r)
	})
}

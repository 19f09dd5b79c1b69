package prober

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"time"

	probing "github.com/prometheus-community/pro-bing"
)

// echoes is how many packets a ping sends before it gives up. The first
// answer is enough: one lost packet is no outage.
const echoes = 3

func (a *attempt) ping(ctx context.Context) error {
	ips, err := a.lookup(ctx, a.t.Address)
	if err != nil {
		return err
	}
	ip := ips[0]
	a.note(func(r *Result) { r.Address = ip })
	// Machines allow raw sockets (root, CAP_NET_RAW), datagram sockets
	// (net.ipv4.ping_group_range), both or none.
	for _, privileged := range []bool{true, false} {
		var answered bool
		answered, err = a.echo(ctx, &net.IPAddr{IP: ip.AsSlice(), Zone: ip.Zone()}, privileged)
		if forbidden(err) {
			continue
		}
		if err != nil {
			return err
		}
		if !answered {
			return sentencef("%s answered no ping within %s", ip, Span(a.t.timeout()))
		}
		return nil
	}
	return cannotError("this machine may not ping: give vigie the capability CAP_NET_RAW, or put its group into the sysctl net.ipv4.ping_group_range")
}

func forbidden(err error) bool {
	return errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EPROTONOSUPPORT) || errors.Is(err, syscall.EAFNOSUPPORT)
}

func (a *attempt) echo(ctx context.Context, to *net.IPAddr, privileged bool) (answered bool, err error) {
	ping := probing.New("")
	ping.SetIPAddr(to)
	ping.SetPrivileged(privileged)
	ping.SetLogger(probing.NoopLogger{})
	ping.Count = echoes
	ping.Interval = a.t.timeout() / (echoes + 1)
	ping.Timeout = a.t.timeout()
	ping.RecordRtts = false
	ping.RecordTTLs = false
	ping.OnRecv = func(p *probing.Packet) {
		if !answered {
			answered = true
			a.note(func(r *Result) { r.Duration = max(p.Rtt, time.Nanosecond) })
		}
		ping.Stop()
	}
	err = ping.RunWithContext(ctx)
	if answered || errors.Is(err, context.DeadlineExceeded) {
		err = nil
	}
	return answered, err
}

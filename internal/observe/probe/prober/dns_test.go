package prober_test

import (
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
)

// nameServer answers for borealis.example on UDP and TCP of one port.
func nameServer(t *testing.T) string {
	t.Helper()
	l, _ := listen(t, "tcp", "127.0.0.1:0")
	pc, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	records := map[string][]string{
		"borealis.example.": {"borealis.example. 60 A 192.0.2.57", "borealis.example. 60 A 192.0.2.58",
			"borealis.example. 60 MX 10 mail.borealis.example.", `borealis.example. 60 TXT "v=spf1" " -all"`},
		"www.borealis.example.": {"www.borealis.example. 60 CNAME borealis.example."},
	}
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		name := q.Question[0].Name
		_, udp := w.LocalAddr().(*net.UDPAddr)
		switch {
		case name == "silent.example.":
			return
		case name == "refused.example.":
			m.Rcode = dns.RcodeRefused
		case name == "long.example." && udp:
			m.Truncated = true
		case name == "long.example.":
			rr, _ := dns.NewRR("long.example. 60 A 192.0.2.9")
			m.Answer = append(m.Answer, rr)
		case records[name] == nil:
			m.Rcode = dns.RcodeNameError
		}
		for _, s := range records[name] {
			rr, err := dns.NewRR(s)
			if err != nil {
				panic(err)
			}
			if rr.Header().Rrtype == q.Question[0].Qtype {
				m.Answer = append(m.Answer, rr)
			}
		}
		_ = w.WriteMsg(m)
	})
	for _, s := range []*dns.Server{{PacketConn: pc, Handler: handler}, {Listener: l, Handler: handler}} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go func() { _ = s.ActivateAndServe() }()
		<-started
		t.Cleanup(func() { _ = s.Shutdown() })
	}
	return l.Addr().String()
}

func TestWhatANameServerMayAnswer(t *testing.T) {
	server := nameServer(t)
	f := func(name, record, want string, values ...string) {
		t.Helper()
		got := run(t, prober.Options{}, prober.Target{
			Kind: prober.DNS, Address: name, Record: record, Resolver: server, Expect: prober.Expect{Values: values}})
		if got.Error != want || got.OK != (want == "") {
			t.Errorf("%s %s: %+v, want error %q", name, record, got, want)
		}
	}
	f("borealis.example", "", "")
	f("borealis.example", "A", "", "192.0.2.58", "192.0.2.57")
	f("borealis.example", "A", `the A record of borealis.example is "192.0.2.57, 192.0.2.58", expected "192.0.2.1"`, "192.0.2.1")
	f("borealis.example", "mx", "", "10 MAIL.borealis.example")
	f("borealis.example", "TXT", "", "v=spf1 -all")
	f("borealis.example", "AAAA", "borealis.example has no AAAA record")
	f("www.borealis.example.", "CNAME", "", "borealis.example")
	f("gone.example", "A", "the name gone.example does not exist")
	f("refused.example", "A", "the name server answered REFUSED for refused.example")
	f("long.example", "A", "", "192.0.2.9")
}

func TestASilentNameServer(t *testing.T) {
	server := nameServer(t)
	got := run(t, prober.Options{}, prober.Target{Kind: prober.DNS, Address: "silent.example", Resolver: server, Timeout: 50 * time.Millisecond})
	if want := "the name server " + server + " gave no answer within 50 ms"; got.Error != want {
		t.Errorf("got %q, want %q", got.Error, want)
	}
}

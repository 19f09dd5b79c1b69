package prober

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// resolvConf is where the machine's name server is found when a probe names none.
const resolvConf = "/etc/resolv.conf"

func (a *attempt) dns(ctx context.Context) error {
	host, port, err := a.nameServer()
	if err != nil {
		return err
	}
	question := new(dns.Msg)
	question.SetQuestion(dns.Fqdn(a.t.Address), dns.StringToType[a.t.record()])
	answer, err := a.ask(ctx, "udp", host, port, question)
	if err == nil && answer.Truncated {
		answer, err = a.ask(ctx, "tcp", host, port, question)
	}
	if err != nil {
		return err
	}
	return a.checkAnswer(answer)
}

// nameServer returns whom to ask.
func (a *attempt) nameServer() (host string, port int, err error) {
	server := a.t.Resolver
	if server == "" {
		conf, err := dns.ClientConfigFromFile(resolvConf)
		if err != nil || len(conf.Servers) == 0 {
			return "", 0, cannotError("this machine has no name server in " + resolvConf + "; name one in the probe's resolver")
		}
		server = net.JoinHostPort(conf.Servers[0], conf.Port)
	}
	h, p, err := net.SplitHostPort(server)
	if err != nil {
		return server, 53, nil //nolint:nilerr // no port is no mistake: it is 53
	}
	n, err := strconv.ParseUint(p, 10, 16)
	if err != nil {
		return "", 0, cannotError(fmt.Sprintf("the resolver %q has no port between 1 and 65535", server))
	}
	return h, int(n), nil
}

func (a *attempt) ask(ctx context.Context, network, host string, port int, q *dns.Msg) (*dns.Msg, error) {
	conn, err := a.dial(ctx, network, host, port)
	if err != nil {
		return nil, err
	}
	defer conn.Close() //nolint:errcheck // the answer is already here
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	client := dns.Client{Net: network, Timeout: a.t.timeout()}
	start := time.Now()
	answer, _, err := client.ExchangeWithConnContext(ctx, q, &dns.Conn{Conn: conn})
	a.note(func(r *Result) { r.Phases.FirstByte += time.Since(start) })
	if err != nil {
		if timedOut(err) {
			return nil, sentencef("the name server %s gave no answer within %s", net.JoinHostPort(host, strconv.Itoa(port)), Span(a.t.timeout()))
		}
		return nil, err
	}
	return answer, nil
}

func (a *attempt) checkAnswer(m *dns.Msg) error {
	name, record := strings.TrimSuffix(a.t.Address, "."), a.t.record()
	switch m.Rcode {
	case dns.RcodeSuccess:
	case dns.RcodeNameError:
		return sentencef("the name %s does not exist", name)
	default:
		return sentencef("the name server answered %s for %s", dns.RcodeToString[m.Rcode], name)
	}
	var got []string
	for _, rr := range m.Answer {
		if rr.Header().Rrtype == dns.StringToType[record] {
			got = append(got, recordValue(rr))
		}
	}
	if len(got) == 0 {
		return sentencef("%s has no %s record", name, record)
	}
	for _, want := range a.t.Expect.Values {
		if !slices.ContainsFunc(got, func(g string) bool { return sameRecord(g, want) }) {
			return sentencef("the %s record of %s is %s, expected %s", record, name, excerpt(strings.Join(got, ", ")), excerpt(want))
		}
	}
	return nil
}

// recordValue is the part of a record after its type, as zone files write it;
// texts are joined without their quotes.
func recordValue(rr dns.RR) string {
	if t, ok := rr.(*dns.TXT); ok {
		return strings.Join(t.Txt, "")
	}
	return strings.TrimPrefix(rr.String(), rr.Header().String())
}

func sameRecord(got, want string) bool {
	return strings.EqualFold(strings.TrimSuffix(got, "."), strings.TrimSuffix(want, "."))
}

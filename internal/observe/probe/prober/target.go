package prober

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Kind says which question a probe asks.
type Kind string

// The kinds of probe.
const (
	HTTP Kind = "http" // a page answers as expected, over http or https
	TCP  Kind = "tcp"  // a port accepts connections
	ICMP Kind = "icmp" // a machine answers ping
	DNS  Kind = "dns"  // a name server answers with the expected records
)

// Redirects says which redirects an HTTP probe follows.
type Redirects string

// The policies for redirects.
const (
	FollowRedirects Redirects = "follow"    // up to ten of them; the default
	SameHost        Redirects = "same-host" // only those that stay on the host of the URL
	NoRedirects     Redirects = "none"      // the redirect itself is the answer
)

// Family restricts a probe to one version of IP.
type Family string

// The families of addresses. The empty Family is any.
const (
	AnyFamily Family = ""
	IPv4      Family = "ipv4"
	IPv6      Family = "ipv6"
)

// Target is one probe to run: where, and what is a good answer. It is complete
// in itself, so that a place that knows nothing else can run it.
type Target struct {
	ID        string // names the probe; results carry it back
	Kind      Kind
	URL       string            // http
	Method    string            // http; GET if empty
	Headers   map[string]string // http
	Redirects Redirects         // http
	Address   string            // tcp, icmp: host name or IP; dns: the name asked for
	Port      int               // tcp
	Record    string            // dns: A, AAAA, MX, …; A if empty
	Resolver  string            // dns: the name server, host or host:port; the machine's if empty
	Family    Family
	Expect    Expect
	Interval  time.Duration // for whoever runs it again and again
	Timeout   time.Duration // DefaultTimeout if zero
}

// Expect says what a good answer is. Empty fields expect nothing.
type Expect struct {
	Status         []StatusRange  `json:"status,omitempty"` // http; 200-299 if empty
	BodyContains   string         `json:"body_contains,omitempty"`
	BodyMatches    string         `json:"body_matches,omitempty"` // a regular expression of Go (RE2)
	JSON           *JSONCondition `json:"json,omitempty"`
	AnyCertificate bool           `json:"any_certificate,omitempty"` // https: take a certificate nobody vouches for
	Values         []string       `json:"values,omitempty"`          // dns: each must be among the answers
}

// JSONCondition is true if what lies at Path of a JSON body reads as Equals.
type JSONCondition struct {
	Path   string `json:"path"`
	Equals string `json:"equals"`
}

// DefaultTimeout bounds a target that sets none.
const DefaultTimeout = 10 * time.Second

// Check says in one sentence what is wrong with the target, or nil.
func (t Target) Check() error {
	switch t.Kind {
	case HTTP:
		u, err := url.Parse(t.URL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return fmt.Errorf("an http probe needs a url that begins with http:// or https://, not %q", t.URL)
		}
	case TCP:
		if t.Port < 1 || t.Port > 65535 {
			return fmt.Errorf("a tcp probe needs a port between 1 and 65535, not %d", t.Port)
		}
		if t.Address == "" {
			return errors.New("a tcp probe needs an address")
		}
	case ICMP, DNS:
		if t.Address == "" {
			return fmt.Errorf("a probe of kind %s needs an address", t.Kind)
		}
	default:
		return fmt.Errorf("there is no probe of kind %q; there are http, tcp, icmp and dns", t.Kind)
	}
	switch t.Redirects {
	case "", FollowRedirects, SameHost, NoRedirects:
	default:
		return fmt.Errorf("redirects cannot be %q; they are follow, same-host or none", t.Redirects)
	}
	switch t.Family {
	case AnyFamily, IPv4, IPv6:
	default:
		return fmt.Errorf("family cannot be %q; it is ipv4 or ipv6", t.Family)
	}
	if t.Timeout < 0 {
		return fmt.Errorf("timeout cannot be negative, it is %s", t.Timeout)
	}
	return t.checkExpect()
}

func (t Target) checkExpect() error {
	e := t.Expect
	if t.Kind != HTTP && (len(e.Status) > 0 || e.BodyContains != "" || e.BodyMatches != "" || e.JSON != nil) {
		return fmt.Errorf("status, body and json are expected of http probes only, this one is of kind %s", t.Kind)
	}
	if t.Kind != DNS && len(e.Values) > 0 {
		return fmt.Errorf("values are expected of dns probes only, this one is of kind %s", t.Kind)
	}
	if _, err := regexp.Compile(e.BodyMatches); err != nil {
		return fmt.Errorf("body_matches is no regular expression: %w", err)
	}
	if e.JSON != nil {
		if _, err := ParsePath(e.JSON.Path); err != nil {
			return err
		}
	}
	if t.Kind == DNS {
		if _, ok := dns.StringToType[t.record()]; !ok {
			return fmt.Errorf("there is no DNS record of type %q", t.Record)
		}
	}
	return nil
}

func (t Target) record() string {
	if t.Record == "" {
		return "A"
	}
	return strings.ToUpper(t.Record)
}

func (t Target) timeout() time.Duration {
	if t.Timeout <= 0 {
		return DefaultTimeout
	}
	return t.Timeout
}

// Result is the answer to one probe.
type Result struct {
	OK      bool
	Unable  bool   // this place could not ask: nothing is known about the target
	Refused bool   // Unable because the guard does not let the address be asked
	Error   string // a plain sentence without a full stop; empty when OK
	// At is when the probe started, UTC.
	At                  time.Time
	Duration            time.Duration
	Phases              Phases
	Status              int        // http
	CertificateNotAfter time.Time  // https, of the soonest to expire
	Address             netip.Addr // the address that was asked last
}

// Phases splits the time of a probe. Over redirects each phase is a sum.
type Phases struct {
	DNS       time.Duration
	Connect   time.Duration
	TLS       time.Duration
	FirstByte time.Duration // from the request sent to the first byte of the answer
	Transfer  time.Duration
}

// Phase is one named part of the time of a probe.
type Phase struct {
	Name string
	Took time.Duration
}

// List returns the phases that took any time, in the order they happen.
func (p Phases) List() []Phase {
	all := []Phase{{"dns", p.DNS}, {"connect", p.Connect}, {"tls", p.TLS}, {"first_byte", p.FirstByte}, {"transfer", p.Transfer}}
	kept := all[:0]
	for _, ph := range all {
		if ph.Took > 0 {
			kept = append(kept, ph)
		}
	}
	return kept
}

package probe

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/signal"
)

// KindProbe is the kind of slug that other sections use to refer to probes.
const KindProbe = "probe"

// KindHeartbeat is the kind of probe that others answer by themselves; the
// other kinds are those of package prober.
const KindHeartbeat = "heartbeat"

// Probe is an entry of the section `probes:`.
type Probe struct {
	Pos       opsrepo.Pos       `yaml:"-"`
	Slug      string            `yaml:"slug" ops:"required,slug"`
	Name      string            `yaml:"name" ops:"doc=Name for people; the slug if absent."`
	Kind      string            `yaml:"kind" ops:"required,enum=http|tcp|icmp|dns|heartbeat"`
	Instance  string            `yaml:"instance" ops:"ref=instance,doc=The instance this probe is about."`
	Server    string            `yaml:"server" ops:"ref=server,doc=The server this probe is about."`
	Component string            `yaml:"component" ops:"doc=The component of the instance that is down when this probe is."`
	URL       string            `yaml:"url" ops:"url,doc=http: what to ask for."`
	Method    string            `yaml:"method" ops:"enum=GET|HEAD|POST|OPTIONS,doc=http: GET if absent."`
	Headers   map[string]string `yaml:"headers" ops:"doc=http: sent along. Never a secret."`
	Redirects prober.Redirects  `yaml:"redirects" ops:"enum=follow|same-host|none,doc=http: which redirects to follow; all if absent."`
	Address   string            `yaml:"address" ops:"doc=tcp and icmp: host name or IP, the server's if absent. dns: the name to ask for."`
	Port      int               `yaml:"port" ops:"max=65535,doc=tcp: the port."`
	Record    string            `yaml:"record" ops:"doc=dns: type of record such as A or MX; A if absent."`
	Resolver  string            `yaml:"resolver" ops:"doc=dns: the name server to ask; that of the machine if absent."`
	Family    prober.Family     `yaml:"family" ops:"enum=ipv4|ipv6,doc=Ask over this version of IP only."`
	Expect    Expect            `yaml:"expect" ops:"doc=What a good answer is."`
	Interval  opsrepo.Duration  `yaml:"interval" ops:"default=30s,min=1s,max=1d,doc=How often to look."`
	Timeout   opsrepo.Duration  `yaml:"timeout" ops:"default=10s,min=100ms,max=5m,doc=How long to wait for an answer."`
	// Confirmations and Recoveries are answers in a row.
	Confirmations int              `yaml:"confirmations" ops:"default=2,min=1,max=100,doc=Bad answers in a row before it is an outage."`
	Recoveries    int              `yaml:"recoveries" ops:"default=2,min=1,max=100,doc=Good answers in a row before the outage is over."`
	From          []string         `yaml:"from" ops:"doc=Places to look from: hub and slugs of servers. The hub and one other agent if absent."`
	Severity      signal.Severity  `yaml:"severity" ops:"enum=critical|warning|info,doc=Critical for the page of a production instance, warning for all else, if absent."`
	Every         opsrepo.Duration `yaml:"every" ops:"max=60d,doc=heartbeat: how often one must arrive."`
	Grace         opsrepo.Duration `yaml:"grace" ops:"default=1m,max=60d,doc=heartbeat: how late one may be."`
}

// Expect says what a good answer is. Absent keys expect nothing.
type Expect struct {
	Status          Statuses `yaml:"status" ops:"doc=http: codes, ranges or classes: 200, 200-299, 3xx. 200-299 if absent."`
	BodyContains    string   `yaml:"body_contains" ops:"doc=http: text that stands in the first MiB."`
	BodyMatches     string   `yaml:"body_matches" ops:"doc=http: regular expression (RE2) that matches in the first MiB."`
	JSON            *JSON    `yaml:"json" ops:"doc=http: what a JSON body says."`
	CertificateDays int      `yaml:"certificate_days" ops:"default=21,min=1,max=365,doc=https: warn when the certificate expires sooner."`
	AnyCertificate  bool     `yaml:"any_certificate" ops:"doc=https: take a certificate that nobody vouches for, such as an appliance's own."`
	Values          []string `yaml:"values" ops:"doc=dns: each must be among the answers."`
}

// JSON is a condition on a JSON body.
type JSON struct {
	Path   string `yaml:"path" ops:"required,doc=Where to look, such as status or checks[0].db."`
	Equals Scalar `yaml:"equals" ops:"required,doc=What must stand there."`
}

// Scalar is a text, a number, true or false, kept as it is written.
type Scalar string

// UnmarshalYAML reads the scalar.
func (s *Scalar) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return errors.New("equals is a list or a mapping; write a text, a number, true or false")
	}
	*s = Scalar(n.Value)
	return nil
}

// JSONSchema implements opsrepo.SchemaProvider.
func (s Scalar) JSONSchema() map[string]any {
	return map[string]any{"type": []string{"string", "number", "boolean"}}
}

// Statuses are ranges of HTTP status codes.
type Statuses []prober.StatusRange

// UnmarshalYAML reads one range or a list of them.
func (s *Statuses) UnmarshalYAML(n *yaml.Node) error {
	nodes := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		nodes = n.Content
	}
	for _, n := range nodes {
		if n.Kind != yaml.ScalarNode {
			return errors.New("is no HTTP status; write one like 200, a range like 200-299, a class like 2xx, or a list of them")
		}
		r, err := prober.ParseStatus(n.Value)
		if err != nil {
			return err
		}
		*s = append(*s, r)
	}
	return nil
}

// JSONSchema implements opsrepo.SchemaProvider.
func (s Statuses) JSONSchema() map[string]any {
	one := map[string]any{"type": []string{"string", "integer"}}
	return map[string]any{"oneOf": []any{one, map[string]any{"type": "array", "items": one}}}
}

// Probes is the section `probes:`.
var Probes = opsrepo.NewList("probes", opsrepo.ListOptions[Probe]{
	Doc:  "What is looked at from outside: pages, ports, names, and heartbeats that others send.",
	Kind: KindProbe, Check: checkProbes,
})

// Sections returns what this package reads from the operations repository.
func Sections() []opsrepo.Section { return []opsrepo.Section{Probes} }

func checkProbes(c *opsrepo.Checker, probes []Probe) {
	appliances := map[string]bool{}
	for _, s := range fleet.Servers.In(c) {
		appliances[s.Slug] = s.Appliance
	}
	for _, p := range probes {
		if !c.Refused(p.Pos, "kind") { // what else is wrong depends on it
			p.check(c, appliances)
		}
	}
}

// keysOf lists the keys that only some kinds have.
var keysOf = map[string][]string{
	"url": {"http"}, "method": {"http"}, "headers": {"http"}, "redirects": {"http"},
	"address": {"tcp", "icmp", "dns"}, "port": {"tcp"}, "record": {"dns"}, "resolver": {"dns"},
	"every": {KindHeartbeat}, "family": {"http", "tcp", "icmp", "dns"}, "from": {"http", "tcp", "icmp", "dns"},
	"expect.values": {"dns"}, "expect.status": {"http"}, "expect.body_contains": {"http"},
	"expect.body_matches": {"http"}, "expect.json": {"http"}, "expect.any_certificate": {"http"},
}

func (p Probe) check(c *opsrepo.Checker, appliances map[string]bool) {
	at := func(path string) opsrepo.Pos { return c.FieldPos(p.Pos, path) }
	if p.Instance != "" && p.Server != "" {
		c.Errorf(at("server"), "a probe is about an instance or a server, not both; leave one of them out")
	}
	if p.Component != "" && p.Instance == "" {
		c.Errorf(at("component"), "a component belongs to an instance; name it in instance")
	}
	if p.foreignKeys(c) {
		return
	}
	p.checkFrom(c, appliances)
	if p.Kind == KindHeartbeat {
		if p.Every.Std() < 10*time.Second && !c.Refused(p.Pos, "every") {
			c.Errorf(at("every"), "a heartbeat says how often it must arrive; write every: with 10s or more")
		}
		return
	}
	if p.Timeout > p.Interval && !c.Refused(p.Pos, "interval") {
		c.Errorf(at("timeout"), "the timeout %s is longer than the interval %s; make it at most as long", p.Timeout, p.Interval)
	}
	t := p.target()
	if t.Address == "" && p.Server != "" && p.Kind != "dns" {
		t.Address = "server" // its address is taken, checked with the server
	}
	if err := t.Check(); err != nil && !c.Refused(p.Pos, p.blamed(t)) {
		c.Errorf(at(p.blamed(t)), "%s", err)
	}
}

// blamed is the key where a target that makes no sense is to be mended.
func (p Probe) blamed(t prober.Target) string {
	t.Expect = prober.Expect{}
	switch {
	case t.Check() == nil:
		return "expect"
	case p.Kind == "http":
		return "url"
	case p.Kind == "tcp" && t.Address != "":
		return "port"
	case p.Kind == "dns" && t.Address != "":
		return "record"
	}
	return "address"
}

func (p Probe) foreignKeys(c *opsrepo.Checker) bool {
	wrong := false
	for _, key := range slices.Sorted(maps.Keys(keysOf)) {
		if kinds := keysOf[key]; p.has(key) && p.Kind != "" && !slices.Contains(kinds, p.Kind) {
			c.Errorf(c.FieldPos(p.Pos, key), "a probe of kind %s has no %s; only %s has", p.Kind, key, strings.Join(kinds, ", "))
			wrong = true
		}
	}
	return wrong
}

func (p Probe) has(key string) bool {
	e := p.Expect
	switch key {
	case "url":
		return p.URL != ""
	case "method":
		return p.Method != ""
	case "headers":
		return len(p.Headers) > 0
	case "redirects":
		return p.Redirects != ""
	case "address":
		return p.Address != ""
	case "port":
		return p.Port != 0
	case "record":
		return p.Record != ""
	case "resolver":
		return p.Resolver != ""
	case "every":
		return p.Every != 0
	case "family":
		return p.Family != ""
	case "from":
		return len(p.From) > 0
	case "expect.values":
		return len(e.Values) > 0
	case "expect.status":
		return len(e.Status) > 0
	case "expect.body_contains":
		return e.BodyContains != ""
	case "expect.body_matches":
		return e.BodyMatches != ""
	case "expect.json":
		return e.JSON != nil
	}
	return e.AnyCertificate
}

func (p Probe) checkFrom(c *opsrepo.Checker, appliances map[string]bool) {
	for i, place := range p.From {
		pos := c.FieldPos(p.Pos, "from["+strconv.Itoa(i)+"]")
		switch {
		case place != Hub && !c.Has(fleet.KindServer, place):
			c.Errorf(pos, "there is no place %q%s; places are hub and the slugs of servers", place,
				opsrepo.DidYouMean(place, append(c.Slugs(fleet.KindServer), Hub)))
		case appliances[place]:
			c.Errorf(pos, "%q is an appliance, and no agent can look from there; places are hub and the slugs of servers with an agent", place)
		case slices.Index(p.From, place) < i:
			c.Errorf(pos, "the place %q stands there twice; name each once", place)
		case place == p.Server:
			c.Errorf(pos, "server %q would look at itself; name another place", place)
		}
	}
}

// target returns what the prober is to ask.
func (p Probe) target() prober.Target {
	t := prober.Target{
		ID: p.Slug, Kind: prober.Kind(p.Kind), URL: p.URL, Method: cmp.Or(p.Method, http.MethodGet), Headers: p.Headers,
		Redirects: p.Redirects, Address: p.Address, Port: p.Port, Record: p.Record, Resolver: p.Resolver, Family: p.Family,
		Interval: p.Interval.Std(), Timeout: p.Timeout.Std(),
		Expect: prober.Expect{
			Status: p.Expect.Status, BodyContains: p.Expect.BodyContains, BodyMatches: p.Expect.BodyMatches,
			AnyCertificate: p.Expect.AnyCertificate, Values: p.Expect.Values,
		},
	}
	if j := p.Expect.JSON; j != nil {
		t.Expect.JSON = &prober.JSONCondition{Path: j.Path, Equals: string(j.Equals)}
	}
	return t
}

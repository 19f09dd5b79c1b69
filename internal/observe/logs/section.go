package logs

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
	"github.com/vigie-ops/vigie/internal/opsrepo"
)

// Route maps lines to the instance that they belong to, by what they say of
// themselves. A line that no route takes belongs to the server that sent it.
type Route struct {
	Pos  opsrepo.Pos `yaml:"-"`
	Slug string      `yaml:"slug" ops:"required,slug,doc=Name of the route."`

	Index     string            `yaml:"index" ops:"doc=Index that a shipper of Elasticsearch names; * is any text, as in all of these."`
	Path      string            `yaml:"path" ops:"doc=Path of the file."`
	Unit      string            `yaml:"unit" ops:"doc=Unit of systemd."`
	Service   string            `yaml:"service" ops:"doc=Program that wrote the line: service.name."`
	Container string            `yaml:"container" ops:"doc=Name of the container."`
	VHost     string            `yaml:"vhost" ops:"doc=Virtual host of a web server: url.domain."`
	Where     map[string]string `yaml:"where" ops:"doc=Any other fields with what they must be, such as container.labels.project: borealis."`
	Server    string            `yaml:"server" ops:"ref=server,doc=Server that sent it."`

	Instance string `yaml:"instance" ops:"ref=instance,doc=Whom the lines belong to."`
	Class    string `yaml:"class" ops:"doc=Class of the lines: web, application, system, auth, database or one of your own."`
	As       string `yaml:"as" ops:"doc=What service.name becomes."`
}

// Policy says how long lines are kept.
type Policy struct {
	Pos   opsrepo.Pos      `yaml:"-"`
	Keep  opsrepo.Duration `yaml:"keep" ops:"default=56d,min=1d,max=3660d,doc=How long lines are searchable, counted from the end of their day."`
	Rules []Keep           `yaml:"rules" ops:"doc=What is kept longer or shorter; the first that fits counts."`
	Caps  []Cap            `yaml:"caps" ops:"doc=How much there may be of one owner; the oldest days go."`
	Holds []Hold           `yaml:"holds" ops:"doc=Whose lines are not deleted, however old."`
	Mask  *Mask            `yaml:"mask" ops:"doc=What is taken out of lines before they are stored."`
	// OnServers is what the servers themselves keep.
	OnServers map[string]opsrepo.Duration `yaml:"on_servers" ops:"doc=How long files of a class stay on the servers; web: 98d and application: 364d if absent."`
	Rotate    []Rotation                  `yaml:"rotate" ops:"doc=Which files servers keep, as policies for logrotate that playbooks write."`
}

// Keep is how long some lines are kept.
type Keep struct {
	Pos      opsrepo.Pos      `yaml:"-"`
	Class    string           `yaml:"class" ops:"doc=Class of the lines; every class if absent."`
	Instance string           `yaml:"instance" ops:"ref=instance,doc=Of this instance."`
	Client   string           `yaml:"client" ops:"ref=client,doc=Of the instances of this client."`
	Server   string           `yaml:"server" ops:"ref=server,doc=Of this server."`
	Keep     opsrepo.Duration `yaml:"keep" ops:"required,min=1d,max=3660d"`
}

// Cap is how much an owner may have.
type Cap struct {
	Pos      opsrepo.Pos `yaml:"-"`
	Instance string      `yaml:"instance" ops:"ref=instance,doc=Of this instance; write instance or server."`
	Server   string      `yaml:"server" ops:"ref=server,doc=Of this server."`
	Gigabyte float64     `yaml:"gigabytes" ops:"required,doc=Size of its files on the hub."`
}

// Hold keeps lines from being deleted, as a court or a contract asks.
type Hold struct {
	Pos      opsrepo.Pos `yaml:"-"`
	Instance string      `yaml:"instance" ops:"ref=instance,doc=Of this instance; write instance or server."`
	Server   string      `yaml:"server" ops:"ref=server,doc=Of this server."`
	Reason   string      `yaml:"reason" ops:"required,doc=Who asked for it, and why."`
}

// KindRoute is the namespace of the slugs of routes.
const KindRoute = "log_route"

// Routes is the section `log_routes:`.
var Routes = opsrepo.NewList("log_routes", opsrepo.ListOptions[Route]{
	Doc: "Whom log lines belong to, by what they say of themselves. The first that takes a line counts.", Kind: KindRoute, Check: checkRoutes,
})

// ThePolicy is the section `log_policy:`.
var ThePolicy = opsrepo.NewSingle("log_policy", opsrepo.SingleOptions[Policy]{Doc: "How long log lines are kept.", Check: checkPolicy})

// Sections are what the room reads from the operations repository.
func Sections() []opsrepo.Section { return []opsrepo.Section{Routes, ThePolicy} }

func checkRoutes(c *opsrepo.Checker, all []Route) {
	for _, r := range all {
		globs := r.globs()
		if len(globs) == 0 && r.Server == "" {
			c.Errorf(r.Pos, "the route %q takes no line in particular; write index, path, unit, service, container, vhost, where or server", r.Slug)
		}
		for field, glob := range globs {
			if _, err := path.Match(plainGlob(glob), ""); err != nil {
				c.Errorf(r.Pos, "the route %q: %q is no pattern for %s; * is any text and ? one character", r.Slug, glob, field)
			}
		}
		for field := range r.Where {
			if field == "" || record.Reserved(field) || strings.HasPrefix(field, "vigie.") {
				c.Errorf(c.FieldPos(r.Pos, "where"), "%q is no field that a sender sets", field)
			}
		}
		if r.Instance == "" && r.Class == "" && r.As == "" {
			c.Errorf(r.Pos, "the route %q changes nothing; write instance, class or as", r.Slug)
		}
		if r.Class != "" && !validClass(r.Class) {
			c.Errorf(c.FieldPos(r.Pos, "class"), "%q is no class; small letters, digits and - are, up to 32", r.Class)
		}
	}
}

func validClass(s string) bool {
	return s != "" && len(s) <= 32 && !strings.ContainsFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' })
}

func checkPolicy(c *opsrepo.Checker, p Policy) {
	one := func(pos opsrepo.Pos, what, instance, server string) {
		if (instance == "") == (server == "") {
			c.Errorf(pos, "%s is of one owner; write instance or server", what)
		}
	}
	for _, k := range p.Rules {
		if n := len(slices.DeleteFunc([]string{k.Instance, k.Client, k.Server}, func(s string) bool { return s == "" })); n > 1 {
			c.Errorf(k.Pos, "a rule is of one instance, one client or one server; write one of them")
		} else if n == 0 && k.Class == "" {
			c.Errorf(k.Pos, "this rule is about all lines; write keep beside rules instead, or name a class, an instance, a client or a server")
		}
	}
	for _, k := range p.Caps {
		one(k.Pos, "a cap", k.Instance, k.Server)
		if k.Gigabyte < 0.001 {
			c.Errorf(c.FieldPos(k.Pos, "gigabytes"), "a cap is at least 0.001; remove it to keep everything")
		}
	}
	for _, h := range p.Holds {
		one(h.Pos, "a hold", h.Instance, h.Server)
	}
	checkMask(c, p)
	checkOnServers(c, p)
}

// globs are the conditions of a route by field.
func (r Route) globs() map[string]string {
	out := map[string]string{}
	for field, glob := range map[string]string{
		record.Index: r.Index, record.Path: r.Path, "systemd.unit": r.Unit, record.Service: r.Service, "container.name": r.Container, "url.domain": r.VHost,
	} {
		if glob != "" {
			out[field] = glob
		}
	}
	for field, glob := range r.Where {
		out[field] = glob
	}
	return out
}

// plainGlob lets * stand for / too: paths and names are matched alike.
func plainGlob(glob string) string { return strings.ReplaceAll(glob, "/", "\x01") }

func matches(glob, text string) bool {
	ok, _ := path.Match(plainGlob(glob), plainGlob(text))
	return ok
}

// owner is whom a route's lines belong to, if it says so.
func (r Route) owner() (record.Owner, bool) {
	return record.InstanceOwner(r.Instance), r.Instance != ""
}

// keeping answers how long and how much is kept, by a policy and a fleet.
type keeping struct {
	policy Policy
	client func(record.Owner) string
}

func newKeeping(p Policy, f *fleet.Snapshot) keeping {
	if p.Keep == 0 {
		p.Keep = opsrepo.Duration(DefaultKeep)
	}
	return keeping{p, func(o record.Owner) string {
		if o.Kind != record.OwnerInstance {
			return ""
		}
		i, _ := f.Instance(o.Slug)
		return i.Client
	}}
}

// DefaultKeep is how long lines are kept where nothing else is said: 8 weeks.
const DefaultKeep = 56 * 24 * time.Hour

func (k keeping) keep(o record.Owner, class string) time.Duration {
	for _, r := range k.policy.Rules {
		switch {
		case r.Class != "" && r.Class != class,
			r.Instance != "" && o != record.InstanceOwner(r.Instance),
			r.Server != "" && o != record.ServerOwner(r.Server),
			r.Client != "" && r.Client != k.client(o):
			continue
		}
		return r.Keep.Std()
	}
	return k.policy.Keep.Std()
}

func (k keeping) cap(o record.Owner) int64 {
	for _, c := range k.policy.Caps {
		if o == record.InstanceOwner(c.Instance) || o == record.ServerOwner(c.Server) {
			return int64(c.Gigabyte * 1e9)
		}
	}
	return 0
}

func (k keeping) held(o record.Owner) bool {
	return slices.ContainsFunc(k.policy.Holds, func(h Hold) bool {
		return h.Instance != "" && o == record.InstanceOwner(h.Instance) || h.Server != "" && o == record.ServerOwner(h.Server)
	})
}

// ownerName is an owner as people write it.
func ownerName(o record.Owner) string { return fmt.Sprintf("%s %s", o.Kind, o.Slug) }

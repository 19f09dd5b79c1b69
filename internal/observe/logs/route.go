package logs

import (
	"strings"

	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/observe/logs/ingest"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// UnknownServer owns the lines of which nobody can tell which server sent them.
const UnknownServer = "unknown"

// router says whom lines belong to, by one generation of the operations
// repository.
type router struct {
	routes []route
	fleet  *fleet.Snapshot
	server map[string]string // by slug, address and name, in small letters
}

// route is a Route that is ready to be asked.
type route struct {
	Route
	conditions []condition
}

type condition struct{ field, glob string }

func newRouter(routes []Route, f *fleet.Snapshot) *router {
	r := &router{fleet: f, server: map[string]string{}}
	for _, one := range routes {
		ready := route{Route: one}
		for field, glob := range one.globs() {
			ready.conditions = append(ready.conditions, condition{field, glob})
		}
		r.routes = append(r.routes, ready)
	}
	for _, s := range f.Servers() {
		for _, name := range []string{s.Name, s.Address, s.Slug} {
			if name != "" {
				r.server[strings.ToLower(name)] = s.Slug
			}
		}
	}
	return r
}

// serverOf is the server that sent a line: the one that the connection proved,
// else the one that the line names, else unknown.
func (r *router) serverOf(s ingest.Sender, line *record.Record) string {
	if s.Server != "" {
		return s.Server
	}
	for _, field := range []string{record.Host, "host.hostname", "hostname", "host"} {
		v, ok := line.Get(field)
		if !ok || v.Kind != record.String {
			continue
		}
		name := strings.ToLower(v.Str)
		if slug, ok := r.server[name]; ok {
			return slug
		}
		short, _, _ := strings.Cut(name, ".")
		if slug, ok := r.server[short]; ok {
			return slug
		}
	}
	return UnknownServer
}

// Route sets owner, class and labels of a line.
func (r *router) route(s ingest.Sender, line *record.Record) {
	server := r.serverOf(s, line)
	hint := line.Class
	line.Owner, line.Class = record.ServerOwner(server), ""
	if server != UnknownServer {
		line.Put(record.Host, record.StringValue(server))
	}
	for i := range r.routes {
		one := &r.routes[i]
		if !one.takes(server, line) {
			continue
		}
		if owner, ok := one.owner(); ok {
			line.Owner = owner
		}
		line.Class = one.Class
		if one.As != "" {
			line.Put(record.Service, record.StringValue(one.As))
		}
		break
	}
	if line.Class == "" && validClass(hint) {
		line.Class = hint
	}
	if line.Class == "" {
		line.Class = classOf(line)
	}
	if line.Owner.Kind == record.OwnerInstance {
		line.Put(record.Instance, record.StringValue(line.Owner.Slug))
		if i, ok := r.fleet.Instance(line.Owner.Slug); ok && i.Client != "" {
			line.Put(record.Client, record.StringValue(i.Client))
		}
	}
}

func (o *route) takes(server string, line *record.Record) bool {
	if o.Server != "" && o.Server != server {
		return false
	}
	for _, c := range o.conditions {
		ok := false
		for v := range line.All(c.field) {
			ok = ok || matches(c.glob, v.Text())
		}
		if !ok {
			return false
		}
	}
	return true
}

// classOf guesses the class of a line of which no route says it.
func classOf(line *record.Record) string {
	text := func(field string) string {
		v, _ := line.Get(field)
		return v.Str
	}
	switch f := text("log.syslog.facility.name"); f {
	case "auth", "authpriv":
		return record.ClassAuth
	}
	service, path := strings.ToLower(text(record.Service)), text(record.Path)
	switch service {
	case "sshd", "sudo", "su", "systemd-logind", "login", "polkitd":
		return record.ClassAuth
	case "nginx", "apache", "apache2", "httpd", "caddy", "haproxy", "traefik":
		return record.ClassWeb
	case "postgres", "postgresql", "mysql", "mysqld", "mariadb", "mongod", "mongodb", "redis", "redis-server":
		return record.ClassDatabase
	}
	switch {
	case strings.Contains(path, "/nginx/") || strings.Contains(path, "/apache2/") || strings.Contains(path, "/httpd/"):
		return record.ClassWeb
	case strings.HasSuffix(path, "/auth.log") || strings.HasSuffix(path, "/secure"):
		return record.ClassAuth
	case strings.Contains(path, "/postgresql/") || strings.Contains(path, "/mysql/") || strings.Contains(path, "/mongodb/") || strings.Contains(path, "/redis/"):
		return record.ClassDatabase
	}
	if text("systemd.unit") != "" || text("systemd.transport") != "" || text("log.syslog.facility.name") != "" || strings.HasPrefix(path, "/var/log/") {
		return record.ClassSystem
	}
	return record.ClassApplication
}

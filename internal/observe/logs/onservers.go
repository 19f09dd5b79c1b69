package logs

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/observe/logs/rotation"
	"github.com/vigie-ops/vigie/internal/opsrepo"
)

// Rotation is how files that a server keeps beside the hub are rotated.
type Rotation struct {
	Pos     opsrepo.Pos      `yaml:"-"`
	Name    string           `yaml:"name" ops:"required,slug,doc=Name of the file in /etc/logrotate.d. That of a package's own takes its place, such as nginx."`
	Files   []string         `yaml:"files" ops:"required,min=1,doc=Patterns of absolute paths, such as /var/log/nginx/*.log."`
	Class   string           `yaml:"class" ops:"required,doc=Class of the lines; on_servers says how long it is kept."`
	Keep    opsrepo.Duration `yaml:"keep" ops:"min=1d,max=3660d,doc=Longer than the class."`
	Roles   []string         `yaml:"roles" ops:"doc=On servers with one of these roles."`
	Servers []string         `yaml:"servers" ops:"ref=server,doc=On these servers; on all if neither is there."`
	Create  string           `yaml:"create" ops:"doc=Mode, owner and group of the new file, such as 0640 www-data adm; those of the old one if absent."`
	After   string           `yaml:"after" ops:"doc=Line of shell that makes the writer open its file anew; without it the file is copied and truncated."`
}

// defaultOnServers is what is promised where nothing else is said: 14 weeks of
// access and error logs of web servers, 52 weeks of those of applications.
var defaultOnServers = map[string]time.Duration{"web": 98 * rotation.Day, "application": 364 * rotation.Day}

// promised is how long servers keep files, by class.
func (p Policy) promised() map[string]time.Duration {
	out := maps.Clone(defaultOnServers)
	for class, d := range p.OnServers {
		out[class] = d.Std()
	}
	return out
}

// checkOnServers looks at what servers are to keep.
func checkOnServers(c *opsrepo.Checker, p Policy) {
	for class, d := range p.OnServers {
		if !validClass(class) || d.Std() < rotation.Day {
			c.Errorf(c.FieldPos(p.Pos, "on_servers"), "write a class and at least 1d, not %s: %s", class, d)
		}
	}
	promised := p.promised()
	for _, f := range p.Rotate {
		at := func(field string) opsrepo.Pos { return c.FieldPos(f.Pos, field) }
		if field, why := f.policy(rotation.Day).Problem(); why != "" {
			c.Errorf(at(field), "%s: %s", field, why)
		}
		opsrepo.CheckUnique(c, f.Pos, "files", f.Files)
		switch keep, known := promised[f.Class]; {
		case !validClass(f.Class):
			c.Errorf(at("class"), "%q is no class; small letters, digits and - are, up to 32", f.Class)
		case !known && f.Keep == 0:
			c.Errorf(at("class"), "how long the class %q is kept on servers is not said; add it to on_servers, or write keep here", f.Class)
		case f.Keep != 0 && f.Keep.Std() < keep:
			c.Errorf(at("keep"), "%s is less than the %s that on_servers promises for the class %q", f.Keep, opsrepo.Duration(keep), f.Class)
		}
	}
}

func (f Rotation) policy(keep time.Duration) rotation.Policy {
	return rotation.Policy{Name: f.Name, Files: f.Files, Keep: max(keep, f.Keep.Std()), Create: f.Create, After: f.After}
}

func (f Rotation) on(s fleet.Server) bool {
	return len(f.Roles) == 0 && len(f.Servers) == 0 || slices.Contains(f.Servers, s.Slug) ||
		slices.ContainsFunc(f.Roles, func(r string) bool { return slices.Contains(s.Roles, r) })
}

// HostVars are variables of playbooks by server: vigie_logrotate is a list of
// policies with name and content, as they belong into /etc/logrotate.d.
func HostVars(g *opsrepo.Generation) map[string]map[string]any {
	policy, _ := ThePolicy.Of(g)
	promised := policy.promised()
	out := map[string]map[string]any{}
	for _, s := range fleet.NewSnapshot(g).Servers() {
		list := []map[string]any{}
		for _, f := range policy.Rotate {
			if f.on(s) {
				list = append(list, map[string]any{"name": f.Name, "content": f.policy(promised[f.Class]).Config()})
			}
		}
		out[s.Slug] = map[string]any{"vigie_logrotate": list}
	}
	return out
}

// KeptMetric is how long logrotate keeps files of a server, in seconds, by
// class and pattern; agents report it.
const KeptMetric = "vigie_log_files_kept_seconds"

// Rules is a file of Prometheus rules that finds servers which keep less than
// is promised. A class that is also kept longer by single entries is held to
// what the policy says: an entry's own keep is for its playbook to bring about.
func Rules(g *opsrepo.Generation) []byte {
	policy, _ := ThePolicy.Of(g)
	promised := policy.promised()
	var b strings.Builder
	b.WriteString("groups:\n  - name: logs\n    interval: 1m\n    rules:\n")
	for _, class := range slices.Sorted(maps.Keys(promised)) {
		days := int64(promised[class] / rotation.Day)
		fmt.Fprintf(&b, `      - alert: LogsNotKept
        expr: min by (server, class, files) (%s{class=%q}) < %d
        for: 10m
        labels: {severity: warning}
        annotations:
          summary: "{{ $labels.server }} keeps {{ $labels.files }} for {{ $value | humanizeDuration }}, not %d days"
          description: "%d days are promised for files of the class %s (log_policy.on_servers). What logrotate deletes earlier is only on the hub, for as long as that keeps it."
          value: "{{ $value | humanizeDuration }}"
          limit: "%d days"
          first_step: "Add the files to log_policy.rotate in the operations repository if they are not there, and run the playbook that writes vigie_logrotate to /etc/logrotate.d."
`, KeptMetric, class, int64(promised[class]/time.Second), days, days, class, days)
	}
	return []byte(b.String())
}

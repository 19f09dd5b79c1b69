package playbook

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/vigie-ops/vigie/internal/fleet"
)

// Inventory is the fleet as Ansible sees it. Appliances are not part of it: no
// playbook of servers runs on them.
type Inventory struct {
	hosts  map[string]map[string]any // variables by slug
	groups map[string][]string       // slugs by group, sorted
	vars   map[string]map[string]any // variables of groups
}

// NewInventory makes the inventory of a fleet. Hosts are called by their slugs.
// Groups are the roles (app, web), and with a prefix the rings (ring_staging),
// environments, clients, projects, instances, providers and locations; what
// Ansible does not take in the name of a group becomes _.
func NewInventory(f *fleet.Snapshot) *Inventory {
	inv := &Inventory{hosts: map[string]map[string]any{}, groups: map[string][]string{}, vars: map[string]map[string]any{}}
	for _, s := range f.Servers() {
		if s.Appliance {
			continue
		}
		inv.hosts[s.Slug] = hostVars(f, s)
		for _, role := range s.Roles {
			inv.join(GroupName("", role), s.Slug)
		}
		inv.join(GroupName("ring", string(s.Ring)), s.Slug)
		inv.join(GroupName("provider", s.Provider), s.Slug)
		inv.join(GroupName("location", s.Location), s.Slug)
		for _, i := range f.InstancesOn(s.Slug) {
			inv.join(GroupName("instance", i.Slug), s.Slug)
			inv.join(GroupName("client", i.Client), s.Slug)
			inv.join(GroupName("project", i.Project), s.Slug)
			inv.join(GroupName("environment", i.Environment), s.Slug)
		}
	}
	for g, members := range inv.groups {
		slices.Sort(members)
		inv.groups[g] = slices.Compact(members)
	}
	for _, i := range f.Instances() {
		if g := GroupName("instance", i.Slug); inv.groups[g] != nil {
			inv.vars[g] = map[string]any{"vigie_instance": instanceVars(i)}
		}
	}
	return inv
}

// Add gives servers more variables, by slug. Those of the fleet stand.
func (inv *Inventory) Add(vars map[string]map[string]any) *Inventory {
	for slug, more := range vars {
		if host := inv.hosts[slug]; host != nil {
			for name, value := range more {
				if _, there := host[name]; !there {
					host[name] = value
				}
			}
		}
	}
	return inv
}

// GroupName is the name of a group: the prefix and the name, with _ for what
// Ansible does not take; empty for an empty name.
func GroupName(prefix, name string) string {
	if name == "" {
		return ""
	}
	if prefix != "" {
		name = prefix + "_" + name
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case r == '_', r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z':
			return r
		}
		return '_'
	}, name)
	if name[0] >= '0' && name[0] <= '9' {
		name = "_" + name
	}
	return name
}

func (inv *Inventory) join(group, host string) {
	if group != "" {
		inv.groups[group] = append(inv.groups[group], host)
	}
}

func hostVars(f *fleet.Snapshot, s fleet.Server) map[string]any {
	vars := map[string]any{
		"ansible_user": "root",
		"vigie_server": s.Slug,
		"vigie_ring":   string(s.Ring),
		"vigie_roles":  nonNil(s.Roles),
	}
	if s.Address != "" {
		vars["ansible_host"] = s.Address
	}
	if s.SSH.User != "" {
		vars["ansible_user"] = s.SSH.User
	}
	if s.SSH.Port != 0 {
		vars["ansible_port"] = s.SSH.Port
	}
	if jump, ok := f.Server(s.SSH.Jump); ok {
		vars["ansible_ssh_common_args"] = "-o ProxyJump=" + JumpTo(jump)
	}
	instances := []map[string]any{}
	for _, i := range f.InstancesOn(s.Slug) {
		instances = append(instances, instanceVars(i))
	}
	vars["vigie_instances"] = instances
	return vars
}

// JumpTo is a server as ssh's ProxyJump names it: user@host:port.
func JumpTo(s fleet.Server) string {
	user, host := s.SSH.User, s.Address
	if user == "" {
		user = "root"
	}
	if host == "" {
		host = s.Slug
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if s.SSH.Port != 0 {
		host += ":" + strconv.Itoa(s.SSH.Port)
	}
	return user + "@" + host
}

func instanceVars(i fleet.Instance) map[string]any {
	return map[string]any{
		"slug": i.Slug, "name": i.Name, "client": i.Client, "project": i.Project, "environment": i.Environment, "urls": nonNil(i.URLs),
	}
}

func nonNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// Hosts returns the slugs of all hosts, sorted.
func (inv *Inventory) Hosts() []string { return slices.Sorted(maps.Keys(inv.hosts)) }

// Groups returns the names of all groups, sorted.
func (inv *Inventory) Groups() []string { return slices.Sorted(maps.Keys(inv.groups)) }

// List is the answer to --list in the form of Ansible's inventory scripts.
func (inv *Inventory) List() ([]byte, error) {
	out := map[string]any{
		"_meta": map[string]any{"hostvars": inv.hosts},
		"all":   map[string]any{"children": append([]string{"ungrouped"}, inv.Groups()...)},
	}
	grouped := map[string]bool{}
	for g, members := range inv.groups {
		one := map[string]any{"hosts": members}
		if v := inv.vars[g]; v != nil {
			one["vars"] = v
		}
		out[g] = one
		for _, m := range members {
			grouped[m] = true
		}
	}
	alone := []string{}
	for _, h := range inv.Hosts() {
		if !grouped[h] {
			alone = append(alone, h)
		}
	}
	out["ungrouped"] = map[string]any{"hosts": alone}
	return json.MarshalIndent(out, "", "  ")
}

// Host is the answer to --host: the variables of one host, none for a host
// that is not there, as Ansible wants it.
func (inv *Inventory) Host(slug string) ([]byte, error) {
	vars := inv.hosts[slug]
	if vars == nil {
		vars = map[string]any{}
	}
	return json.MarshalIndent(vars, "", "  ")
}

// File is the inventory as a file of Ansible's yaml plugin, which reads JSON
// too. more are variables of single hosts beside those of the fleet.
func (inv *Inventory) File(more map[string]map[string]any) ([]byte, error) {
	hosts := map[string]any{}
	for slug, vars := range inv.hosts {
		all := maps.Clone(vars)
		maps.Copy(all, more[slug])
		hosts[slug] = all
	}
	children := map[string]any{}
	for g, members := range inv.groups {
		of := map[string]any{}
		for _, m := range members {
			of[m] = nil
		}
		one := map[string]any{"hosts": of}
		if v := inv.vars[g]; v != nil {
			one["vars"] = v
		}
		children[g] = one
	}
	return json.MarshalIndent(map[string]any{"all": map[string]any{"hosts": hosts, "children": children}}, "", " ")
}

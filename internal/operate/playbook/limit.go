package playbook

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/vigie-ops/vigie/internal/opsrepo"
)

// Limit returns the hosts that a pattern of Ansible's --limit names, sorted:
// names of hosts and groups with * and ?, joined by commas or colons, with !
// for all but and & for only those that are also. An empty pattern is all of
// them. What it names must exist, since a run on fewer servers than meant is
// noticed late; what it takes away need not.
func (inv *Inventory) Limit(pattern string) ([]string, error) {
	if strings.TrimSpace(pattern) == "" {
		return inv.Hosts(), nil
	}
	var plus, minus, and [][]string
	for part := range strings.FieldsFuncSeq(pattern, func(r rune) bool { return r == ',' || r == ':' || r == ' ' }) {
		kind, name := &plus, part
		switch part[0] {
		case '!':
			kind, name = &minus, part[1:]
		case '&':
			kind, name = &and, part[1:]
		}
		if name == "" {
			return nil, fmt.Errorf("%q names nothing; write a server or a group after ! or &", part)
		}
		if strings.ContainsAny(name, "~[@") {
			return nil, fmt.Errorf("%q is no limit that can be taken: regular expressions, subscripts and files are not; write names of servers and groups, with * where it helps", part)
		}
		found, err := inv.match(name)
		if err != nil && kind != &minus {
			return nil, err
		}
		*kind = append(*kind, found)
	}
	if plus == nil && minus == nil && and == nil {
		return nil, errors.New("the limit names nothing; leave it out to mean every server")
	}
	hosts := map[string]bool{}
	if len(plus) == 0 {
		plus = [][]string{inv.Hosts()}
	}
	for _, some := range plus {
		for _, h := range some {
			hosts[h] = true
		}
	}
	for _, some := range and {
		for h := range hosts {
			if !slices.Contains(some, h) {
				delete(hosts, h)
			}
		}
	}
	for _, some := range minus {
		for _, h := range some {
			delete(hosts, h)
		}
	}
	if len(hosts) == 0 {
		return nil, fmt.Errorf("the limit %q leaves no server", pattern)
	}
	out := make([]string, 0, len(hosts))
	for h := range hosts {
		out = append(out, h)
	}
	slices.Sort(out)
	return out, nil
}

// match returns the hosts of a name, which may be a group's and have wildcards.
func (inv *Inventory) match(name string) ([]string, error) {
	if name == "all" || name == "*" {
		return inv.Hosts(), nil
	}
	var out []string
	if !strings.ContainsAny(name, "*?") {
		if _, ok := inv.hosts[name]; ok {
			return []string{name}, nil
		}
		if g, ok := inv.groups[name]; ok {
			return g, nil
		}
		names := append(inv.Hosts(), inv.Groups()...)
		return nil, fmt.Errorf("the inventory has no server or group %q%s", name, opsrepo.DidYouMean(name, names))
	}
	for _, h := range inv.Hosts() {
		if ok, _ := path.Match(name, h); ok {
			out = append(out, h)
		}
	}
	for g, members := range inv.groups {
		if ok, _ := path.Match(name, g); ok {
			out = append(out, members...)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no server and no group is called like %q", name)
	}
	return out, nil
}

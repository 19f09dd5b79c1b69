// Package localops fits the example's operations repository to the machine it
// is shown on.
package localops

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Place is what stands in place of the example's servers and addresses.
type Place struct {
	Server    string            // slug of this machine
	Ports     []int             // that listen here and are probed
	Instances map[string]string // address of each instance's sample process
	SMTP      string            // address of the mailbox
	Fleet     Fleet             // servers beside this machine
}

// opsRoot is where the operations repository lies in the examples.
const opsRoot = "ops"

// Copy writes the repository that from holds in the folder ops, fitted to p.
func Copy(from fs.FS, to string, p Place) error {
	err := fs.WalkDir(from, opsRoot, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, filepath.FromSlash(strings.TrimPrefix(name, opsRoot)))
		if e.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		b, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		if sections(name) {
			if b, err = fit(b, p); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return os.WriteFile(target, b, 0o644)
	})
	if err != nil || len(p.Fleet.Content) == 0 {
		return err
	}
	return os.WriteFile(filepath.Join(to, FleetFile), p.Fleet.Content, 0o644)
}

// sections says whether a file is made of sections: not a playbook's, not a
// rule file.
func sections(name string) bool {
	rest := strings.TrimPrefix(name, opsRoot+"/")
	return path.Ext(name) == ".yaml" && !strings.HasPrefix(rest, "playbooks/") && !strings.HasPrefix(rest, "rules/")
}

// Instances lists the slugs of the instances that the repository defines.
func Instances(from fs.FS) ([]string, error) {
	var slugs []string
	err := fs.WalkDir(from, opsRoot, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !sections(name) {
			return err
		}
		b, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		docs, err := documents(b)
		for _, doc := range docs {
			for _, entry := range entries(doc, "instances") {
				slugs = append(slugs, text(entry, "slug"))
			}
		}
		return err
	})
	slices.Sort(slugs)
	return slugs, err
}

// fit rewrites the sections of a file to what is true on this machine and
// keeps everything else, comments too.
func fit(content []byte, p Place) ([]byte, error) {
	docs, err := documents(content)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	for _, doc := range docs {
		fitServers(doc, p)
		fitInstances(doc, p)
		fitProbes(doc, p)
		fitChannels(doc, p)
		fitPolicy(doc)
		fitSchedules(doc)
		fitLogs(doc)
		if err := enc.Encode(doc); err != nil {
			return nil, err
		}
	}
	if err := enc.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// fitServers leaves this machine, where the first of the example's servers
// stood, and no other; those of the fleet have a file of their own.
func fitServers(doc *yaml.Node, p Place) {
	list := value(doc, "servers")
	if list == nil {
		return
	}
	has := slices.ContainsFunc(list.Content, func(n *yaml.Node) bool { return text(n, "ring") == "production" && text(n, "appliance") != "true" })
	if !has {
		list.Content = nil
		return
	}
	list.Content = []*yaml.Node{node(map[string]any{
		"slug": p.Server, "name": "This machine", "address": "127.0.0.1", "provider": "local",
		"ring": "production", "roles": []string{"app"}, "ports": p.Ports,
	})}
}

// fitInstances has the sample processes run here. Servers of the fleet that have
// the names of the example's keep their instances too: what clients an approval
// is about depends on them.
func fitInstances(doc *yaml.Node, p Place) {
	for _, e := range entries(doc, "instances") {
		servers := []string{p.Server}
		for _, s := range entries(e, "servers") {
			if p.Fleet.has(s.Value) {
				servers = append(servers, s.Value)
			}
		}
		set(e, "servers", servers)
		if address, ok := p.Instances[text(e, "slug")]; ok {
			set(e, "urls", []string{"http://" + address + "/"})
		}
	}
}

// fitProbes keeps the status pages and asks the sample processes, more often
// than one would over a network.
func fitProbes(doc *yaml.Node, p Place) {
	list := value(doc, "probes")
	if list == nil {
		return
	}
	var kept []*yaml.Node
	for _, e := range list.Content {
		address, ok := p.Instances[text(e, "instance")]
		if !ok || text(e, "kind") != "http" {
			continue
		}
		set(e, "url", (&url.URL{Scheme: "http", Host: address, Path: "/status"}).String())
		set(e, "interval", "2s")
		set(e, "timeout", "1s")
		set(e, "confirmations", 2)
		set(e, "recoveries", 2)
		remove(e, "from")
		kept = append(kept, e)
	}
	list.Content = kept
}

// fitChannels leaves one channel, the demo's mailbox.
func fitChannels(doc *yaml.Node, p Place) {
	list := value(doc, "channels")
	if list == nil {
		return
	}
	host, port, _ := net.SplitHostPort(p.SMTP)
	n, _ := strconv.Atoi(port)
	from := "vigie@localhost"
	for _, e := range list.Content {
		if text(e, "from") != "" {
			from = text(e, "from")
		}
	}
	list.Content = []*yaml.Node{node(map[string]any{"slug": "mail", "kind": "smtp", "host": host, "port": n, "from": from, "tls": "none"})}
}

// fitPolicy sends everything by mail, and waits a second to group. Routes that
// led to a channel alone are left out: a mail needs somebody.
func fitPolicy(doc *yaml.Node) {
	policy := value(doc, "notification_policy")
	if policy == nil {
		return
	}
	set(policy, "group_wait", "1s")
	routes := value(policy, "routes")
	if routes == nil {
		return
	}
	var left []*yaml.Node
	for _, route := range routes.Content {
		seen := map[string]bool{}
		to := value(route, "to")
		if to == nil {
			continue
		}
		var kept []*yaml.Node
		for _, target := range to.Content {
			set(target, "channel", "mail")
			who := text(target, "person") + "/" + text(target, "team")
			if who != "/" && !seen[who] {
				seen[who] = true
				kept = append(kept, target)
			}
		}
		if to.Content = kept; len(kept) > 0 {
			left = append(left, route)
		}
	}
	routes.Content = left
}

// fitLogs promises little of what this machine keeps of its files: Debian's own
// policies are less than what the example promises.
func fitLogs(doc *yaml.Node) {
	policy := value(doc, "log_policy")
	if policy == nil {
		return
	}
	set(policy, "on_servers", map[string]string{"web": "1d", "application": "1d"})
	value(policy, "on_servers").HeadComment = "# No playbook looks after this machine, so that little is promised of it."
}

// fitSchedules has nothing start by itself: a demo that is left alone over night
// changes no machine.
func fitSchedules(doc *yaml.Node) {
	for _, e := range entries(doc, "schedules") {
		set(e, "paused", true)
	}
	if policy := value(doc, "drift_policy"); policy != nil {
		set(policy, "off", true)
	}
}

// documents reads the YAML documents of a file down to their mappings.
func documents(content []byte) ([]*yaml.Node, error) {
	var out []*yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var n yaml.Node
		err := dec.Decode(&n)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if len(n.Content) == 1 {
			out = append(out, n.Content[0])
		}
	}
}

// value returns what stands under a key of a mapping, or nil.
func value(m *yaml.Node, key string) *yaml.Node {
	if m == nil || m.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return m.Content[i+1]
		}
	}
	return nil
}

// entries returns the list under a key.
func entries(m *yaml.Node, key string) []*yaml.Node {
	if v := value(m, key); v != nil {
		return v.Content
	}
	return nil
}

func text(m *yaml.Node, key string) string {
	if v := value(m, key); v != nil {
		return v.Value
	}
	return ""
}

func set(m *yaml.Node, key string, v any) {
	if old := value(m, key); old != nil {
		*old = *node(v)
		return
	}
	m.Content = append(m.Content, node(key), node(v))
}

func remove(m *yaml.Node, key string) {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			m.Content = slices.Delete(m.Content, i, i+2)
			return
		}
	}
}

// node makes the node of a value that is known to have one.
func node(v any) *yaml.Node {
	n := new(yaml.Node)
	if err := n.Encode(v); err != nil {
		panic(err)
	}
	return n
}

// Listening returns those of the ports that somebody listens on here.
func Listening(ctx context.Context, ports ...int) []int {
	found := []int{}
	dialer := net.Dialer{Timeout: time.Second}
	for _, p := range ports {
		if c, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p))); err == nil {
			_ = c.Close()
			found = append(found, p)
		}
	}
	return found
}

// MachineSlug makes a slug of this machine's name.
func MachineSlug() string {
	name, err := os.Hostname()
	if err != nil {
		return "this-machine"
	}
	name, _, _ = strings.Cut(strings.ToLower(name), ".")
	var b strings.Builder
	for _, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	slug := strings.Trim(b.String(), "-")
	if slug == "" || slug == "localhost" {
		return "this-machine"
	}
	return slug[:min(len(slug), 60)]
}

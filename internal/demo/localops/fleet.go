package localops

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/opsrepo"
)

// Fleet are the servers that a demo has beside this machine.
type Fleet struct {
	Content []byte // of the file, which is in the form of the section servers:
	Servers []fleet.Server
}

// FleetFile is the file of the repository that says which servers there are
// beside this machine.
const FleetFile = "fleet.yaml"

// ReadFleet reads a file of servers and checks it as the hub will. machine is
// the slug of this machine, which is none of them.
func ReadFleet(file, machine string) (Fleet, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return Fleet{}, fmt.Errorf("read the servers of the demo: %w", err)
	}
	g, err := loadServers(file, content)
	if err != nil {
		return Fleet{}, fmt.Errorf("the servers of the demo have mistakes:\n%w", err)
	}
	f := Fleet{Content: content, Servers: fleet.Servers.Of(g)}
	if len(f.Servers) == 0 {
		return Fleet{}, fmt.Errorf("%s names no server; write servers: with the slug and the address of each", file)
	}
	for _, s := range f.Servers {
		switch {
		case s.Slug == machine:
			return Fleet{}, fmt.Errorf("%s:%d: %s is what the demo calls this machine; give the server another slug", file, s.Pos.Line, s.Slug)
		case s.Address == "":
			return Fleet{}, fmt.Errorf("%s:%d: the server %s has no address, so that nothing could reach it", file, s.Pos.Line, s.Slug)
		}
	}
	return f, nil
}

// loadServers loads content as the only file of an operations repository.
func loadServers(file string, content []byte) (_ *opsrepo.Generation, err error) {
	dir, err := os.MkdirTemp("", "vigie-demo-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for name, b := range map[string][]byte{"vigie.yaml": []byte("vigie: 1\n"), FleetFile: content} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			return nil, err
		}
	}
	g, problems := opsrepo.Load(os.DirFS(dir), []opsrepo.Section{fleet.Servers})
	for i := range problems {
		problems[i].Pos.File = file
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return g, nil
}

// Networks are the addresses of the servers as networks of one address each;
// those that are names are left out.
func (f Fleet) Networks() []string {
	var out []string
	for _, s := range f.Servers {
		if ip, err := netip.ParseAddr(s.Address); err == nil {
			out = append(out, netip.PrefixFrom(ip, ip.BitLen()).String())
		}
	}
	return out
}

// has reports whether a server is one of them.
func (f Fleet) has(slug string) bool {
	for _, s := range f.Servers {
		if s.Slug == slug {
			return true
		}
	}
	return false
}

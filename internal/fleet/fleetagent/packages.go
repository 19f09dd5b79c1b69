package fleetagent

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/wire"
)

// packages lists what is installed. The list is read again only when the
// package manager's own file changed.
type packages struct {
	root    fs.FS
	changed time.Time
	size    int64
	rpm     func(ctx context.Context) ([]byte, error)
}

const dpkgStatus = "var/lib/dpkg/status"

func newPackages(root fs.FS) *packages { return &packages{root: root, rpm: rpmQuery} }

func (p *packages) look(ctx context.Context) (any, error) {
	manager, info := p.manager()
	if manager == "" {
		return nil, errNothing
	}
	if info.ModTime().Equal(p.changed) && info.Size() == p.size {
		return nil, errUnchanged
	}
	list, err := p.list(ctx, manager)
	if err != nil {
		return nil, err
	}
	p.changed, p.size = info.ModTime(), info.Size()
	return wire.Packages{Manager: manager, Packages: list}, nil
}

// manager finds the package manager by its database.
func (p *packages) manager() (string, fs.FileInfo) {
	if info, err := fs.Stat(p.root, dpkgStatus); err == nil && info.Size() > 0 {
		return "dpkg", info
	}
	for _, db := range []string{"usr/lib/sysimage/rpm/rpmdb.sqlite", "var/lib/rpm/rpmdb.sqlite", "var/lib/rpm/Packages.db", "var/lib/rpm/Packages"} {
		if info, err := fs.Stat(p.root, db); err == nil {
			return "rpm", info
		}
	}
	return "", nil
}

func (p *packages) list(ctx context.Context, manager string) ([]wire.Package, error) {
	if manager == "rpm" {
		b, err := p.rpm(ctx)
		if err != nil {
			return nil, err
		}
		return parseRPM(string(b)), nil
	}
	b, err := fs.ReadFile(p.root, dpkgStatus)
	if err != nil {
		return nil, fmt.Errorf("read the installed packages: %w", err)
	}
	return parseDpkg(string(b)), nil
}

// parseDpkg reads dpkg's status file: paragraphs of "Field: value", of which
// those whose status ends in "installed" count.
func parseDpkg(s string) []wire.Package {
	var all []wire.Package
	for paragraph := range strings.SplitSeq(s, "\n\n") {
		var p wire.Package
		installed := false
		for line := range strings.Lines(paragraph) {
			key, value, ok := strings.Cut(line, ":")
			if !ok || line[0] == ' ' || line[0] == '\t' {
				continue
			}
			value = text(value)
			switch key {
			case "Package":
				p.Name = value
			case "Version":
				p.Version = value
			case "Architecture":
				p.Architecture = value
			case "Source":
				p.Source, p.SourceVersion = parseSource(value)
			case "Status":
				installed = strings.HasSuffix(value, " installed")
			}
		}
		if installed && p.Name != "" {
			all = append(all, p)
		}
	}
	sortPackages(all)
	return all
}

// parseSource reads "name" or "name (version)".
func parseSource(s string) (name, version string) {
	name, rest, _ := strings.Cut(s, " ")
	return name, strings.Trim(rest, " ()")
}

func sortPackages(all []wire.Package) {
	slices.SortFunc(all, func(a, b wire.Package) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return strings.Compare(a.Architecture+a.Version, b.Architecture+b.Version)
	})
}

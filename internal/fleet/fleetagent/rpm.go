package fleetagent

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/wire"
)

const (
	rpmFormat  = "%{NAME}\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\t%{ARCH}\t%{SOURCERPM}\n"
	rpmTimeout = time.Minute
)

// rpmQuery is one of the two programs an agent starts, both to observe: rpm's
// database has no format one could read without it.
func rpmQuery(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, rpmTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "rpm", "-qa", "--queryformat", rpmFormat)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list the installed packages with rpm: %w", err)
	}
	return out, nil
}

// parseRPM reads lines in rpmFormat.
func parseRPM(s string) []wire.Package {
	var all []wire.Package
	for line := range strings.Lines(s) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 4 || f[0] == "" || f[0] == "gpg-pubkey" {
			continue
		}
		p := wire.Package{Name: text(f[0]), Version: text(strings.TrimPrefix(f[1], "0:")), Architecture: text(f[2])}
		// name-version-release.src.rpm
		if parts := strings.Split(strings.TrimSuffix(f[3], ".src.rpm"), "-"); len(parts) >= 3 {
			n := len(parts) - 2
			p.Source, p.SourceVersion = text(strings.Join(parts[:n], "-")), text(strings.Join(parts[n:], "-"))
		}
		all = append(all, p)
	}
	sortPackages(all)
	return all
}

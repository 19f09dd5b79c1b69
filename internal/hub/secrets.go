package hub

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vigie-ops/vigie/internal/lib/secret"
)

// mayRead says why a secret that the operations repository names is not read:
// whoever can push could have the hub's own keys sent to a mail server of
// theirs. Files come from the folders of operations.secrets, variables are
// those whose names begin with VIGIE_.
func (c Config) mayRead(r secret.Ref) error {
	switch {
	case len(r.Command) > 0:
		return fmt.Errorf("%s: a secret of the operations repository cannot be a command", r)
	case r.Env != "":
		if r.Env == c.MasterKey.Env || r.Env == c.State.URL.Env {
			return fmt.Errorf("%s is the hub's own secret; no channel may use it", r)
		}
		if !strings.HasPrefix(r.Env, "VIGIE_") {
			return fmt.Errorf("%s: the operations repository may name variables that begin with VIGIE_, no others", r)
		}
		return nil
	case r.File == "":
		return nil
	}
	file := actual(r.File)
	own := []string{c.MasterKey.File, c.State.URL.File, c.Tokens}
	if t := c.Listen.TLS; t != nil {
		own = append(own, t.Key)
	}
	for _, f := range own {
		if f != "" && file == actual(f) {
			return fmt.Errorf("%s is the hub's own secret; no channel may use it", r)
		}
	}
	if within(file, actual(c.Data)) || within(file, "/proc") {
		return fmt.Errorf("%s lies where the hub keeps its own; no channel may use it", r)
	}
	if !slices.ContainsFunc(c.Operations.Secrets, func(dir string) bool { return within(file, actual(dir)) }) {
		return fmt.Errorf("%s: channels read secrets from %s; put it there, or name its folder in operations.secrets of hub.yaml", r, strings.Join(c.Operations.Secrets, ", "))
	}
	return nil
}

// actual is where a path leads to, through links; the path itself if nothing is
// there.
func actual(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if to, err := filepath.EvalSymlinks(path); err == nil {
		return to
	}
	return filepath.Clean(path)
}

func within(file, dir string) bool {
	rel, err := filepath.Rel(dir, file)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

package fleetagent

import (
	"bufio"
	"context"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/vigie-ops/vigie/internal/wire"
)

// maxMaps bounds what is read of one process's memory map.
const maxMaps = 4 << 20

// readStale finds processes that map code which is not on disk any more: they
// were not restarted after an update.
func readStale(ctx context.Context, root fs.FS) (wire.Stale, error) {
	type group struct{ process, unit string }
	found := map[group]*wire.StaleProcess{}
	err := eachProcess(ctx, root, func(pid string) {
		f, err := root.Open("proc/" + pid + "/maps")
		if err != nil {
			return // it ended, or we may not look
		}
		files := parseMaps(io.LimitReader(f, maxMaps))
		_ = f.Close()
		if len(files) == 0 {
			return
		}
		cgroup, _ := fs.ReadFile(root, "proc/"+pid+"/cgroup")
		g := group{firstLine(root, "proc/"+pid+"/comm"), parseUnit(string(cgroup))}
		p, ok := found[g]
		if !ok {
			p = &wire.StaleProcess{Process: g.process, Unit: g.unit}
			found[g] = p
		}
		p.Count++
		p.Files = append(p.Files, files...)
	})
	if err != nil {
		return wire.Stale{}, err
	}
	all := []wire.StaleProcess{}
	for _, p := range found {
		slices.Sort(p.Files)
		p.Files = slices.Compact(p.Files)
		all = append(all, *p)
	}
	slices.SortFunc(all, func(a, b wire.StaleProcess) int {
		return strings.Compare(a.Process+"\x00"+a.Unit, b.Process+"\x00"+b.Unit)
	})
	return wire.Stale{Processes: all}, nil
}

// parseMaps reads /proc/PID/maps and returns libraries and programs that were
// deleted, each once.
func parseMaps(r io.Reader) []string {
	files := map[string]bool{}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4<<10), 64<<10)
	for lines.Scan() {
		line := lines.Bytes()
		if len(line) < 11 || string(line[len(line)-10:]) != " (deleted)" {
			continue
		}
		f := strings.Fields(string(line[:len(line)-10]))
		if len(f) < 6 || !strings.Contains(f[1], "x") {
			continue
		}
		if file := strings.Join(f[5:], " "); isCode(file) {
			files[text(file)] = true
		}
	}
	return slices.Sorted(maps.Keys(files))
}

// isCode says whether a mapped file is a library or an installed program, not
// shared memory, a JIT's buffer or a temporary file.
func isCode(file string) bool {
	for _, dir := range []string{"/dev/", "/memfd:", "/SYSV", "/tmp/", "/var/tmp/", "/run/", "/i915", "/anon_hugepage"} {
		if strings.HasPrefix(file, dir) {
			return false
		}
	}
	return strings.HasPrefix(file, "/")
}

// parseUnit finds the systemd unit in /proc/PID/cgroup: the last path element
// that is a service or a scope.
func parseUnit(cgroup string) string {
	for line := range strings.Lines(cgroup) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 || f[1] != "" && f[1] != "name=systemd" {
			continue
		}
		for dir := f[2]; dir != "/" && dir != "." && dir != ""; dir = path.Dir(dir) {
			if base := path.Base(dir); strings.HasSuffix(base, ".service") || strings.HasSuffix(base, ".scope") {
				return text(base)
			}
		}
	}
	return ""
}

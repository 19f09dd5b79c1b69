package metricsagent

import (
	"path"
	"strconv"
	"strings"
)

// container is what the path of a control group says about a container.
type container struct {
	runtime string // docker, containerd, crio, podman, nspawn, machine, lxc
	name    string // empty when the path carries an id only
	id      string // 64 hex digits, or empty
}

// identify reads the path of a control group; false is no container.
func identify(cgroup string) (container, bool) {
	dir, base := path.Split(strings.Trim(cgroup, "/"))
	dir = strings.TrimSuffix(dir, "/")
	parent := path.Base(dir)
	if unit, ok := strings.CutSuffix(base, ".scope"); ok {
		return identifyScope(unit)
	}
	switch {
	case strings.HasPrefix(base, "systemd-nspawn@") && strings.HasSuffix(base, ".service"):
		return named("nspawn", unescapeUnit(strings.TrimSuffix(strings.TrimPrefix(base, "systemd-nspawn@"), ".service")))
	case strings.HasPrefix(base, "lxc.payload."):
		return named("lxc", strings.TrimPrefix(base, "lxc.payload."))
	case parent == "lxc":
		return named("lxc", base)
	case strings.HasPrefix(base, "libpod-") && isID(strings.TrimPrefix(base, "libpod-")):
		return container{runtime: "podman", id: strings.TrimPrefix(base, "libpod-")}, true
	case !isID(base):
		return container{}, false
	case parent == "docker":
		return container{runtime: "docker", id: base}, true
	case strings.HasPrefix(parent, "pod"), strings.HasSuffix(parent, ".slice") && strings.Contains(parent, "-pod"):
		return container{runtime: "containerd", id: base}, true
	}
	return container{}, false
}

// identifyScope reads the name of a systemd scope.
func identifyScope(unit string) (container, bool) {
	if name, ok := strings.CutPrefix(unit, "machine-"); ok {
		return named("machine", unescapeUnit(name))
	}
	runtime, id, _ := strings.Cut(unit, "-")
	if i := strings.LastIndexByte(unit, '-'); i >= 0 {
		runtime, id = unit[:i], unit[i+1:]
	}
	runtimes := map[string]string{
		"docker": "docker", "cri-containerd": "containerd", "nerdctl": "containerd", "crio": "crio", "libpod": "podman",
	}
	r, known := runtimes[runtime]
	if !known || !isID(id) {
		return container{}, false // conmon beside a container, sessions, anything else
	}
	return container{runtime: r, id: id}, true
}

func named(runtime, name string) (container, bool) {
	return container{runtime: runtime, name: name}, name != ""
}

// isID says whether s is the id container engines give: 64 hex digits.
func isID(s string) bool {
	if len(s) != 64 {
		return false
	}
	return strings.Trim(s, "0123456789abcdef") == ""
}

// unescapeUnit undoes systemd's \x2d in names of units.
func unescapeUnit(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		if len(s) >= 4 && s[:2] == `\x` {
			if c, err := strconv.ParseUint(s[2:4], 16, 8); err == nil {
				b.WriteByte(byte(c))
				s = s[4:]
				continue
			}
		}
		b.WriteByte(s[0])
		s = s[1:]
	}
	return validUTF8(b.String())
}

// validUTF8 makes text of a machine fit for a label.
func validUTF8(s string) string { return strings.ToValidUTF8(s, "?") }

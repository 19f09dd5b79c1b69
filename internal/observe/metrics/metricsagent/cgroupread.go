package metricsagent

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
	"syscall"
)

// usage is what a control group used.
type usage struct {
	cpuSeconds    float64
	memory        float64 // bytes, page cache included
	inactiveFile  float64 // page cache that can go at once
	limit         float64 // bytes; 0 is none
	oomKills      float64
	throttled     float64 // seconds
	inode         uint64  // another one under the same name is another start
	hasMemoryData bool
}

// hierarchy reads control groups of version 1 or 2 below sys/fs/cgroup.
type hierarchy struct {
	root    fs.FS
	v2      bool
	memory  string // where the memory controller is
	cpuacct string
	cpu     string
}

const cgroupRoot = "sys/fs/cgroup"

// openHierarchy finds out which version the machine has.
func openHierarchy(root fs.FS) (hierarchy, error) {
	if exists(root, cgroupRoot+"/cgroup.controllers") {
		return hierarchy{root: root, v2: true, memory: cgroupRoot, cpuacct: cgroupRoot, cpu: cgroupRoot}, nil
	}
	h := hierarchy{root: root, memory: cgroupRoot + "/memory", cpuacct: cgroupRoot + "/cpuacct", cpu: cgroupRoot + "/cpu"}
	if !exists(root, h.cpuacct) {
		h.cpuacct, h.cpu = cgroupRoot+"/cpu,cpuacct", cgroupRoot+"/cpu,cpuacct"
	}
	if !exists(root, h.memory) && !exists(root, h.cpuacct) {
		return h, errNothing
	}
	return h, nil
}

// containers calls f with the path of every control group that is a
// container's, relative to the hierarchy.
func (h hierarchy) containers(f func(cgroup string, c container)) {
	top := h.memory
	if !exists(h.root, top) {
		top = h.cpuacct
	}
	// A control group that goes away while it is looked at is no error.
	_ = fs.WalkDir(h.root, top, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && p == top:
			return err
		case err != nil:
			return fs.SkipDir
		case !d.IsDir():
			return nil
		}
		rel := strings.TrimPrefix(strings.TrimPrefix(p, top), "/")
		if c, ok := identify(rel); ok {
			f(rel, c)
			return fs.SkipDir
		}
		if strings.Count(rel, "/") >= 8 {
			return fs.SkipDir
		}
		return nil
	})
}

// usage reads one control group; files that are missing count nothing.
func (h hierarchy) usage(cgroup string) usage {
	var u usage
	mem, acct, cpu := path.Join(h.memory, cgroup), path.Join(h.cpuacct, cgroup), path.Join(h.cpu, cgroup)
	if h.v2 {
		stat := h.keyed(cpu + "/cpu.stat")
		u.cpuSeconds, u.throttled = stat["usage_usec"]/1e6, stat["throttled_usec"]/1e6
		u.memory, u.hasMemoryData = h.number(mem + "/memory.current")
		u.inactiveFile = h.keyed(mem + "/memory.stat")["inactive_file"]
		u.limit, _ = h.number(mem + "/memory.max") // "max" is no number: no limit
		u.oomKills = h.keyed(mem + "/memory.events")["oom_kill"]
	} else {
		ns, _ := h.number(acct + "/cpuacct.usage")
		u.cpuSeconds, u.throttled = ns/1e9, h.keyed(cpu + "/cpu.stat")["throttled_time"]/1e9
		u.memory, u.hasMemoryData = h.number(mem + "/memory.usage_in_bytes")
		u.inactiveFile = h.keyed(mem + "/memory.stat")["total_inactive_file"]
		if u.limit, _ = h.number(mem + "/memory.limit_in_bytes"); u.limit > 1<<60 {
			u.limit = 0 // version 1 writes "no limit" as a very large number
		}
		u.oomKills = h.keyed(mem + "/memory.oom_control")["oom_kill"]
		if !exists(h.root, mem) {
			mem = acct
		}
	}
	if info, err := fs.Stat(h.root, mem); err == nil {
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			u.inode = st.Ino
		}
	}
	return u
}

func (h hierarchy) number(file string) (float64, bool) {
	b, err := fs.ReadFile(h.root, file)
	if err != nil {
		return 0, false
	}
	v, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	return float64(v), err == nil
}

func (h hierarchy) keyed(file string) map[string]float64 {
	b, err := fs.ReadFile(h.root, file)
	if err != nil {
		return nil
	}
	return parseKeyed(string(b))
}

// parseKeyed reads lines of "key number".
func parseKeyed(s string) map[string]float64 {
	all := map[string]float64{}
	for line := range strings.Lines(s) {
		key, number, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			continue
		}
		if v, err := strconv.ParseUint(number, 10, 64); err == nil {
			all[key] = float64(v)
		}
	}
	return all
}

func exists(root fs.FS, name string) bool {
	_, err := fs.Stat(root, name)
	return err == nil
}

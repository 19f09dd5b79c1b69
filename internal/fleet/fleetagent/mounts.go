package fleetagent

import (
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/vigie-ops/vigie/internal/wire"
)

// readMounts lists what is mounted from a device or the network. A hardened
// service sees another machine than the rest, with everything read-only, so
// that the first process is asked before the agent itself.
func readMounts(root fs.FS) (wire.Mounts, error) {
	var b []byte
	var err error
	for _, file := range []string{"proc/1/mounts", "proc/self/mounts", "proc/mounts"} {
		if b, err = fs.ReadFile(root, file); err == nil {
			return wire.Mounts{Mounts: parseMounts(string(b))}, nil
		}
	}
	return wire.Mounts{}, fmt.Errorf("read the mounts: %w", err)
}

// parseMounts reads fstab(5)-like lines and leaves out what the kernel makes up
// and what containers mount and unmount by themselves.
func parseMounts(s string) []wire.Mount {
	all := []wire.Mount{}
	for line := range strings.Lines(s) {
		f := strings.Fields(line)
		if len(f) < 4 {
			continue
		}
		m := wire.Mount{Device: unescapeMount(f[0]), Path: unescapeMount(f[1]), Type: text(f[2])}
		if !isStorage(m) {
			continue
		}
		for option := range strings.SplitSeq(f[3], ",") {
			m.Options = append(m.Options, text(option))
		}
		all = append(all, m)
	}
	slices.SortStableFunc(all, func(a, b wire.Mount) int { return strings.Compare(a.Path, b.Path) })
	return all
}

// isStorage says whether a mount holds data that stays.
func isStorage(m wire.Mount) bool {
	for _, dir := range []string{"/var/lib/docker/", "/var/lib/containers/", "/var/lib/kubelet/", "/run/", "/snap/"} {
		if strings.HasPrefix(m.Path, dir) {
			return false
		}
	}
	switch m.Type {
	case "nfs", "nfs4", "cifs", "ceph", "glusterfs", "zfs", "9p", "virtiofs", "fuse.sshfs", "overlay":
		return true
	}
	return strings.HasPrefix(m.Device, "/dev/")
}

// unescapeMount undoes the octal escapes of blanks, \040.
func unescapeMount(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		if len(s) >= 4 && s[0] == '\\' {
			if c, err := strconv.ParseUint(s[1:4], 8, 8); err == nil {
				b.WriteByte(byte(c))
				s = s[4:]
				continue
			}
		}
		b.WriteByte(s[0])
		s = s[1:]
	}
	return strings.ToValidUTF8(b.String(), "?")
}

package fleetagent

import (
	"fmt"
	"io/fs"
	"runtime"
	"strconv"
	"strings"

	"github.com/vigie-ops/vigie/internal/wire"
)

// readOS reads the distribution and the running kernel.
func readOS(root fs.FS) (wire.OS, error) {
	b, err := fs.ReadFile(root, "etc/os-release")
	if err != nil {
		if b, err = fs.ReadFile(root, "usr/lib/os-release"); err != nil {
			return wire.OS{}, fmt.Errorf("read the distribution: %w", err)
		}
	}
	kv := parseOSRelease(string(b))
	meminfo, _ := fs.ReadFile(root, "proc/meminfo")
	return wire.OS{
		ID: kv["ID"], VersionID: kv["VERSION_ID"], Codename: kv["VERSION_CODENAME"], PrettyName: kv["PRETTY_NAME"],
		Hostname:     firstLine(root, "proc/sys/kernel/hostname"),
		Kernel:       firstLine(root, "proc/sys/kernel/osrelease"),
		Architecture: runtime.GOARCH,
		CPUs:         runtime.NumCPU(),
		MemoryBytes:  parseMemTotal(string(meminfo)),
	}, nil
}

// parseOSRelease reads os-release(5): shell assignments without a shell.
func parseOSRelease(s string) map[string]string {
	kv := map[string]string{}
	for line := range strings.Lines(s) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || strings.HasPrefix(key, "#") {
			continue
		}
		kv[key] = text(unquote(value))
	}
	return kv
}

func unquote(s string) string {
	if len(s) < 2 || s[0] != s[len(s)-1] || s[0] != '"' && s[0] != '\'' {
		return s
	}
	return strings.NewReplacer(`\"`, `"`, `\$`, `$`, "\\`", "`", `\\`, `\`).Replace(s[1 : len(s)-1])
}

// parseMemTotal returns the bytes of MemTotal, 0 when there is none.
func parseMemTotal(meminfo string) int64 {
	_, after, _ := strings.Cut(meminfo, "MemTotal:")
	fields := strings.Fields(after)
	if len(fields) == 0 {
		return 0
	}
	kib, err := strconv.ParseInt(fields[0], 10, 52)
	if err != nil {
		return 0
	}
	return kib << 10
}

func firstLine(root fs.FS, name string) string {
	b, err := fs.ReadFile(root, name)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return text(line)
}

// text makes what a machine says fit for JSON and for people.
func text(s string) string { return strings.ToValidUTF8(strings.TrimSpace(s), "?") }

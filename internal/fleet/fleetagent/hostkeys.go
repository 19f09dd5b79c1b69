package fleetagent

import (
	"bytes"
	"io"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/vigie-ops/vigie/internal/wire"
)

// What is read of host keys at most: a machine has three or four, of which the
// largest, of RSA with 16384 bits, takes less than 3 KiB.
const (
	maxHostKeys   = 20
	maxHostKey    = 16 << 10
	maxSSHDConfig = 256 << 10
)

// readHostKeys reads the public keys of sshd. It opens only files whose names
// end in .pub; the keys themselves lie beside them.
func readHostKeys(root fs.FS) (wire.SSHHostKeys, error) {
	all := []string{}
	for _, file := range hostKeyFiles(root) {
		if b, ok := readSmall(root, file, maxHostKey); ok {
			if key, ok := parseHostKey(b); ok {
				all = append(all, key)
			}
		}
	}
	if len(all) == 0 {
		return wire.SSHHostKeys{}, errNothing
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return wire.SSHHostKeys{Keys: all[:min(len(all), maxHostKeys)]}, nil
}

// hostKeyFiles returns where the public keys are: beside the keys that the
// configuration of sshd names or, where it names none or does not show itself,
// where sshd has them by itself.
func hostKeyFiles(root fs.FS) []string {
	configs, _ := fs.Glob(root, "etc/ssh/sshd_config.d/*.conf")
	var files []string
	for _, name := range append(configs, "etc/ssh/sshd_config") {
		if b, ok := readSmall(root, name, maxSSHDConfig); ok {
			for _, key := range parseHostKeyLines(string(b)) {
				files = append(files, strings.TrimSuffix(key, ".pub")+".pub")
			}
		}
	}
	if len(files) == 0 {
		files, _ = fs.Glob(root, "etc/ssh/ssh_host_*_key.pub")
	}
	return files
}

// parseHostKeyLines returns the files that the HostKey lines of sshd_config(5)
// name, without the slash they begin with.
func parseHostKeyLines(config string) []string {
	var files []string
	for line := range strings.Lines(config) {
		line = strings.TrimSpace(line)
		end := strings.IndexAny(line, " \t=")
		if end < 0 || !strings.EqualFold(line[:end], "HostKey") {
			continue
		}
		file, ok := strings.CutPrefix(strings.Trim(line[end:], " \t=\""), "/")
		if ok && fs.ValidPath(file) {
			files = append(files, file)
		}
	}
	return files
}

// parseHostKey returns the public key of a file as type and base64.
func parseHostKey(b []byte) (key string, ok bool) {
	k, _, _, _, err := ssh.ParseAuthorizedKey(b)
	if err != nil {
		return "", false
	}
	if _, isCertificate := k.(*ssh.Certificate); isCertificate {
		return "", false
	}
	return string(bytes.TrimSpace(ssh.MarshalAuthorizedKey(k))), true
}

// readSmall reads a regular file that is no larger than most.
func readSmall(root fs.FS, name string, most int64) ([]byte, bool) {
	if info, err := fs.Stat(root, name); err != nil || !info.Mode().IsRegular() || info.Size() > most {
		return nil, false
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, false
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, most))
	return b, err == nil
}

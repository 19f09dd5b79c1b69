package fleetagent

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
)

const (
	hostKey  = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
	otherKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4/"
)

// watchful is a file system that says which files were opened.
type watchful struct {
	fs.FS
	opened *[]string
}

func (w watchful) Open(name string) (fs.File, error) {
	*w.opened = append(*w.opened, name)
	return w.FS.Open(name)
}

func TestHostKeysAreThePublicOnesOfSSHD(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	f := func(name string, m fstest.MapFS, want ...string) {
		t.Helper()
		var opened []string
		got, err := readHostKeys(watchful{m, &opened})
		if len(want) == 0 != errors.Is(err, errNothing) {
			t.Errorf("%s: %v", name, err)
		}
		if d := cmp.Diff(want, got.Keys); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
		for _, file := range opened {
			if strings.HasSuffix(file, "key") {
				t.Errorf("%s: opened %s", name, file)
			}
		}
	}
	f("no sshd", fstest.MapFS{"etc/passwd": file("")})
	f("where they usually are", fstest.MapFS{
		"etc/ssh/sshd_config":             file("# HostKey /etc/other/key\nPort 22\n"),
		"etc/ssh/ssh_host_b_key.pub":      file(otherKey + " root@b\n"),
		"etc/ssh/ssh_host_a_key.pub":      file(hostKey + "\n"),
		"etc/ssh/ssh_host_c_key.pub":      file("# the same once more\n" + hostKey + " again\n"),
		"etc/ssh/ssh_host_a_key":          file("-----BEGIN OPENSSH PRIVATE KEY-----\n"),
		"etc/ssh/ssh_host_a_key-cert.pub": file(otherKey),
	}, hostKey, otherKey)
	f("bad files", fstest.MapFS{
		"etc/ssh/ssh_host_a_key.pub": file("-----BEGIN OPENSSH PRIVATE KEY-----\n"),
		"etc/ssh/ssh_host_b_key.pub": file("ssh-ed25519 AAAA\n"),
		"etc/ssh/ssh_host_c_key.pub": file(hostKey + strings.Repeat(" ", maxHostKey)),
		"etc/ssh/ssh_host_d_key.pub": {Mode: fs.ModeDir},
		"etc/ssh/ssh_host_e_key.pub": {Mode: fs.ModeNamedPipe, Data: []byte(hostKey)},
		"etc/ssh/ssh_host_f_key.pub": file(otherKey),
	}, otherKey)
	f("where the configuration has them", fstest.MapFS{
		"etc/ssh/sshd_config":           file("HostKey=/srv/ssh/key\r\nHostKey relative\nHostKey /../x\n"),
		"etc/ssh/sshd_config.d/10.conf": file("\thostkey\t\"/srv/ssh/agent.pub\"\n"),
		"srv/ssh/key.pub":               file(hostKey),
		"srv/ssh/agent.pub":             file(otherKey),
		"etc/ssh/ssh_host_a_key.pub":    file("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEBBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5f"),
	}, hostKey, otherKey)
}

func TestHostKeysAreFew(t *testing.T) {
	m := fstest.MapFS{}
	for i := range 2 * maxHostKeys {
		public := make(ed25519.PublicKey, ed25519.PublicKeySize)
		public[0] = byte(i)
		key, err := ssh.NewPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		m[fmt.Sprintf("etc/ssh/ssh_host_%d_key.pub", i)] = &fstest.MapFile{Data: ssh.MarshalAuthorizedKey(key)}
	}
	if got, err := readHostKeys(m); err != nil || len(got.Keys) != maxHostKeys {
		t.Errorf("%d keys, %v; want %d", len(got.Keys), err, maxHostKeys)
	}
}

// FuzzHostKeys gives what reads host keys whatever a broken or hostile machine
// has in these files. What comes out is one line of two words, and is read again
// as it is.
func FuzzHostKeys(f *testing.F) {
	for _, s := range []string{hostKey, hostKey + " root@a\n", "from=\"x\" " + hostKey, "# c\n\n" + hostKey, "HostKey /a\nhostkey=\"/b\"\nHostKey none", "ssh-rsa AAAA", "\x00HostKey\t/../x"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, file := range parseHostKeyLines(string(b)) {
			if !fs.ValidPath(file) {
				t.Errorf("%q is no path", file)
			}
		}
		key, ok := parseHostKey(b)
		if !ok {
			return
		}
		if len(strings.Fields(key)) != 2 || strings.ContainsAny(key, "\r\n") {
			t.Errorf("%q is not a type and a key", key)
		}
		if again, ok := parseHostKey([]byte(key)); !ok || again != key {
			t.Errorf("%q is read as %q, %v", key, again, ok)
		}
	})
}

func TestTheHostKeysOfThisMachineAreReported(t *testing.T) {
	if _, err := os.Stat("/etc/ssh/ssh_host_ed25519_key.pub"); err != nil {
		t.Skip("no sshd was installed here")
	}
	if got, err := readHostKeys(os.DirFS("/")); err != nil || len(got.Keys) == 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

package fleetagent

import (
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/wire"
)

func TestOSRelease(t *testing.T) {
	got := parseOSRelease("# comment\nID=debian\nPRETTY_NAME=\"Debian \\\"12\\\"\"\nVERSION_ID='12'\nnonsense\n")
	if d := cmp.Diff(map[string]string{"ID": "debian", "PRETTY_NAME": `Debian "12"`, "VERSION_ID": "12"}, got); d != "" {
		t.Error(d)
	}
}

func TestMemTotal(t *testing.T) {
	for in, want := range map[string]int64{"MemTotal:  2 kB\nMemFree: 1 kB\n": 2048, "": 0, "MemTotal: x kB": 0, "MemTotal: -1 kB": -1024} {
		if got := parseMemTotal(in); got != want {
			t.Errorf("%q: %d, want %d", in, got, want)
		}
	}
}

func TestDpkgStatus(t *testing.T) {
	got := parseDpkg(`Package: zlib1g
Status: install ok installed
Architecture: amd64
Source: zlib (1:1.2.13.dfsg-1)
Version: 1:1.2.13.dfsg-1
Description: compression library
 Version: of a continuation line that must not count

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: half
Status: install reinstreq half-installed
Version: 1

Package: apt
Status: hold ok installed
Architecture: amd64
Version: 2.6.1
`)
	want := []wire.Package{
		{Name: "apt", Version: "2.6.1", Architecture: "amd64"},
		{Name: "zlib1g", Version: "1:1.2.13.dfsg-1", Architecture: "amd64", Source: "zlib", SourceVersion: "1:1.2.13.dfsg-1"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestRPMList(t *testing.T) {
	got := parseRPM("openssl-libs\t1:3.0.7-27.el9\tx86_64\topenssl-3.0.7-27.el9.src.rpm\nbash\t0:5.1.8-9.el9\tx86_64\t(none)\ngpg-pubkey\t0:1-1\t(none)\t(none)\nbroken\n")
	want := []wire.Package{
		{Name: "bash", Version: "5.1.8-9.el9", Architecture: "x86_64"},
		{Name: "openssl-libs", Version: "1:3.0.7-27.el9", Architecture: "x86_64", Source: "openssl", SourceVersion: "3.0.7-27.el9"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

const procTCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 x 100 0 0 10 0
   1: 0100007F:1F90 0100007F:9999 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 x 100 0 0 10 0
`

func TestListeningSockets(t *testing.T) {
	f := func(protocol, in string, want ...wire.Port) {
		t.Helper()
		var got []wire.Port
		for _, s := range parseSockets(protocol, in) {
			got = append(got, s.port)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	}
	f("tcp", procTCP, wire.Port{Protocol: "tcp", Address: "127.0.0.1", Port: 8080, UID: 1000})
	f("tcp", "0: 00000000000000000000000001000000:0016 x 0A a b c 0 d 5", wire.Port{Protocol: "tcp", Address: "::1", Port: 22})
	f("tcp", "0: 0000000000000000FFFF00000100007F:0016 x 0A a b c 0 d 5", wire.Port{Protocol: "tcp", Address: "127.0.0.1", Port: 22})
	f("udp", "0: 00000000:0143 x 07 a b c 0 d 5", wire.Port{Protocol: "udp", Address: "0.0.0.0", Port: 323})
	f("udp", "0: 00000000:0143 x 01 a b c 0 d 5")
	f("tcp", "0: xyz:0143 x 0A a b c 0 d 5\n0: 0100007F:0016 x 0A a b c root d 5\n")
}

func TestPasswd(t *testing.T) {
	got := parsePasswd("root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/usr/sbin:/usr/sbin/nologin\nsync:x:4:65534::/bin:/bin/sync\nada:x:1000:1000:Ada:/home/ada:\nbroken:x:a:1::/:/bin/sh\n# x:x:1:1:::/bin/sh\n")
	want := []wire.User{{Name: "ada", UID: 1000, GID: 1000, Home: "/home/ada"}, {Name: "root", Home: "/root", Shell: "/bin/bash"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if n := countKeyLines("# c\n\nssh-ed25519 AAAA ada\n  from=\"10.0.0.0/8\" ssh-rsa AAAA\n"); n != 2 {
		t.Errorf("%d keys, want 2", n)
	}
}

func TestMountsAreTheMachinesNotTheServices(t *testing.T) {
	root := fstest.MapFS{
		"proc/1/mounts":    {Data: []byte("/dev/vda1 / ext4 rw 0 0\n")},
		"proc/self/mounts": {Data: []byte("/dev/vda1 / ext4 ro 0 0\n/dev/vda1 /var/lib/vigie-agent ext4 rw 0 0\n")},
	}
	machine := []wire.Mount{{Device: "/dev/vda1", Path: "/", Type: "ext4", Options: []string{"rw"}}}
	got, err := readMounts(root)
	if d := cmp.Diff(machine, got.Mounts); d != "" || err != nil {
		t.Error(d, err)
	}
	delete(root, "proc/1/mounts") // an agent that may not look
	if got, err := readMounts(root); err != nil || len(got.Mounts) != 2 {
		t.Errorf("%v, %v; want what the agent itself sees", got, err)
	}
}

func TestMountsThatHoldData(t *testing.T) {
	got := parseMounts("/dev/vda1 / ext4 rw,relatime 0 0\nproc /proc proc rw 0 0\nnas:/x /mnt/a\\040b nfs4 rw 0 0\noverlay /var/lib/docker/overlay2/x/merged overlay rw 0 0\n/dev/loop1 /snap/core squashfs ro 0 0\ntmpfs /run tmpfs rw 0 0\n")
	want := []wire.Mount{
		{Path: "/", Device: "/dev/vda1", Type: "ext4", Options: []string{"rw", "relatime"}},
		{Path: "/mnt/a b", Device: "nas:/x", Type: "nfs4", Options: []string{"rw"}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestMapsOfDeletedCode(t *testing.T) {
	got := parseMaps(strings.NewReader(`7f1 r-xp 00000000 08:01 123 /usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)
7f2 r-xp 00001000 08:01 123 /usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)
7f3 r--p 00000000 08:01 123 /usr/lib/libdata.so (deleted)
7f4 r-xp 00000000 08:01 124 /usr/lib/libc.so.6
7f5 rwxp 00000000 00:01 125 /memfd:jit (deleted)
7f6 r-xp 00000000 00:01 126 /tmp/build (deleted)
7f7 r-xp 00000000 08:01 127 /opt/my app/run (deleted)
7f8 rwxp 00000000 00:00 0
`))
	if d := cmp.Diff([]string{"/opt/my app/run", "/usr/lib/x86_64-linux-gnu/libssl.so.3"}, got); d != "" {
		t.Error(d)
	}
}

func TestUnitOfAProcess(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := parseUnit(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	f("0::/system.slice/nginx.service\n", "nginx.service")
	f("5:cpu:/x\n1:name=systemd:/system.slice/ssh.service/sub\n", "ssh.service")
	f("0::/user.slice/user-0.slice/session-1.scope", "session-1.scope")
	f("0::/", "")
	f("nonsense", "")
}

// FuzzParsers gives every parser whatever a broken or hostile machine says.
// What comes out has to be fit for JSON.
func FuzzParsers(f *testing.F) {
	for _, s := range []string{procTCP, "Package: a\nStatus: install ok installed\nSource: b (1)\n", "a\t0:1\tx\tb-1-2.src.rpm\n",
		"root:x:0:0::/root:/bin/sh", "/dev/a /b\\0401 ext4 rw", "7 r-xp 0 0 1 /a (deleted)", "ID=\"\\", "0::/a.service"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var words []string
		for _, v := range parseOSRelease(s) {
			words = append(words, v)
		}
		for _, p := range append(parseDpkg(s), parseRPM(s)...) {
			words = append(words, p.Name, p.Version, p.Source)
		}
		for _, p := range append(parseSockets("tcp", s), parseSockets("udp", s)...) {
			if p.port.Port < 0 || p.port.Port > 65535 {
				t.Errorf("port %d", p.port.Port)
			}
		}
		for _, u := range parsePasswd(s) {
			words = append(words, u.Name, u.Home, u.Shell)
		}
		for _, m := range parseMounts(s) {
			words = append(words, m.Path, m.Device)
		}
		words = append(append(words, parseMaps(strings.NewReader(s))...), parseUnit(s))
		parseMemTotal(s)
		parsePortRange(s)
		countKeyLines(s)
		for _, w := range words {
			if !utf8.ValidString(w) {
				t.Errorf("%q is no text", w)
			}
		}
	})
}

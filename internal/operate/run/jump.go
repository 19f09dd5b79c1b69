package run

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/operate/playbook"
)

// withJumps adds the servers that are jumped over.
func withJumps(f *fleet.Snapshot, servers []string) []string {
	out := slices.Clone(servers)
	for _, j := range jumps(f, servers) {
		if !slices.Contains(servers, j.Slug) {
			out = append(out, j.Slug)
		}
	}
	return out
}

// jumps are the servers over which others are reached, and those over which
// they are reached themselves.
func jumps(f *fleet.Snapshot, servers []string) []fleet.Server {
	var out []fleet.Server
	seen := map[string]bool{}
	for _, slug := range servers {
		s, _ := f.Server(slug)
		for {
			j, ok := f.Server(s.SSH.Jump)
			if !ok || seen[j.Slug] {
				break
			}
			seen[j.Slug] = true
			out = append(out, j)
			s = j
		}
	}
	return out
}

// sshConfig is ssh's configuration inside a run. Servers are known by their
// slugs; of those that are jumped over ssh sees the address alone.
func sshConfig(f *fleet.Snapshot, jumps []fleet.Server) []byte {
	var b strings.Builder
	for _, j := range jumps {
		b.WriteString("Host " + hostOf(j) + "\n\tHostKeyAlias " + j.Slug + "\n")
		if over, ok := f.Server(j.SSH.Jump); ok {
			b.WriteString("\tProxyJump " + playbook.JumpTo(over) + "\n")
		}
	}
	b.WriteString("Host *\n" +
		"\tStrictHostKeyChecking yes\n\tUserKnownHostsFile " + room + "/in/known_hosts\n\tGlobalKnownHostsFile /dev/null\n\tUpdateHostKeys no\n" +
		"\tIdentityAgent " + room + "/agent.sock\n\tPreferredAuthentications publickey\n\tPasswordAuthentication no\n\tKbdInteractiveAuthentication no\n" +
		"\tForwardAgent no\n\tForwardX11 no\n\tConnectTimeout 10\n\tServerAliveInterval 5\n\tServerAliveCountMax 3\n\tLogLevel ERROR\n")
	return []byte(b.String())
}

func hostOf(s fleet.Server) string {
	if s.Address != "" {
		return s.Address
	}
	return s.Slug
}

// jumpTimeout bounds how long a server that is jumped over has to show its key.
const jumpTimeout = 10 * time.Second

// impostorJump is a server that is jumped over and shows a host key that is not
// known, or nothing. Ansible would only say that the server behind it cannot be
// reached: what the ssh of a jump says, nobody hears. Servers that cannot be
// asked, and those that are behind another themselves, are left to ssh.
func impostorJump(ctx context.Context, jumps []fleet.Server, keys []HostKeys) string {
	ctx, cancel := context.WithTimeout(ctx, jumpTimeout)
	defer cancel()
	var all sync.WaitGroup
	wrong := make([]bool, len(jumps))
	for i, j := range jumps {
		at := slices.IndexFunc(keys, func(k HostKeys) bool { return k.Server == j.Slug })
		if j.SSH.Jump != "" || at < 0 {
			continue
		}
		all.Go(func() { wrong[i] = showsAnother(ctx, j, keys[at].Known) })
	}
	all.Wait()
	if i := slices.Index(wrong, true); i >= 0 {
		return jumps[i].Slug
	}
	return ""
}

// errSeen ends a handshake once the key was shown.
var errSeen = errors.New("the key was seen")

// showsAnother says whether a server has a host key that is none of those known.
func showsAnother(ctx context.Context, s fleet.Server, known []string) bool {
	port := s.SSH.Port
	if port == 0 {
		port = 22
	}
	address := net.JoinHostPort(hostOf(s), strconv.Itoa(port))
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	defer func() { _ = c.Close() }()
	if end, ok := ctx.Deadline(); ok {
		if err := c.SetDeadline(end); err != nil {
			return false
		}
	}
	var ours [][]byte
	var algorithms []string
	for _, k := range known {
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(k))
		if err != nil {
			continue
		}
		ours = append(ours, key.Marshal())
		if key.Type() == ssh.KeyAlgoRSA {
			algorithms = append(algorithms, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
			continue
		}
		algorithms = append(algorithms, key.Type())
	}
	another := false
	_, _, _, err = ssh.NewClientConn(c, address, &ssh.ClientConfig{
		User: "nobody", HostKeyAlgorithms: algorithms,
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			another = !slices.ContainsFunc(ours, func(one []byte) bool { return bytes.Equal(one, key.Marshal()) })
			return errSeen
		},
	})
	return err != nil && another
}

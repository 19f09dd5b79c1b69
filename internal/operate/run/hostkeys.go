package run

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/fleet"
)

// HostKeys is what is known of the host keys of a server.
type HostKeys struct {
	Server   string
	Known    []string // public keys without a name, such as "ssh-ed25519 AAAA…"
	Declared bool     // they stand in the operations repository
	// Offered are keys that the server's agent reports and that are not those
	// that are known: somebody must say whether that is right.
	Offered []string
}

// hostKeys returns what is known of servers. Keys that the operations
// repository names count alone; else those that the agent reported first.
func (o *Office) hostKeys(ctx context.Context, f *fleet.Snapshot, servers []string) ([]HostKeys, error) {
	out := make([]HostKeys, 0, len(servers))
	for _, slug := range servers {
		s, _ := f.Server(slug)
		one := HostKeys{Server: slug, Known: bare(s.SSH.HostKeys), Declared: len(s.SSH.HostKeys) > 0}
		if !one.Declared {
			var err error
			if one, err = o.pinned(ctx, slug); err != nil {
				return nil, err
			}
		}
		out = append(out, one)
	}
	return out, nil
}

// pinned returns the keys of a server that its agent reported, and keeps them
// when it reports them for the first time.
func (o *Office) pinned(ctx context.Context, server string) (HostKeys, error) {
	out := HostKeys{Server: server}
	reported, err := o.o.Reported(ctx, server)
	if err != nil {
		return out, err
	}
	reported = bare(reported)
	known, err := readPinned(ctx, o.o.DB.Read(), server)
	if err != nil {
		return out, err
	}
	if out.Known = known; len(reported) == 0 || slices.Equal(known, reported) {
		return out, nil
	}
	// A key of a kind that was not there before takes nothing away.
	for _, k := range known {
		if !slices.Contains(reported, k) {
			out.Offered = reported
			return out, nil
		}
	}
	out.Known = reported
	return out, o.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return pin(ctx, tx, server, reported, "", o.now()) })
}

func readPinned(ctx context.Context, q db.Queryer, server string) ([]string, error) {
	var rows []struct {
		Keys string `bun:"host_keys"`
	}
	if err := q.NewRaw(`SELECT host_keys FROM run_host_key WHERE server = ?`, server).Scan(ctx, &rows); err != nil || len(rows) == 0 {
		return nil, err
	}
	var keys []string
	err := json.Unmarshal([]byte(rows[0].Keys), &keys)
	return keys, err
}

func pin(ctx context.Context, tx *db.Tx, server string, keys []string, by string, at time.Time) error {
	const q = `
		INSERT INTO run_host_key (server, host_keys, accepted_by, at) VALUES (?, ?, ?, ?)
		ON CONFLICT (server) DO UPDATE SET host_keys = excluded.host_keys, accepted_by = excluded.accepted_by, at = excluded.at`
	if _, err := tx.NewRaw(q, server, text(keys), by, at).Exec(ctx); err != nil {
		return fmt.Errorf("keep the host keys of %s: %w", server, err)
	}
	return nil
}

// bare returns keys without their comments, sorted.
func bare(keys []string) []string {
	var out []string
	for _, k := range keys {
		if f := strings.Fields(k); len(f) >= 2 {
			out = append(out, f[0]+" "+f[1])
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// HostKeysOf returns what is known of the host keys of a server.
func (o *Office) HostKeysOf(ctx context.Context, server string) (HostKeys, error) {
	f := fleet.NewSnapshot(o.o.Current())
	if _, ok := f.Server(server); !ok {
		return HostKeys{}, refused("server", "the operations repository has no server %q", server)
	}
	keys, err := o.hostKeys(ctx, f, []string{server})
	if err != nil {
		return HostKeys{}, err
	}
	return keys[0], nil
}

// AcceptHostKeys takes the keys that a server offers for right, in the name of
// the one who acts: it was installed anew.
func (o *Office) AcceptHostKeys(ctx context.Context, server, by, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return refused("reason", "say why the server has another host key")
	}
	k, err := o.HostKeysOf(ctx, server)
	if err != nil {
		return err
	}
	if len(k.Offered) == 0 {
		return refused("server", "%s offers no other host keys than those that are known", server)
	}
	return o.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := pin(ctx, tx, server, k.Offered, by, o.now()); err != nil {
			return err
		}
		o.changed(tx)
		return o.o.Audit.Record(ctx, tx, "host_key.accept", "server:"+server, reason, map[string]any{"known": k.Known, "accepted": k.Offered})
	})
}

// unknownHosts says why a run cannot sign in to some servers, or nothing.
func unknownHosts(keys []HostKeys) string {
	var missing, changed []string
	for _, k := range keys {
		switch {
		case len(k.Offered) > 0:
			changed = append(changed, k.Server)
		case len(k.Known) == 0:
			missing = append(missing, k.Server)
		}
	}
	switch {
	case len(changed) > 0:
		return fmt.Sprintf("the host key of %s is not the one that is known. If the server was installed anew, accept its key at /runs/hosts/%s; if not, somebody may stand in between", servers(changed), changed[0])
	case len(missing) > 0:
		return fmt.Sprintf("no host key is known of %s: its agent reports it once it runs; or write ssh: {host_keys: […]} at the server in the operations repository", servers(missing))
	}
	return ""
}

// knownHosts is a file of ssh's known hosts, by the slugs of servers.
func knownHosts(keys []HostKeys) []byte {
	var b strings.Builder
	for _, k := range keys {
		for _, key := range k.Known {
			b.WriteString(k.Server + " " + key + "\n")
		}
	}
	return []byte(b.String())
}

// Fingerprints are keys as ssh-keygen -l prints them: the kind and SHA256:….
func Fingerprints(keys []string) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = "a key that cannot be read"
		if key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(k)); err == nil {
			out[i] = strings.TrimPrefix(key.Type(), "ssh-") + " " + ssh.FingerprintSHA256(key)
		}
	}
	return out
}

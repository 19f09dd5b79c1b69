package run

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// Key is the key by which the hub signs in to servers. It is made once, lies
// sealed in the state, and is never written anywhere else.
type Key struct{ private ed25519.PrivateKey }

// NewKey returns the key of a seed of 32 bytes.
func NewKey(seed []byte) (*Key, error) {
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("the seed of an ssh key has %d bytes, not %d", ed25519.SeedSize, len(seed))
	}
	return &Key{private: ed25519.NewKeyFromSeed(seed)}, nil
}

// keyComment tells people whose key it is.
const keyComment = "vigie hub, for runs of playbooks"

// Public is the public half, as a line of an authorized_keys file.
func (k *Key) Public() string {
	p, err := ssh.NewPublicKey(k.private.Public())
	if err != nil {
		panic("run: " + err.Error()) // an ed25519 key is one
	}
	line := ssh.MarshalAuthorizedKey(p)
	return string(line[:len(line)-1]) + " " + keyComment
}

// serveAgent answers as an ssh-agent that holds the key, on a socket that one
// user may use, until the returned function is called.
func (k *Key) serveAgent(ctx context.Context, socket string, uid, gid int) (stop func(), err error) {
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: k.private, Comment: keyComment}); err != nil {
		return nil, err
	}
	// A socket's address has at most 107 bytes, and a data folder may lie deep.
	dir, err := os.Open(filepath.Dir(socket))
	if err != nil {
		return nil, fmt.Errorf("open the ssh-agent: %w", err)
	}
	defer func() { _ = dir.Close() }()
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(socket)))
	if err != nil {
		return nil, fmt.Errorf("open the ssh-agent: %w", err)
	}
	// It goes with its folder; the address by which it was opened is gone by then.
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(socket, 0o600), os.Chown(socket, uid, gid)); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[c] = true
			mu.Unlock()
			all.Go(func() {
				// An error is a client that went away.
				_ = agent.ServeAgent(signOnly{ring}, c)
				mu.Lock()
				delete(open, c)
				mu.Unlock()
				_ = c.Close()
			})
		}
	})
	return func() {
		_ = l.Close()
		mu.Lock()
		for c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		all.Wait()
	}, nil
}

// errSignOnly answers what would change the agent.
var errSignOnly = errors.New("this agent only signs")

// signOnly lets nobody add, remove or lock keys.
type signOnly struct{ agent.Agent }

func (signOnly) Add(agent.AddedKey) error       { return errSignOnly }
func (signOnly) Remove(ssh.PublicKey) error     { return errSignOnly }
func (signOnly) RemoveAll() error               { return errSignOnly }
func (signOnly) Lock([]byte) error              { return errSignOnly }
func (signOnly) Unlock([]byte) error            { return errSignOnly }
func (signOnly) Signers() ([]ssh.Signer, error) { return nil, errSignOnly }
func (signOnly) Read([]byte) (int, error)       { return 0, io.EOF }

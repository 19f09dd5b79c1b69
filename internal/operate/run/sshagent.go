package run

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/crypto/ssh"
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

// serveAgent answers as an ssh-agent that holds the key, on a socket in a folder
// that nobody else reaches, until the returned function is called.
func (k *Key) serveAgent(ctx context.Context, socket string) (stop func(), err error) {
	signer, err := ssh.NewSignerFromKey(k.private)
	if err != nil {
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
	// Whoever reaches it may use it, and that is the run alone: its folder is the
	// hub's own, and the room into which it is bound is the run's.
	if err := os.Chmod(socket, 0o666); err != nil { //nolint:gosec // so
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
				// An error is a client that went away, or speaks something else.
				_ = answerAll(signer, c)
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

// The messages of the protocol of ssh-agent (draft-ietf-sshm-ssh-agent) that
// are understood: the agent only lists its key and signs with it. Everything
// else is answered with a failure, and nothing is logged, since whoever speaks
// here may want to fill the log.
const (
	agentFailure    = 5
	agentList       = 11
	agentListed     = 12
	agentSign       = 13
	agentSigned     = 14
	agentHeader     = 4 // bytes of the length before each
	maxAgentMessage = 256 << 10
)

// answerAll answers a client until it goes.
func answerAll(signer ssh.Signer, c io.ReadWriter) error {
	var head [agentHeader]byte
	for {
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return err
		}
		n := binary.BigEndian.Uint32(head[:])
		if n == 0 || n > maxAgentMessage {
			return errors.New("a message of no size that an agent takes")
		}
		msg := make([]byte, n)
		if _, err := io.ReadFull(c, msg); err != nil {
			return err
		}
		reply := answer(signer, msg)
		out := binary.BigEndian.AppendUint32(make([]byte, 0, agentHeader+len(reply)), uint32(len(reply))) //nolint:gosec // a key or a signature
		if _, err := c.Write(append(out, reply...)); err != nil {
			return err
		}
	}
}

func answer(signer ssh.Signer, msg []byte) []byte {
	own := signer.PublicKey().Marshal()
	switch msg[0] {
	case agentList:
		return append([]byte{agentListed}, ssh.Marshal(struct {
			N       uint32
			Key     []byte
			Comment string
		}{1, own, keyComment})...)
	case agentSign:
		var in struct {
			Key, Data []byte
			Flags     uint32
		}
		if err := ssh.Unmarshal(msg[1:], &in); err != nil || !bytes.Equal(in.Key, own) {
			break
		}
		sig, err := signer.Sign(rand.Reader, in.Data)
		if err != nil {
			break
		}
		return append([]byte{agentSigned}, ssh.Marshal(struct{ Signature []byte }{ssh.Marshal(sig)})...)
	}
	return []byte{agentFailure}
}

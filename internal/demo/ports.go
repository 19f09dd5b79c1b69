package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// ports remembers which port each listener of a demo has, so that a restart
// in the same folder finds its links, its agent and its probes unchanged.
type ports struct {
	file string
	of   map[string]int
}

func openPorts(dir string) (*ports, error) {
	p := &ports{file: filepath.Join(dir, "ports.json"), of: map[string]int{}}
	b, err := os.ReadFile(p.file)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read ports: %w", err)
	}
	if err := json.Unmarshal(b, &p.of); err != nil {
		return nil, fmt.Errorf("read %s: %w; remove the file to choose new ports", p.file, err)
	}
	return p, nil
}

// address returns the loopback address of a listener: the one it had, or a
// free one that it keeps from now on.
func (p *ports) address(ctx context.Context, name string) (string, error) {
	port, ok := p.of[name]
	if !ok {
		var err error
		if port, err = p.free(ctx); err != nil {
			return "", fmt.Errorf("find a free port for %s: %w", name, err)
		}
		p.of[name] = port
		b, err := json.MarshalIndent(p.of, "", "\t")
		if err != nil {
			return "", err
		}
		if err := writeAtomically(p.file, append(b, '\n'), 0o600); err != nil {
			return "", err
		}
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), nil
}

// The ports that are tried first: below those that Linux gives to connections
// that go out, of which one could take a port between now and its first use.
const (
	lowest  = 18_000
	highest = 32_000
)

// free finds a port that nobody listens on and that no other listener of the
// demo has.
func (p *ports) free(ctx context.Context) (int, error) {
	var last error
	for try := range 200 {
		port := lowest + rand.IntN(highest-lowest) //nolint:gosec // no secret
		if try >= 100 {
			port = 0 // whatever there is
		}
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			last = err
			continue
		}
		port = l.Addr().(*net.TCPAddr).Port
		if err := l.Close(); err != nil {
			return 0, err
		}
		if !slices.Contains(slices.Collect(maps.Values(p.of)), port) {
			return port, nil
		}
	}
	return 0, last
}

// writeAtomically makes a file appear as a whole or not at all.
func writeAtomically(file string, content []byte, mode fs.FileMode) error {
	tmp := file + ".new"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return os.Rename(tmp, file)
}

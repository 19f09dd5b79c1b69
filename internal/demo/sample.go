package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// ServeSample is a client's stack in small: a web page, and a status page that
// says how it is. It runs as a process of its own, so that it can die of its
// own, and ends when alive, its standard input, does: a demo that is killed
// leaves none behind.
func ServeSample(ctx context.Context, name, address string, alive io.Reader) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, alive) // ends with whoever started this
		cancel()
	}()
	began := time.Now()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, "This is the sample instance %s.\n", name) // the reader went away
	})
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{ // the reader went away
			"status": "ok", "instance": name, "uptime_seconds": int(time.Since(began).Seconds()),
		})
	})
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("sample %s: %w", name, err)
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close() // ends Serve; nothing of a sample is worth waiting for
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("sample %s: %w", name, err)
	}
	return nil
}

// sample is one running sample process.
type sample struct {
	name, address, program string

	mu    sync.Mutex
	cmd   *exec.Cmd
	stdin *os.File // our end; closing it ends the process
	ended chan struct{}
}

// start starts the process if it does not run.
func (s *sample) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd != nil {
		return nil
	}
	theirs, ours, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("start sample %s: %w", s.name, err)
	}
	defer func() { _ = theirs.Close() }()
	cmd := exec.Command(s.program, "sample", "--name", s.name, "--listen", s.address) //nolint:noctx // it outlives the request that starts it, and ends with its standard input
	cmd.Stdin, cmd.Stderr = theirs, os.Stderr
	if err := cmd.Start(); err != nil {
		return errors.Join(fmt.Errorf("start sample %s: %w", s.name, err), ours.Close())
	}
	s.cmd, s.stdin, s.ended = cmd, ours, make(chan struct{})
	go func(ended chan struct{}) {
		_ = cmd.Wait() // killed on purpose, mostly; the probes tell the rest
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.cmd == cmd {
			s.cmd = nil
			_ = s.stdin.Close()
		}
		close(ended)
	}(s.ended)
	return nil
}

// kill ends the process the hard way and waits for its end.
func (s *sample) kill() {
	s.mu.Lock()
	cmd, ended := s.cmd, s.ended
	s.mu.Unlock()
	if cmd == nil {
		return
	}
	_ = cmd.Process.Signal(syscall.SIGKILL) // it may have ended by itself just now
	<-ended
}

// running reports whether the process lives.
func (s *sample) running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cmd != nil
}

package hub

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/vigie-ops/vigie/internal/lib/logattr"
)

// listeners are the hub's open ports.
type listeners struct {
	console net.Listener
	agents  net.Listener
}

func (h *Hub) openListeners(ctx context.Context) error {
	var lc net.ListenConfig
	open := func(what, address string) (net.Listener, error) {
		l, err := lc.Listen(ctx, "tcp", address)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		// Serving closes a listener, too; the second time says so, harmlessly.
		h.onClose(func() error {
			if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
				return err
			}
			return nil
		})
		return l, nil
	}
	var err error
	if h.listeners.console, err = open("console", h.o.Config.Listen.Console); err != nil {
		return err
	}
	if h.listeners.agents, err = open("agents", h.o.Config.Listen.Agents); err != nil {
		return err
	}
	return nil
}

// web is a service that serves one listener.
type web struct {
	name     string
	hub      *Hub
	listener net.Listener
	server   *http.Server
	tls      *tls.Config // nil for plain HTTP
}

// Name implements Service.
func (s *web) Name() string { return s.name }

// Run serves until ctx is done, then lets requests that are under way finish.
func (s *web) Run(ctx context.Context) error {
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	s.server.BaseContext = func(net.Listener) context.Context { return base }
	done := make(chan error, 1)
	go func() {
		l := s.listener
		if s.tls != nil {
			l = tls.NewListener(l, s.tls)
		}
		done <- s.server.Serve(l)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	end, stop := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer stop()
	// Streams of live pages never finish by themselves.
	streams := time.AfterFunc(time.Second, cancel)
	defer streams.Stop()
	if err := s.server.Shutdown(end); err != nil {
		s.hub.log.Warn("requests were cut off at stop", "listener", s.name, logattr.Err(err))
		_ = s.server.Close() // the listener is closed already; what is left are connections
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (h *Hub) newServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       2 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          quietTLS(h.log),
	}
}

// certificate serves a certificate from files and reads them again when they
// change, so that a renewed one needs no restart.
type certificate struct {
	files TLS

	mu      sync.Mutex
	checked time.Time
	changed time.Time
	have    *tls.Certificate
}

// certificateAge is how often the files are looked at.
const certificateAge = 10 * time.Second

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.have != nil && time.Since(c.checked) < certificateAge {
		return c.have, nil
	}
	c.checked = time.Now()
	info, err := os.Stat(c.files.Certificate)
	if err == nil && c.have != nil && info.ModTime().Equal(c.changed) {
		return c.have, nil
	}
	if err == nil {
		var pair tls.Certificate
		if pair, err = tls.LoadX509KeyPair(c.files.Certificate, c.files.Key); err == nil {
			c.have, c.changed = &pair, info.ModTime()
		}
	}
	if c.have != nil { // half-written files: go on with what is there
		return c.have, nil
	}
	return nil, fmt.Errorf("certificate of the console: %w", err)
}

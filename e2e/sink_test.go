package e2e_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-message/mail"
	"github.com/emersion/go-smtp"
)

// sink is the mail server of a story: it counts what it takes, and is slow or
// refuses when it is told to.
type sink struct {
	t       testing.TB
	address string
	taken   chan struct{} // a mail was taken and is not answered yet

	mu      sync.Mutex
	server  *smtp.Server
	mails   []sunk
	refused map[string]bool // Message-IDs that were refused once
	rng     *rand.Rand      // nil: never slow, never refusing
}

// sunk is one mail as it was taken.
type sunk struct {
	ID, To, Subject, Text string
	At                    time.Time
}

// startSink starts a mail server on loopback; rng makes it moody.
func startSink(t testing.TB, rng *rand.Rand) *sink {
	s := &sink{t: t, address: claimAddress(t), taken: make(chan struct{}), refused: map[string]bool{}, rng: rng}
	s.open()
	t.Cleanup(s.close)
	return s
}

// open has the server listen, after startSink or close.
func (s *sink) open() {
	s.t.Helper()
	l, err := claiming.Listen(s.t.Context(), "tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	srv := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &sinkSession{s: s}, nil }))
	srv.Domain, srv.ReadTimeout, srv.WriteTimeout = "localhost", 30*time.Second, 30*time.Second
	srv.ErrorLog = quietLog{}
	s.mu.Lock()
	s.server = srv
	s.mu.Unlock()
	go func() { _ = srv.Serve(l) }() // ends with close
}

// close has the server refuse connections.
func (s *sink) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.server.Close()
}

// quietLog hears nothing of connections that a killed hub left.
type quietLog struct{}

func (quietLog) Printf(string, ...any) {}
func (quietLog) Println(...any)        {}

func (s *sink) all() []sunk {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

func (s *sink) port() string {
	_, port, _ := net.SplitHostPort(s.address)
	return port
}

type sinkSession struct {
	s  *sink
	to []string
}

func (c *sinkSession) Mail(string, *smtp.MailOptions) error { return nil }
func (c *sinkSession) Reset()                               { c.to = nil }
func (c *sinkSession) Logout() error                        { return nil }

func (c *sinkSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.to = append(c.to, to)
	return nil
}

func (c *sinkSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := readSunk(raw)
	if err != nil || len(c.to) != 1 {
		c.s.t.Errorf("a mail to %q cannot be read: %v", c.to, err)
		return fmt.Errorf("unreadable: %w", err)
	}
	m.To, m.At = c.to[0], time.Now()
	answer, err := c.s.take(m)
	<-time.After(answer)
	return err
}

// take counts a mail, or refuses it, and says how long to wait with the answer.
func (s *sink) take(m sunk) (time.Duration, error) {
	s.mu.Lock()
	var answer time.Duration
	if s.rng != nil {
		if !s.refused[m.ID] && s.rng.IntN(12) == 0 {
			s.refused[m.ID] = true
			s.mu.Unlock()
			return 0, &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "come back later"}
		}
		if s.rng.IntN(3) == 0 {
			answer = time.Duration(s.rng.IntN(150)) * time.Millisecond
		}
	}
	s.mails = append(s.mails, m)
	s.mu.Unlock()
	select {
	case s.taken <- struct{}{}:
	default:
	}
	return answer, nil
}

func readSunk(raw []byte) (sunk, error) {
	r, err := mail.CreateReader(bytes.NewReader(raw))
	if err != nil {
		return sunk{}, err
	}
	var m sunk
	if m.ID, err = r.Header.MessageID(); err != nil {
		return sunk{}, err
	}
	if m.Subject, err = r.Header.Subject(); err != nil {
		return sunk{}, err
	}
	for {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return m, nil
		}
		if err != nil {
			return sunk{}, err
		}
		if kind := p.Header.Get("Content-Type"); len(kind) >= 10 && kind[:10] == "text/plain" {
			b, err := io.ReadAll(p.Body)
			if err != nil {
				return sunk{}, err
			}
			m.Text = string(b)
		}
	}
}

var (
	ackLink   = regexp.MustCompile(`http\S+/ack/\S+`)
	statement = regexp.MustCompile(`(?m)^\[(\w+)\] .*\b(T\d{5})\b`)
)

// told lists what a mail says, as "firing T00012" or "resolved T00012".
func (m sunk) told() []string {
	var out []string
	for _, s := range statement.FindAllStringSubmatch(m.Text, -1) {
		what := "firing"
		if s[1] == "resolved" {
			what = "resolved"
		}
		out = append(out, what+" "+s[2])
	}
	return out
}

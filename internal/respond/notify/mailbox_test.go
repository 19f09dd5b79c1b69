package notify_test

import (
	"errors"
	"io"
	"net"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-message"
	mailmessage "github.com/emersion/go-message/mail"
	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"

	"github.com/vigie-ops/vigie/internal/respond/notify"
)

// mailbox is a real mail server that keeps what it takes.
type mailbox struct {
	port    int
	arrived chan mail

	mu    sync.Mutex
	code  int
	mails []mail
}

type mail struct {
	to, subject, text, html string
	header                  netmail.Header
}

// token returns the token of the link in the mail.
func (m mail) token(t *testing.T) string {
	t.Helper()
	_, rest, ok := strings.Cut(m.text, notify.LinkPath)
	if !ok {
		t.Fatalf("no link in %s", m.text)
	}
	return strings.Fields(rest)[0]
}

func newMailbox(t *testing.T) *mailbox {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &mailbox{port: l.Addr().(*net.TCPAddr).Port, arrived: make(chan mail, 100)}
	s := gosmtp.NewServer(b)
	s.Domain, s.AllowInsecureAuth = "localhost", true
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Close()
		_ = l.Close() // a server that was closed before it began to serve does not know of it
		if err := <-done; err != nil && !errors.Is(err, gosmtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			t.Errorf("mail server: %v", err)
		}
	})
	return b
}

func (b *mailbox) channel(slug string) notify.Config {
	return notify.Config{Slug: slug, Kind: notify.SMTP, Host: "127.0.0.1", Port: b.port, From: "Vigie <vigie@example.com>", TLS: "none"}
}

// answer has the server answer every recipient with this code; 0 takes it.
func (b *mailbox) answer(code int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.code = code
}

func (b *mailbox) take() []mail {
	b.mu.Lock()
	defer b.mu.Unlock()
	mails := b.mails
	b.mails = nil
	return mails
}

func (b *mailbox) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.mails)
}

// NewSession implements gosmtp.Backend.
func (b *mailbox) NewSession(*gosmtp.Conn) (gosmtp.Session, error) { return &session{b: b}, nil }

type session struct {
	b  *mailbox
	to string
}

// AuthMechanisms implements gosmtp.AuthSession; nobody's password is right.
func (s *session) AuthMechanisms() []string { return []string{"PLAIN"} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(string, string, string) error { return gosmtp.ErrAuthFailed }), nil
}

func (s *session) Reset()                                 {}
func (s *session) Logout() error                          { return nil }
func (s *session) Mail(string, *gosmtp.MailOptions) error { return nil }
func (s *session) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	if s.b.code != 0 {
		return &gosmtp.SMTPError{Code: s.b.code, EnhancedCode: gosmtp.EnhancedCode{s.b.code / 100, 0, 0}, Message: "no"}
	}
	s.to = to
	return nil
}

func (s *session) Data(r io.Reader) error {
	m, err := readMail(s.to, r)
	if err != nil {
		return err
	}
	s.b.mu.Lock()
	s.b.mails = append(s.b.mails, m)
	s.b.mu.Unlock()
	s.b.arrived <- m
	return nil
}

func readMail(to string, r io.Reader) (mail, error) {
	e, err := message.Read(r)
	if err != nil {
		return mail{}, err
	}
	m := mail{to: to, header: netmail.Header{}}
	for f := e.Header.Fields(); f.Next(); {
		m.header[f.Key()] = append(m.header[f.Key()], f.Value())
	}
	m.header["References"] = []string{e.Header.Get("References")}
	m.header["Message-Id"] = []string{e.Header.Get("Message-Id")}
	mr := mailmessage.NewReader(e)
	if m.subject, err = mr.Header.Subject(); err != nil {
		return mail{}, err
	}
	for {
		p, err := mr.NextPart()
		if errors.Is(err, io.EOF) {
			return m, nil
		}
		if err != nil {
			return mail{}, err
		}
		body, err := io.ReadAll(p.Body)
		if err != nil {
			return mail{}, err
		}
		kind, _, _ := p.Header.(*mailmessage.InlineHeader).ContentType()
		if kind == "text/html" {
			m.html = string(body)
		} else {
			m.text = strings.ReplaceAll(string(body), "\r\n", "\n")
		}
	}
}

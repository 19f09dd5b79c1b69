// Package mailbox takes mails by SMTP and keeps them, for a demo that sends
// nothing anywhere.
package mailbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-message/mail"
	"github.com/emersion/go-smtp"

	"github.com/vigie-ops/vigie/internal/lib/id"
)

// Mail is one mail in the demo's mailbox.
type Mail struct {
	ID      string    `json:"id"`
	At      time.Time `json:"at"`
	To      string    `json:"to"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	HTML    string    `json:"html"`
	Links   []string  `json:"links"`
}

// Box takes every mail and keeps it as a file, so that a restart finds it
// again.
type Box struct {
	dir     string
	changed func()

	mu    sync.Mutex
	mails []Mail // oldest first
}

// maxMail bounds one mail, maxMails how many are kept.
const (
	maxMail  = 4 << 20
	maxMails = 200
)

// Open reads what a folder holds. changed is called after each new mail.
func Open(dir string, changed func()) (*Box, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open mailbox: %w", err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.eml"))
	if err != nil {
		return nil, fmt.Errorf("open mailbox: %w", err)
	}
	slices.Sort(names) // named by ULID: by time
	b := &Box{dir: dir, changed: changed}
	for _, n := range names {
		raw, err := os.ReadFile(n)
		if err != nil {
			return nil, fmt.Errorf("open mailbox: %w", err)
		}
		info, err := os.Stat(n)
		if err != nil {
			return nil, fmt.Errorf("open mailbox: %w", err)
		}
		m, err := readMail(strings.TrimSuffix(filepath.Base(n), ".eml"), info.ModTime().UTC(), "", raw)
		if err != nil {
			return nil, fmt.Errorf("open mailbox: %s: %w", n, err)
		}
		b.mails = append(b.mails, m)
	}
	return b, nil
}

// Newest returns all mails, newest first.
func (b *Box) Newest() []Mail {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := slices.Clone(b.mails)
	slices.Reverse(out)
	return out
}

// One returns the mail with an id.
func (b *Box) One(id string) (Mail, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.mails, func(m Mail) bool { return m.ID == id })
	if i < 0 {
		return Mail{}, false
	}
	return b.mails[i], true
}

// put keeps a mail: on disk first, then on the page.
func (b *Box) put(to string, raw []byte) error {
	m, err := readMail(id.New(), time.Now().UTC(), to, raw)
	if err != nil {
		return err
	}
	name := filepath.Join(b.dir, m.ID+".eml")
	if err := os.WriteFile(name+".new", raw, 0o600); err != nil {
		return fmt.Errorf("keep mail: %w", err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		return fmt.Errorf("keep mail: %w", err)
	}
	b.mu.Lock()
	b.mails = append(b.mails, m)
	for len(b.mails) > maxMails {
		_ = os.Remove(filepath.Join(b.dir, b.mails[0].ID+".eml")) // read again at most, after a restart
		b.mails = b.mails[1:]
	}
	b.mu.Unlock()
	b.changed()
	return nil
}

var (
	linkInText = regexp.MustCompile(`https?://[^\s<>"']+`)
	linkInHTML = regexp.MustCompile(`href="(https?://[^"]+)"`)
)

// readMail takes a mail apart into what a person sees of it.
func readMail(id string, at time.Time, to string, raw []byte) (Mail, error) {
	r, err := mail.CreateReader(bytes.NewReader(raw))
	if err != nil {
		return Mail{}, fmt.Errorf("read mail: %w", err)
	}
	m := Mail{ID: id, At: at, To: to, Links: []string{}}
	if m.Subject, err = r.Header.Subject(); err != nil {
		return Mail{}, fmt.Errorf("read mail: subject: %w", err)
	}
	if m.To == "" {
		if list, err := r.Header.AddressList("To"); err == nil && len(list) > 0 {
			m.To = list[0].Address
		}
	}
	for {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Mail{}, fmt.Errorf("read mail: %w", err)
		}
		body, err := io.ReadAll(io.LimitReader(p.Body, maxMail))
		if err != nil {
			return Mail{}, fmt.Errorf("read mail: %w", err)
		}
		switch kind := p.Header.Get("Content-Type"); {
		case strings.HasPrefix(kind, "text/html"):
			m.HTML = string(body)
		case strings.HasPrefix(kind, "text/plain"), kind == "":
			m.Text = string(body)
		}
	}
	for _, l := range linkInText.FindAllString(m.Text, -1) {
		m.Links = append(m.Links, strings.TrimRight(l, ".,)"))
	}
	for _, l := range linkInHTML.FindAllStringSubmatch(m.HTML, -1) {
		m.Links = append(m.Links, strings.ReplaceAll(l[1], "&amp;", "&"))
	}
	slices.Sort(m.Links)
	m.Links = slices.Compact(m.Links)
	return m, nil
}

// Serve takes mails by SMTP on a loopback listener until ctx is done.
func (b *Box) Serve(ctx context.Context, l net.Listener) error {
	s := smtp.NewServer(b)
	s.Domain = "localhost"
	s.MaxMessageBytes = maxMail
	s.MaxRecipients = 50
	s.ReadTimeout, s.WriteTimeout = 10*time.Second, 10*time.Second
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	if err := s.Serve(l); err != nil && ctx.Err() == nil {
		return fmt.Errorf("mailbox: %w", err)
	}
	return nil
}

// NewSession implements smtp.Backend.
func (b *Box) NewSession(*smtp.Conn) (smtp.Session, error) { return &mailSession{box: b}, nil }

type mailSession struct {
	box *Box
	to  []string
}

func (s *mailSession) Mail(string, *smtp.MailOptions) error { return nil }
func (s *mailSession) Reset()                               { s.to = nil }
func (s *mailSession) Logout() error                        { return nil }

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return s.box.put(strings.Join(s.to, ", "), raw)
}

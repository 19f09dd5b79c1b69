// Package smtp tells people by mail, through a mail server of the company.
package smtp

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"net/textproto"
	"slices"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/vigie-ops/vigie/internal/lib/netguard"
	"github.com/vigie-ops/vigie/internal/respond/notify"
)

var _ notify.Maker = New

// timeout bounds the whole talk with the mail server.
const timeout = 30 * time.Second

// Channel sends mail.
type Channel struct {
	config   notify.Config
	from     *mail.Address
	password string
	timeout  time.Duration
}

// New returns the channel of a configuration.
func New(ctx context.Context, c notify.Config) (notify.Channel, error) {
	return Within(timeout)(ctx, c)
}

// Within makes channels that give a mail server this long to take a message.
func Within(d time.Duration) notify.Maker {
	return func(ctx context.Context, c notify.Config) (notify.Channel, error) {
		from, err := mail.ParseAddress(c.From)
		if err != nil {
			return nil, fmt.Errorf("the sender %q is no address: %w", c.From, err)
		}
		ch := &Channel{config: c, from: from, timeout: d}
		if !c.Password.IsZero() {
			b, err := c.Password.Resolve(ctx)
			if err != nil {
				return nil, err
			}
			ch.password = string(b)
		}
		return ch, nil
	}
}

// Send hands the message to the mail server.
func (c *Channel) Send(ctx context.Context, m notify.Message) error {
	msg, err := c.message(m)
	if err != nil {
		return notify.Permanent(err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if c.config.TLS == "tls" {
		// A name that changes after this look leads to a handshake that fails.
		if err := netguard.Check(ctx, c.config.Host); err != nil {
			return judge(fmt.Errorf("reach mail server %s: %w", c.config.Host, err))
		}
	}
	client, err := gomail.NewClient(c.config.Host, c.options()...)
	if err != nil {
		return fmt.Errorf("mail server %s: %w", c.config.Host, err)
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return judge(fmt.Errorf("reach mail server %s: %w", c.config.Host, err))
	}
	err = client.SendWithSMTPClient(conn, msg)
	// Once the server took the message, how the talk ends does not matter:
	// an error here would send it twice.
	_ = client.CloseWithSMTPClient(conn)
	return verdict(err)
}

// verdict tells a refusal for good from what may be tried again.
func verdict(err error) error {
	var refused *gomail.SendError
	if !errors.As(err, &refused) {
		return err
	}
	switch code := refused.ErrorCode(); {
	case slices.Contains(signIn, code):
		return notify.Broken(err)
	case refused.Reason == gomail.ErrSMTPReset:
		return nil // asked after the message was taken
	case code >= 500 && code < 600:
		return notify.Permanent(err)
	}
	return err
}

// signIn are the answers of a mail server that wants us to sign in, or to sign
// in otherwise (RFC 4954).
var signIn = []int{530, 534, 535, 538}

// judge tells an error that every message will have: an address that is not
// asked, a name or a password that the server refused.
func judge(err error) error {
	var answer *textproto.Error
	if refused := new(netguard.Refused); errors.As(err, &refused) || errors.As(err, &answer) && slices.Contains(signIn, answer.Code) {
		return notify.Broken(err)
	}
	return err
}

func (c *Channel) options() []gomail.Option {
	o := []gomail.Option{gomail.WithTimeout(c.timeout), gomail.WithoutNoop()}
	if c.config.TLS != "tls" { // then the library dials itself, since it takes no other connection to be encrypted
		o = append(o, gomail.WithDialContextFunc(netguard.Dialer().DialContext))
	}
	port := c.config.Port
	switch c.config.TLS {
	case "tls":
		o = append(o, gomail.WithSSL())
		port = or(port, 465)
	case "none":
		o = append(o, gomail.WithTLSPolicy(gomail.NoTLS))
		port = or(port, 25)
	default:
		o = append(o, gomail.WithTLSPolicy(gomail.TLSMandatory))
		port = or(port, 587)
	}
	o = append(o, gomail.WithPort(port))
	if c.config.Username != "" {
		auth := gomail.SMTPAuthAutoDiscover
		if c.config.TLS == "none" { // this machine alone, as checked
			auth = gomail.SMTPAuthPlainNoEnc
		}
		o = append(o, gomail.WithSMTPAuth(auth), gomail.WithUsername(c.config.Username), gomail.WithPassword(c.password))
	}
	return o
}

func or(n, otherwise int) int {
	if n != 0 {
		return n
	}
	return otherwise
}

// message writes the mail. Its id is the delivery's, and the mails of one
// issue refer to one root that is never sent, which is enough for mail
// programs to show them as one thread.
func (c *Channel) message(m notify.Message) (*gomail.Msg, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := msg.From(c.from.String()); err != nil {
		return nil, fmt.Errorf("sender: %w", err)
	}
	to := mail.Address{Name: m.To.Name, Address: m.To.Email}
	if err := msg.To(to.String()); err != nil {
		return nil, fmt.Errorf("recipient %q: %w", m.To.Email, err)
	}
	msg.Subject(m.Subject)
	msg.SetDateWithValue(m.At)
	msg.SetMessageIDWithValue(m.MessageID)
	msg.SetGenHeader(gomail.HeaderReferences, "<"+m.Thread+">")
	msg.SetGenHeader(gomail.HeaderInReplyTo, "<"+m.Thread+">")
	domain := c.from.Address[strings.LastIndexByte(c.from.Address, '@')+1:]
	msg.SetGenHeader("List-Id", "<vigie."+domain+">")
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader(gomail.HeaderXAutoResponseSuppress, "All")
	msg.SetGenHeader("X-Vigie-Delivery", m.ID)
	if m.Severity == "critical" && m.Kind != notify.KindResolved {
		msg.SetImportance(gomail.ImportanceHigh)
	}
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	return msg, nil
}

package notify

import (
	"context"
	"net"
	"net/mail"
	"net/url"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/lib/secret"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/respond/alert"
)

// Channels is the section channels of the operations repository.
var Channels = opsrepo.NewList("channels", opsrepo.ListOptions[Config]{
	Doc:   "The ways by which people are told.",
	Kind:  KindChannel,
	Check: checkChannels,
})

// Sections are what notify reads from the operations repository.
func Sections() []opsrepo.Section { return []opsrepo.Section{Channels} }

func checkChannels(c *opsrepo.Checker, all []Config) {
	for _, ch := range all {
		at := func(field string) opsrepo.Pos { return c.FieldPos(ch.Pos, field) }
		for field, ref := range map[string]secret.Ref{"password": ch.Password, "secret": ch.Secret, "url": ch.URL.Ref} {
			if len(ref.Command) > 0 {
				c.Errorf(at(field), "a secret of the repository cannot be a command, since a commit must not run programs on the hub; write {file: PATH} or {env: NAME}")
			}
		}
		if c.Refused(ch.Pos, "url") {
			continue
		}
		switch ch.Kind {
		case SMTP:
			checkSMTP(c, ch, at)
		case Webhook:
			if ch.FoldAfter != 0 {
				c.Errorf(at("fold_after"), "a webhook gets every message by itself; fold_after is for smtp and slack")
			}
			if u, err := url.Parse(ch.URL.Text); ch.URL.Ref.IsZero() && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
				c.Errorf(at("url"), "a webhook needs an address; write url: https://HOST/PATH")
			}
		case Slack:
			if ch.URL.Ref.IsZero() {
				c.Errorf(at("url"), "the address of an incoming webhook lets anybody post, so it is a secret; write url: {file: PATH} or {env: NAME}")
			}
		}
	}
}

func checkSMTP(c *opsrepo.Checker, ch Config, at func(string) opsrepo.Pos) {
	if ch.Host == "" && !c.Refused(ch.Pos, "host") {
		c.Errorf(ch.Pos, "an smtp channel needs the mail server; write host: HOST")
	}
	if _, err := mail.ParseAddress(ch.From); err != nil && !c.Refused(ch.Pos, "from") {
		c.Errorf(at("from"), "%q is no sender; write from: Vigie <vigie@example.com>", ch.From)
	}
	if ch.TLS == "none" && !loopback(ch.Host) {
		c.Errorf(at("tls"), "mail to another machine is encrypted: tls: none is for this machine alone; write starttls or tls")
	}
	if ch.Username != "" && ch.Password.IsZero() && !c.Refused(ch.Pos, "password") {
		c.Errorf(at("username"), "a username needs a password; write password: {file: PATH} or {env: NAME}")
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// ApplyOps has the channels and routes of a generation count from its commit on.
func (c *Courier) ApplyOps(_ context.Context, tx *db.Tx, g *opsrepo.Generation) error {
	channels := Channels.Of(g)
	policy := alert.DefaultPolicy()
	if entry, ok := alert.PolicySection.Of(g); ok {
		var err error
		if policy, err = entry.Policy(); err != nil {
			return err
		}
	}
	tx.After(func() { c.SetChannels(channels); c.SetRoutes(policy.Routes) })
	return nil
}

// SetChannels has these channels count from now on.
func (c *Courier) SetChannels(all []Config) {
	m := make(map[string]Config, len(all))
	mail := ""
	for _, ch := range all {
		m[ch.Slug] = ch
		if ch.Kind == SMTP && mail == "" {
			mail = ch.Slug
		}
	}
	c.channels.Store(&m)
	c.mailChannel.Store(&mail)
	c.wake()
}

package notify

import (
	"context"
	"errors"

	"github.com/vigie-ops/vigie/internal/opsrepo"
	"go.yaml.in/yaml/v3"

	"github.com/vigie-ops/vigie/internal/lib/secret"
)

// Channel is a way to reach people. Send must bear to be called twice for one
// message: it passes the delivery's id on, so that the other side can tell.
type Channel interface {
	Send(ctx context.Context, m Message) error
}

// Maker makes the channels of one kind.
type Maker func(ctx context.Context, c Config) (Channel, error)

// permanent is an error that trying again cannot mend.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent marks an error of a channel as one that trying again cannot mend.
func Permanent(err error) error { return permanent{err} }

// IsPermanent reports whether trying again cannot mend err.
func IsPermanent(err error) bool {
	var p permanent
	return errors.As(err, &p)
}

// broken is an error that the channel has for every message.
type broken struct{ error }

func (b broken) Unwrap() error { return b.error }

// Broken marks an error that blames the channel, such as its address or its
// password, and not the message. It is tried again, since somebody will mend it,
// and tells of itself the first time.
func Broken(err error) error { return broken{err} }

// IsBroken reports whether the channel will refuse every other message, too.
func IsBroken(err error) bool {
	var b broken
	return errors.As(err, &b)
}

// The kinds of channel.
const (
	SMTP    = "smtp"
	Webhook = "webhook"
	Slack   = "slack"
)

// KindChannel is the namespace of the slugs of channels.
const KindChannel = "channel"

// Config is one entry of the section channels of the operations repository.
type Config struct {
	Pos      opsrepo.Pos
	Slug     string     `yaml:"slug" ops:"required,slug,doc=name of the channel in notification_policy"`
	Kind     string     `yaml:"kind" ops:"required,enum=smtp|webhook|slack,doc=how it reaches people"`
	Host     string     `yaml:"host" ops:"address,doc=smtp: the mail server"`
	Port     int        `yaml:"port" ops:"min=1,max=65535,doc=smtp: its port; 587, or 465 with tls"`
	From     string     `yaml:"from" ops:"doc=smtp: the sender, such as Vigie <vigie@example.com>"`
	Username string     `yaml:"username" ops:"doc=smtp: the name to sign in with, if any"`
	Password secret.Ref `yaml:"password" ops:"doc=smtp: where the password is"`
	TLS      string     `yaml:"tls" ops:"default=starttls,enum=starttls|tls|none,doc=smtp: encryption; none only on this machine"`
	URL      URL        `yaml:"url" ops:"doc=webhook: an address; slack: where the secret address is"`
	Secret   secret.Ref `yaml:"secret" ops:"doc=webhook: where the key is that signs what is sent"`
	// FoldAfter is how many messages an address gets within ten minutes before
	// what follows is folded into few; DefaultFoldAfter if zero.
	FoldAfter int `yaml:"fold_after" ops:"min=1,max=10000,doc=smtp and slack: messages to one address within ten minutes before what follows is folded into few; 20 if left out"`
}

// DefaultFoldAfter is how many messages in ten minutes a person reads one by
// one.
const DefaultFoldAfter = 20

// URL is an address that stands in the repository, or says where it is when it
// is a secret itself.
type URL struct {
	Text string
	Ref  secret.Ref
}

// IsZero reports whether there is no address.
func (u URL) IsZero() bool { return u.Text == "" && u.Ref.IsZero() }

// UnmarshalYAML reads an address, or a reference to one.
func (u *URL) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		u.Text = n.Value
		return nil
	}
	return u.Ref.UnmarshalYAML(n)
}

// JSONSchema describes both forms to editors.
func (URL) JSONSchema() map[string]any {
	return map[string]any{"oneOf": []any{
		map[string]any{"type": "string", "format": "uri"},
		map[string]any{"type": "object", "properties": map[string]any{"file": map[string]any{"type": "string"}, "env": map[string]any{"type": "string"}}, "additionalProperties": false},
	}}
}

// Resolve returns the address itself.
func (u URL) Resolve(ctx context.Context) (string, error) {
	if u.Ref.IsZero() {
		return u.Text, nil
	}
	b, err := u.Ref.Resolve(ctx)
	return string(b), err
}

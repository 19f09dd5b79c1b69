package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/respond/alert"
)

// ErrLinkInvalid says that a link was not made by this hub, or was changed.
var ErrLinkInvalid = errors.New("this link is not valid; open the alert in the console instead")

// ErrLinkExpired says that a link is too old.
var ErrLinkExpired = errors.New("this link has expired; open the alert in the console instead")

// linkLife is how long a link in a message works.
const linkLife = 72 * time.Hour

// LinkPath is where the console answers links; the token follows.
const LinkPath = "/ack/"

// linkKey names the key that signs links.
const linkKey = "notify.links"

// Links makes and reads the links in messages. A link lets the person who got
// the message acknowledge its alerts, and nothing else.
type Links struct{ c *Courier }

// Links returns the courier's links.
func (c *Courier) Links() *Links { return &Links{c: c} }

// Prepare makes the key that signs the links, or reads it: whoever has it makes
// links for as long as the program runs.
func (l *Links) Prepare(ctx context.Context) error {
	if _, err := l.c.o.Keys.Key(ctx, linkKey); err != nil {
		return fmt.Errorf("key of links: %w", err)
	}
	return nil
}

// grant is what a link carries. Which alerts it is about stands with the
// delivery, so that the link stays short.
type grant struct {
	Delivery string `json:"d"`
	Person   string `json:"p"`
	Expires  int64  `json:"e"`
}

var encoding = base64.RawURLEncoding.Strict()

// seal writes a grant as a token: what it grants and its signature.
func seal(key []byte, g grant) (string, error) {
	body, err := json.Marshal(g)
	if err != nil {
		return "", fmt.Errorf("write a link: %w", err)
	}
	return encoding.EncodeToString(body) + "." + encoding.EncodeToString(sign(key, body)), nil
}

// unseal reads a token of seal; whatever else it is given is ErrLinkInvalid.
func unseal(key []byte, token string) (grant, error) {
	var g grant
	left, right, ok := strings.Cut(token, ".")
	if !ok || len(token) > 1024 {
		return g, ErrLinkInvalid
	}
	body, err := encoding.DecodeString(left)
	if err != nil {
		return g, ErrLinkInvalid
	}
	mac, err := encoding.DecodeString(right)
	if err != nil || !hmac.Equal(mac, sign(key, body)) {
		return g, ErrLinkInvalid
	}
	if err := json.Unmarshal(body, &g); err != nil {
		return grant{}, ErrLinkInvalid
	}
	return g, nil
}

func sign(key, body []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("vigie acknowledge link v1\x00"))
	h.Write(body)
	return h.Sum(nil)
}

// url returns the link of a delivery's recipient.
func (l *Links) url(ctx context.Context, d Delivery) (string, error) {
	if l.c.o.Keys == nil {
		return "", nil
	}
	key, err := l.c.o.Keys.Key(ctx, linkKey)
	if err != nil {
		return "", fmt.Errorf("key of links: %w", err)
	}
	token, err := seal(key, grant{Delivery: d.ID, Person: d.Person, Expires: d.CreatedAt.Add(linkLife).Unix()})
	if err != nil {
		return "", err
	}
	return l.c.o.BaseURL() + LinkPath + token, nil
}

// Opened is what a link shows.
type Opened struct {
	Person       string // slug of the person it was sent to
	PersonName   string
	Delivery     Delivery
	Alerts       []alert.Alert // those of the message that still fire first
	Issue        string
	Expires      time.Time
	Acknowledged bool // whatever still fires is acknowledged
	Resolved     bool // nothing fires any more
}

// Open reads a link and says what it is about. It changes nothing, however
// often a mail scanner opens it.
func (l *Links) Open(ctx context.Context, token string) (Opened, error) {
	key, err := l.c.o.Keys.Key(ctx, linkKey)
	if err != nil {
		return Opened{}, fmt.Errorf("key of links: %w", err)
	}
	g, err := unseal(key, token)
	if err != nil {
		return Opened{}, err
	}
	expires := time.Unix(g.Expires, 0).UTC()
	if !l.c.now().Before(expires) {
		return Opened{}, ErrLinkExpired
	}
	d, err := deliveryByID(ctx, l.c.o.DB.Read(), g.Delivery)
	if errors.Is(err, ErrNotFound) || err == nil && d.Person != g.Person {
		return Opened{}, ErrLinkInvalid
	}
	if err != nil {
		return Opened{}, err
	}
	person, ok := l.c.o.People.Person(g.Person)
	if !ok { // who has left the company acts no more
		return Opened{}, ErrLinkInvalid
	}
	ds, err := l.c.together(ctx, d)
	if err != nil {
		return Opened{}, err
	}
	o := Opened{Person: g.Person, PersonName: person.Name, Delivery: d, Issue: d.Issue, Expires: expires, Acknowledged: true, Resolved: true}
	var over []alert.Alert
	var all []alert.Alert
	for part := range slices.Chunk(alertsOf(ds), listPart) {
		page, err := l.c.o.Board.List(ctx, alert.Filter{IDs: part, Limit: listPart})
		if err != nil {
			return Opened{}, err
		}
		all = append(all, page.Items...)
	}
	for _, a := range all {
		if a.State == alert.Resolved {
			over = append(over, a)
			continue
		}
		o.Resolved = false
		o.Acknowledged = o.Acknowledged && a.Acknowledged()
		o.Alerts = append(o.Alerts, a)
	}
	o.Alerts = append(o.Alerts, over...)
	return o, nil
}

// Acknowledge acknowledges what the message was about, as the person it was
// sent to. What resolved before waits for their word, unless the reason is one.
// Doing it twice changes nothing.
func (l *Links) Acknowledge(ctx context.Context, token, reason string) (Opened, error) {
	o, err := l.Open(ctx, token)
	if err != nil {
		return Opened{}, err
	}
	var ids []string
	for _, a := range o.Alerts {
		seen := a.State == alert.Resolved && (!a.ToReview || strings.TrimSpace(reason) == "")
		if !seen && (a.Ack == nil || a.Ack.By != o.Person) {
			ids = append(ids, a.ID)
		}
	}
	if len(ids) == 0 {
		return o, nil
	}
	if _, err := l.c.o.Board.Acknowledge(l.c.o.As(ctx, o.Person), o.Person, reason, time.Time{}, ids...); err != nil {
		if over := new(alert.Invalid); errors.As(err, &over) { // it resolved this very moment
			return l.Open(ctx, token)
		}
		return Opened{}, err
	}
	return l.Open(ctx, token)
}

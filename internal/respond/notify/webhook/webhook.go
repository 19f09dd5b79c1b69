// Package webhook posts messages as JSON to a program of the company, in the
// shape of Alertmanager's webhook, signed.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/lib/netguard"
	"github.com/vigie-ops/vigie/internal/respond/notify"
)

var _ notify.Maker = New

// timeout bounds one post.
const timeout = 15 * time.Second

// Channel posts to one address.
type Channel struct {
	url    string
	secret []byte
	client *http.Client
}

// New returns the channel of a configuration.
func New(ctx context.Context, c notify.Config) (notify.Channel, error) {
	u, err := c.URL.Resolve(ctx)
	if err != nil {
		return nil, err
	}
	ch := &Channel{url: u, client: Client(timeout)}
	if !c.Secret.IsZero() {
		if ch.secret, err = c.Secret.Resolve(ctx); err != nil {
			return nil, err
		}
	}
	return ch, nil
}

// transport is one for all channels, which are made anew for each message, so
// that connections are used again.
var transport = guarded()

func guarded() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = netguard.Dialer().DialContext
	return t
}

// Client returns an HTTP client that gives up in time, asks no metadata service
// of a cloud, and follows nobody elsewhere: what is posted is for the address in
// the repository alone.
func Client(timeout time.Duration) *http.Client {
	return &http.Client{Timeout: timeout, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Send posts the message.
func (c *Channel) Send(ctx context.Context, m notify.Message) error {
	body, err := json.Marshal(payload(m))
	if err != nil {
		return notify.Permanent(fmt.Errorf("write the message: %w", err))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return notify.Permanent(fmt.Errorf("address of the webhook: %w", err))
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Vigie")
	req.Header.Set("Idempotency-Key", m.ID)
	if c.secret != nil {
		req.Header.Set(SignatureHeader, Sign(c.secret, time.Now(), body))
	}
	return Do(c.client, req)
}

// Do sends a request and judges the answer: an answer of 2xx is success, one
// that blames what was posted is final. Any other may be tried again, also one
// that blames the address or the credentials, since somebody will mend them.
// Errors do not hold the address, which may be a secret.
func Do(client *http.Client, req *http.Request) error {
	res, err := client.Do(req)
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // without the address
	}
	if refused := new(netguard.Refused); errors.As(err, &refused) {
		return notify.Broken(fmt.Errorf("post: %w", refused))
	}
	if err != nil {
		return hide(fmt.Errorf("post: %w", err), req.URL)
	}
	defer func() { _ = res.Body.Close() }()
	said, _ := io.ReadAll(io.LimitReader(res.Body, 300))
	err = hide(fmt.Errorf("the other side answered %s: %q", res.Status, said), req.URL)
	switch {
	case res.StatusCode/100 == 2:
		return nil
	case res.StatusCode/100 == 3:
		return notify.Broken(fmt.Errorf("%w; redirects are not followed, so write the final address", err))
	case slices.Contains(misdirected, res.StatusCode):
		return notify.Broken(err)
	case res.StatusCode == http.StatusBadRequest, res.StatusCode == http.StatusRequestEntityTooLarge, res.StatusCode == http.StatusUnprocessableEntity:
		return notify.Permanent(err)
	}
	return err
}

// misdirected are answers that every other message will get as well.
var misdirected = []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone}

// hide keeps an address out of an error.
func hide(err error, address *url.URL) error {
	text := err.Error()
	for _, secret := range []string{address.String(), address.RequestURI()} {
		if len(secret) > 1 {
			text = strings.ReplaceAll(text, secret, "[address]")
		}
	}
	if text == err.Error() {
		return err
	}
	return errors.New(text)
}

// SignatureHeader carries the signature.
const SignatureHeader = "X-Vigie-Signature"

// Sign returns the value of the signature header: the time in seconds and the
// HMAC-SHA256, under the shared secret, of the time, a dot and the body. The
// receiver refuses what is older than a few minutes.
func Sign(secret []byte, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(t + "."))
	h.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(h.Sum(nil))
}

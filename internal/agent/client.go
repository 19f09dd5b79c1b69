package agent

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/vigie-ops/vigie/internal/wire"
)

// dialer opens connections; tests put a network of their own in.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// requestTimeout bounds one request with its answer.
const requestTimeout = 30 * time.Second

// client speaks to one hub.
type client struct {
	base      string
	userAgent string
	http      *http.Client
}

// newClient returns a client whose connections are verified by verify and show
// the certificate that certificate returns, if any.
func newClient(base, userAgent string, dial dialer, verify func(tls.ConnectionState) error, certificate func() *tls.Certificate) *client {
	config := &tls.Config{
		MinVersion:         tls.VersionTLS13,
		InsecureSkipVerify: true, // VerifyConnection does it, by the hub's own CA
		VerifyConnection:   verify,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if c := certificate(); c != nil {
				return c, nil
			}
			return &tls.Certificate{}, nil
		},
	}
	return &client{base: base, userAgent: userAgent, http: &http.Client{
		Transport: &http.Transport{
			DialContext: dial, TLSClientConfig: config, TLSHandshakeTimeout: 10 * time.Second,
			MaxIdleConnsPerHost: 2, IdleConnTimeout: 90 * time.Second, WriteBufferSize: 16 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer is what a hub said, read whole.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// problem returns what the hub says is wrong.
func (a answer) problem() wire.Error {
	var e wire.Error
	if json.Unmarshal(a.body, &e) != nil || e.Check() != nil {
		return wire.Error{Code: strconv.Itoa(a.status), Message: http.StatusText(a.status)}
	}
	return e
}

// do sends one request and reads the answer, at most limit bytes of it.
func (c *client) do(ctx context.Context, method, path string, header http.Header, body []byte, limit int64) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for k, v := range header {
		req.Header[k] = v
	}
	req.Header.Set(wire.HeaderVersion, strconv.Itoa(wire.Version))
	req.Header.Set("User-Agent", c.userAgent)
	if len(body) == 0 {
		req.Body = http.NoBody
	} else if req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", wire.TypeJSON)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return answer{}, fmt.Errorf("read the hub's answer: %w", err)
	}
	if int64(len(b)) > limit {
		return answer{}, fmt.Errorf("the hub's answer is larger than %d bytes", limit)
	}
	return answer{res.StatusCode, res.Header, b}, nil
}

// call sends a message and reads the message that answers it.
func (c *client) call(ctx context.Context, path string, in any, out wire.Message) (answer, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return answer{}, fmt.Errorf("encode the request: %w", err)
	}
	a, err := c.do(ctx, http.MethodPost, path, nil, body, 256<<10)
	if err != nil || a.status/100 != 2 {
		return a, err
	}
	return a, wire.Decode(bytes.NewReader(a.body), int64(len(a.body)), out)
}

func (c *client) close() { c.http.CloseIdleConnections() }

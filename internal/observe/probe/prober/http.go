package prober

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// bodyLimit is how much of a body is read and searched. A status page is
// small; a download is not to be pulled through every half minute.
const bodyLimit = 1 << 20

const mostRedirects = 10

func (a *attempt) http(ctx context.Context) error {
	var sent, firstByte time.Time // under a.mu: the client traces in goroutines of its own
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { a.note(func(*Result) { sent = time.Now() }) },
		GotFirstResponseByte: func() {
			a.note(func(r *Result) {
				firstByte = time.Now()
				if !sent.IsZero() { // some servers answer before they have read the request
					r.Phases.FirstByte += firstByte.Sub(sent)
				}
			})
		},
	})
	method := a.t.Method
	if method == "" {
		method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(ctx, method, a.t.URL, http.NoBody)
	if err != nil {
		return cannotError(err.Error())
	}
	req.Header.Set("User-Agent", a.p.o.UserAgent)
	for k, v := range a.t.Headers {
		if strings.EqualFold(k, "host") {
			req.Host = v
			continue
		}
		req.Header.Set(k, v)
	}
	transport := a.transport()
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: a.redirect}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // nothing is written
	body, err := io.ReadAll(io.LimitReader(resp.Body, bodyLimit+1))
	a.note(func(r *Result) {
		r.Status = resp.StatusCode
		r.Phases.Transfer += time.Since(firstByte)
	})
	// A wrong status says more than a body that broke off.
	if err := a.checkStatus(resp.StatusCode); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	return a.checkBody(body)
}

// transport makes a transport for one probe: a fresh connection each time,
// straight to the target, no proxy of the environment in between.
func (a *attempt) transport() *http.Transport {
	return &http.Transport{
		Proxy:             nil,
		DisableKeepAlives: true,
		ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return a.dialAddr(ctx, network, addr)
		},
		DialTLSContext:         a.dialTLS,
		MaxResponseHeaderBytes: 256 << 10,
	}
}

func (a *attempt) dialAddr(ctx context.Context, network, addr string) (net.Conn, error) {
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, cannotError(fmt.Sprintf("%q is no port", service))
	}
	return a.dial(ctx, network, host, int(port))
}

func (a *attempt) dialTLS(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := a.dialAddr(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	secure := tls.Client(conn, &tls.Config{
		ServerName: host,
		NextProtos: []string{"h2", "http/1.1"},
		MinVersion: tls.VersionTLS12,
		// The chain is verified in VerifyConnection, which first notes when the
		// certificate expires, and says what is wrong in words.
		InsecureSkipVerify: true, //nolint:gosec // see above
		VerifyConnection:   func(cs tls.ConnectionState) error { return a.verify(cs, host) },
	})
	err = secure.HandshakeContext(ctx)
	a.note(func(r *Result) { r.Phases.TLS += time.Since(start) })
	if err != nil {
		conn.Close() //nolint:errcheck,gosec // the handshake's error is the news
		return nil, err
	}
	return secure, nil
}

func (a *attempt) redirect(req *http.Request, via []*http.Request) error {
	switch {
	case a.t.Redirects == NoRedirects:
		return http.ErrUseLastResponse
	case a.t.Redirects == SameHost && req.URL.Hostname() != via[0].URL.Hostname():
		return http.ErrUseLastResponse
	case len(via) >= mostRedirects:
		return sentencef("was redirected more than %d times, last to %s", mostRedirects, shown(req.URL))
	}
	return nil
}

// shown is a URL without what may be secret in it.
func shown(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

func (a *attempt) checkStatus(code int) error {
	allowed := a.t.Expect.Status
	if len(allowed) == 0 {
		allowed = anySuccess
	}
	if statusAllowed(code, allowed) {
		return nil
	}
	return sentencef("answered %d, expected %s", code, statusList(allowed))
}

func (a *attempt) checkBody(body []byte) error {
	cut := len(body) > bodyLimit
	if cut {
		body = body[:bodyLimit]
	}
	e := a.t.Expect
	where := "the body"
	if cut {
		where = "the first MiB of the body"
	}
	if e.BodyContains != "" && !bytes.Contains(body, []byte(e.BodyContains)) {
		return sentencef("%s does not contain %s", where, excerpt(e.BodyContains))
	}
	if e.BodyMatches != "" {
		re, err := regexp.Compile(e.BodyMatches)
		if err != nil {
			return cannotError("body_matches is no regular expression")
		}
		if !re.Match(body) {
			return sentencef("%s does not match %s", where, excerpt(e.BodyMatches))
		}
	}
	if e.JSON == nil {
		return nil
	}
	if cut {
		return sentence("the body is longer than 1 MiB, too long for a JSON condition")
	}
	return e.JSON.Check(body)
}

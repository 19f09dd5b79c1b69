package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// client asks a hub as a program with a token.
type client struct {
	hub, tokenFile string
	endless        bool // an answer has no end, or a late one
}

// flags adds what says which hub to ask, and as whom.
func (c *client) flags(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVar(&c.hub, "hub", cmp.Or(os.Getenv("VIGIE_HUB"), "http://127.0.0.1:8080"), "address of the hub's console; VIGIE_HUB says it too")
	cmd.PersistentFlags().StringVar(&c.tokenFile, "token-file", os.Getenv("VIGIE_TOKEN_FILE"), "file that holds the token; VIGIE_TOKEN_FILE says it too, and VIGIE_TOKEN holds a token itself")
}

func (c *client) token() (string, error) {
	if c.tokenFile == "" {
		if t := strings.TrimSpace(os.Getenv("VIGIE_TOKEN")); t != "" {
			return t, nil
		}
		return "", usage{errors.New("no token says who asks; write --token-file FILE, or set VIGIE_TOKEN_FILE or VIGIE_TOKEN")}
	}
	b, err := os.ReadFile(c.tokenFile)
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// refusal is an answer of the hub that says why not (RFC 9457).
type refusal struct {
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Status int    `json:"status"`
}

func (r refusal) Error() string {
	if r.Detail != "" {
		return r.Detail
	}
	return r.Title
}

// unreachable is a hub that did not answer; asking again may help.
type unreachable struct{ error }

// patience is how long an answer may take.
const patience = time.Minute

// open asks the hub and returns the body of its answer.
func (c *client) open(ctx context.Context, method, path string, query url.Values, body any) (io.ReadCloser, error) {
	base, err := url.Parse(c.hub)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, usage{fmt.Errorf("%q is no address of a hub; write one such as https://hub.example.net", c.hub)}
	}
	token, err := c.token()
	if err != nil {
		return nil, err
	}
	u := base.JoinPath(path)
	u.RawQuery = query.Encode()
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), content)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	hc := http.Client{
		Timeout: patience,
		// A token is for the hub that was named, not for where it may lead.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if c.endless {
		hc.Timeout = 0
	}
	res, err := hc.Do(req)
	if err != nil {
		return nil, unreachable{fmt.Errorf("the hub at %s does not answer: %w", c.hub, err)}
	}
	if res.StatusCode < 300 {
		return res.Body, nil
	}
	defer func() { _ = res.Body.Close() }()
	r := refusal{Status: res.StatusCode, Title: res.Status}
	if b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20)); err == nil {
		_ = json.Unmarshal(b, &r) // what is no problem+json comes from a proxy; the status says enough
	}
	if r.Status >= http.StatusInternalServerError {
		return nil, unreachable{fmt.Errorf("the hub at %s: %w", c.hub, r)}
	}
	return nil, r
}

// ask asks the hub and reads its answer into out, unless that is nil.
func (c *client) ask(ctx context.Context, method, path string, query url.Values, body, out any) error {
	r, err := c.open(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(r).Decode(out); err != nil {
		return unreachable{fmt.Errorf("the answer of the hub at %s cannot be read: %w", c.hub, err)}
	}
	return nil
}

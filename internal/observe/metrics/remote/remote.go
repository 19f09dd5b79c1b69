// Package remote stores and asks elsewhere: any engine that takes Prometheus
// remote write and answers Prometheus's HTTP API.
//
// Samples are forwarded while their sender waits: what the engine does not take
// is not acknowledged, so the agent keeps it in its spool and sends it again.
// The hub needs no queue and no log of its own, and loses nothing. Queries go to
// the engine as they are written; it evaluates them.
package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/prometheus/storage"
)

// Options say where the engine is.
type Options struct {
	WriteURL string // of remote write, such as http://vm:8428/api/v1/write
	QueryURL string // below which /api/v1/query lies, such as http://vm:8428
	Client   *http.Client
	Timeout  time.Duration // of one request, default 30 s
}

// Engine is a Prometheus-compatible engine elsewhere.
type Engine struct {
	write, query string
	client       *http.Client
	timeout      time.Duration
}

// New returns the engine. It is not asked anything yet.
func New(o Options) (*Engine, error) {
	for name, raw := range map[string]string{"write_url": o.WriteURL, "query_url": o.QueryURL} {
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("metrics.%s is %q; it must be an http or https address", name, raw)
		}
	}
	e := &Engine{write: o.WriteURL, query: strings.TrimRight(o.QueryURL, "/"), client: o.Client, timeout: o.Timeout}
	if e.client == nil {
		e.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute}}
	}
	if e.timeout == 0 {
		e.timeout = 30 * time.Second
	}
	return e, nil
}

// StatusError is an answer of the engine that is no success.
type StatusError struct {
	Status int
	Text   string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("the metrics engine answered %d: %s", e.Status, e.Text)
}

// Permanent says whether the same request would be refused again.
func (e *StatusError) Permanent() bool {
	return e.Status/100 == 4 && e.Status != http.StatusTooManyRequests && e.Status != http.StatusRequestTimeout &&
		e.Status != http.StatusUnauthorized && e.Status != http.StatusForbidden && e.Status != http.StatusNotFound
}

// maxError bounds how much of an engine's error text is kept.
const maxError = 512

func (e *Engine) do(req *http.Request) (*http.Response, error) {
	res, err := e.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("reach the metrics engine: %w", err)
	}
	if res.StatusCode/100 == 2 {
		return res, nil
	}
	defer func() { _ = res.Body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(res.Body, maxError))
	return nil, &StatusError{Status: res.StatusCode, Text: strings.TrimSpace(string(text))}
}

// ask calls one route of the HTTP API and decodes its data.
func (e *Engine) ask(ctx context.Context, path string, form url.Values, data any) error {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	method, body, target := http.MethodPost, io.Reader(strings.NewReader(form.Encode())), e.query+"/api/v1/"+path
	if strings.HasPrefix(path, "label/") { // the one route that is a GET only
		method, body, target = http.MethodGet, nil, target+"?"+form.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return fmt.Errorf("ask the metrics engine: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := e.do(req)
	if err != nil {
		return fmt.Errorf("query: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	var answer struct {
		Status string          `json:"status"`
		Data   json.RawMessage `json:"data"`
		Error  string          `json:"error"`
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return fmt.Errorf("read the metrics engine's answer: %w", err)
	}
	if answer.Status != "success" {
		return fmt.Errorf("the metrics engine could not answer: %s", answer.Error)
	}
	if err := json.Unmarshal(answer.Data, data); err != nil {
		return fmt.Errorf("read the metrics engine's answer: %w", err)
	}
	return nil
}

// post sends one remote write request.
func (e *Engine) post(ctx context.Context, packed []byte) error {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.write, bytes.NewReader(packed))
	if err != nil {
		return fmt.Errorf("write to the metrics engine: %w", err)
	}
	req.Header.Set("Content-Encoding", "snappy")
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
	res, err := e.do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, res.Body)
	return errors.Join(err, res.Body.Close())
}

// ChunkQuerier is refused: remote read goes to the engine itself.
func (e *Engine) ChunkQuerier(int64, int64) (storage.ChunkQuerier, error) {
	return nil, errors.New("the metrics lie in another engine; ask it directly for remote read")
}

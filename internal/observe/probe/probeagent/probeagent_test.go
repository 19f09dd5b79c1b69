package probeagent_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/probe/probeagent"
	"github.com/vigie-ops/vigie/internal/wire"
)

// emit runs the source and returns the channel of what it hands out.
func emit(t *testing.T, s *probeagent.Source, fail error) <-chan wire.ProbeResult {
	t.Helper()
	results := make(chan wire.ProbeResult, 1000)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- s.Run(ctx, func(kind string, payload []byte) error {
			if kind != wire.KindProbes {
				t.Errorf("kind %q, want %q", kind, wire.KindProbes)
			}
			var batch wire.ProbeResults
			if err := wire.Decode(bytes.NewReader(payload), 1<<20, &batch); err != nil {
				t.Errorf("what was emitted is no ProbeResults: %v", err)
			}
			for _, r := range batch.Results {
				results <- r
			}
			return fail
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return results
}

func target(id, kind, at string) wire.Target {
	return wire.Target{ID: id, Kind: kind, URL: at, Interval: wire.Duration(time.Second), Timeout: wire.Duration(time.Second)}
}

func page(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bad" {
			w.WriteHeader(http.StatusBadGateway)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func loopback(ip netip.Addr) bool { return ip.IsLoopback() }

func newSource() *probeagent.Source {
	return probeagent.New(probeagent.Options{Log: slog.New(slog.DiscardHandler)})
}

func TestTargetsAreProbedAndResultsEmitted(t *testing.T) {
	p := page(t)
	s := newSource()
	results := emit(t, s, nil)
	s.SetTargets([]wire.Target{target("good", "http", p.URL), target("bad", "http", p.URL+"/bad"), target("new", "smoke", p.URL)}, loopback)
	seen := map[string]wire.ProbeResult{}
	for len(seen) < 2 {
		r := <-results
		seen[r.Target] = r
	}
	if r := seen["good"]; !r.OK || r.Status != 200 || r.Duration <= 0 || r.Phases["connect"] <= 0 {
		t.Errorf("good: %+v", r)
	}
	if r := seen["bad"]; r.OK || r.Error != "answered 502, expected 200-299" {
		t.Errorf("bad: %+v", r)
	}
}

func TestNothingOutsideTheAllowedNetworksIsAsked(t *testing.T) {
	p := page(t)
	u, err := url.Parse(p.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	s := newSource()
	results := emit(t, s, nil)
	asked := make(chan netip.Addr, 100)
	outside := wire.Target{ID: "outside", Kind: "tcp", Host: "127.0.0.2", Port: port, Interval: wire.Duration(time.Second), Timeout: wire.Duration(time.Second)}
	s.SetTargets([]wire.Target{outside, target("inside", "http", p.URL)}, func(ip netip.Addr) bool {
		asked <- ip
		return ip == netip.MustParseAddr("127.0.0.1")
	})
	judged := map[string]bool{}
	for len(judged) < 2 {
		judged[(<-asked).String()] = true
	}
	for range 2 {
		if r := <-results; r.Target != "inside" {
			t.Errorf("a result of %s: %+v", r.Target, r)
		}
	}
	if got := s.Refused(); len(got) != 1 || got[0] != "outside" {
		t.Errorf("refused %v, want outside", got)
	}
	s.SetTargets(nil, loopback)
	if got := s.Refused(); len(got) != 0 {
		t.Errorf("refused %v after the target was taken away", got)
	}
}

func TestADiskThatTakesNothingDoesNotStopTheLooking(t *testing.T) {
	p := page(t)
	s := newSource()
	results := emit(t, s, errors.New("disk full"))
	s.SetTargets([]wire.Target{target("bad", "http", p.URL+"/bad")}, loopback)
	<-results
	<-results
}

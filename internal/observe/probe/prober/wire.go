package prober

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/wire"
)

// conditions is what a target says beyond where and how often, as it stands in
// the expect of a wire.Target.
type conditions struct {
	Method    string            `json:"method,omitempty"`
	Headers   map[string]string `json:"headers,omitempty"`
	Redirects Redirects         `json:"redirects,omitempty"`
	Record    string            `json:"record,omitempty"`
	Resolver  string            `json:"resolver,omitempty"`
	Family    Family            `json:"family,omitempty"`
	Expect
}

// ToWire writes the target as the hub hands it to an agent.
func ToWire(t Target) (wire.Target, error) {
	c, err := json.Marshal(conditions{t.Method, t.Headers, t.Redirects, t.Record, t.Resolver, t.Family, t.Expect})
	if err != nil {
		return wire.Target{}, fmt.Errorf("target %s: %w", t.ID, err)
	}
	return wire.Target{
		ID: t.ID, Kind: string(t.Kind), Name: t.ID, Host: t.Address, Port: t.Port, URL: t.URL,
		Interval: wire.Duration(t.Interval), Timeout: wire.Duration(t.timeout()), Expect: c,
	}, nil
}

// FromWire reads a target that a hub handed over.
func FromWire(w wire.Target) (Target, error) {
	var c conditions
	if len(w.Expect) > 0 {
		if err := json.Unmarshal(w.Expect, &c); err != nil {
			return Target{}, fmt.Errorf("target %s: expect: %w", w.ID, err)
		}
	}
	t := Target{
		ID: w.ID, Kind: Kind(w.Kind), URL: w.URL, Method: c.Method, Headers: c.Headers, Redirects: c.Redirects,
		Address: w.Host, Port: w.Port, Record: c.Record, Resolver: c.Resolver, Family: c.Family, Expect: c.Expect,
		Interval: w.Interval.Std(), Timeout: w.Timeout.Std(),
	}
	if err := t.Check(); err != nil {
		return Target{}, fmt.Errorf("target %s: %w", w.ID, err)
	}
	return t, nil
}

// ResultToWire writes the result of the target as an agent sends it. A result
// that is Unable is nothing to send: it says nothing about the target.
func ResultToWire(target string, r Result) wire.ProbeResult {
	w := wire.ProbeResult{
		Target: target, At: r.At, OK: r.OK, Error: r.Error, Duration: r.Duration.Seconds(),
		CertificateNotAfter: r.CertificateNotAfter, Status: r.Status,
	}
	for _, p := range r.Phases.List() {
		if w.Phases == nil {
			w.Phases = map[string]float64{}
		}
		w.Phases[p.Name] = p.Took.Seconds()
	}
	return w
}

// ResultFromWire reads the result that an agent sent.
func ResultFromWire(w wire.ProbeResult) Result {
	phase := func(name string) time.Duration { return seconds(w.Phases[name]) }
	return Result{
		OK: w.OK, Error: strings.ReplaceAll(strings.ToValidUTF8(w.Error, "\uFFFD"), "\x00", "\uFFFD"), At: w.At.UTC(), Duration: seconds(w.Duration), Status: w.Status,
		CertificateNotAfter: w.CertificateNotAfter,
		Phases: Phases{
			DNS: phase("dns"), Connect: phase("connect"), TLS: phase("tls"),
			FirstByte: phase("first_byte"), Transfer: phase("transfer"),
		},
	}
}

// seconds reads a number of an outsider; an hour is longer than any probe.
func seconds(s float64) time.Duration {
	return time.Duration(min(max(s, 0), 3600) * float64(time.Second))
}

package prober_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
	"github.com/vigie-ops/vigie/internal/wire"
)

func TestTargetsSurviveTheWire(t *testing.T) {
	for _, want := range []prober.Target{
		{ID: "borealis-status", Kind: prober.HTTP, URL: "https://borealis.example/health", Method: "HEAD",
			Headers: map[string]string{"Accept": "text/plain"}, Redirects: prober.NoRedirects, Family: prober.IPv4,
			Interval: 30 * time.Second, Timeout: 5 * time.Second,
			Expect: prober.Expect{Status: []prober.StatusRange{{From: 200, To: 204}}, BodyContains: "ok", BodyMatches: "^o",
				JSON: &prober.JSONCondition{Path: "a", Equals: "b"}, AnyCertificate: true}},
		{ID: "app-1:22", Kind: prober.TCP, Address: "192.0.2.1", Port: 22, Interval: time.Second, Timeout: time.Second},
		{ID: "name", Kind: prober.DNS, Address: "borealis.example", Record: "MX", Resolver: "192.0.2.53", Interval: time.Minute, Timeout: time.Second,
			Expect: prober.Expect{Values: []string{"10 mail"}}},
	} {
		w, err := prober.ToWire(want)
		if err != nil {
			t.Fatal(err)
		}
		if err := (&wire.Targets{Targets: []wire.Target{w}}).Check(); err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		var back wire.Target
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		got, err := prober.FromWire(back)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the target changed (-want +got):\n%s", diff)
		}
	}
}

func TestATargetOfTheWireIsChecked(t *testing.T) {
	for _, w := range []wire.Target{
		{ID: "a", Kind: "smoke", Host: "a"},
		{ID: "a", Kind: "tcp", Host: "a", Port: 1, Expect: json.RawMessage(`[`)},
		{ID: "a", Kind: "http", URL: "http://a", Expect: json.RawMessage(`{"status":["20"]}`)},
	} {
		if got, err := prober.FromWire(w); err == nil {
			t.Errorf("%+v was taken as %+v", w, got)
		}
	}
}

func TestResultsSurviveTheWire(t *testing.T) {
	want := prober.Result{
		OK: false, Error: "answered 502, expected 200", At: time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC),
		Duration: 125 * time.Millisecond, Status: 502, CertificateNotAfter: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
		Phases: prober.Phases{DNS: 1e6, Connect: 2e6, TLS: 3e6, FirstByte: 4e6, Transfer: 5e6},
	}
	w := prober.ResultToWire("borealis-status", want)
	if err := (&wire.ProbeResults{Results: []wire.ProbeResult{w}}).Check(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, prober.ResultFromWire(w), cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) }),
		cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "Address" }, cmp.Ignore())); diff != "" {
		t.Errorf("the result changed (-want +got):\n%s", diff)
	}
}

func TestAResultOfAnAgentHoldsNothingThatNoDatabaseTakes(t *testing.T) {
	got := prober.ResultFromWire(wire.ProbeResult{Error: "reset\x00 by \xff peer"})
	if got.Error != "reset\uFFFD by \uFFFD peer" {
		t.Errorf("error = %q", got.Error)
	}
}

package wire_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/wire"
)

// messages returns an empty message of every type that has recorded examples,
// by the name of its file.
func messages() map[string]func() wire.Message {
	all := map[string]func() wire.Message{
		"enrol_request":    func() wire.Message { return &wire.EnrolRequest{} },
		"enrol_response":   func() wire.Message { return &wire.EnrolResponse{} },
		"renew_request":    func() wire.Message { return &wire.RenewRequest{} },
		"renew_response":   func() wire.Message { return &wire.RenewResponse{} },
		"heartbeat":        func() wire.Message { return &wire.Heartbeat{} },
		"heartbeat_answer": func() wire.Message { return &wire.HeartbeatAnswer{} },
		"targets":          func() wire.Message { return &wire.Targets{} },
		"probe_results":    func() wire.Message { return &wire.ProbeResults{} },
		"error":            func() wire.Message { return &wire.Error{} },
	}
	for kind := range wire.FactKinds() {
		all["facts_"+kind] = func() wire.Message { return &wire.Facts{} }
	}
	return all
}

// TestEveryVersionIsStillRead reads what agents and hubs of every version
// sent. Recorded examples never change; a new version gets a new folder.
func TestEveryVersionIsStillRead(t *testing.T) {
	files, err := filepath.Glob("testdata/v*/*.json")
	if err != nil {
		t.Fatal(err)
	}
	missing := messages()
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		empty, ok := messages()[name]
		if !ok {
			t.Errorf("%s: no message has that name any more", file)
			continue
		}
		if filepath.Base(filepath.Dir(file)) == "v"+string(rune('0'+wire.Version)) {
			delete(missing, name)
		}
		m := empty()
		if err := wire.Decode(bytes.NewReader(b), 1<<20, m); err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		again, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(generic(t, b), generic(t, again)); d != "" {
			t.Errorf("%s loses something when it is read (-recorded +read):\n%s", file, d)
		}
	}
	for name := range missing {
		t.Errorf("testdata/v%d has no %s.json", wire.Version, name)
	}
}

// TestFactBodiesLoseNothing reads the bodies of recorded facts into their types.
func TestFactBodiesLoseNothing(t *testing.T) {
	for kind, body := range wire.FactKinds() {
		b, err := os.ReadFile("testdata/v1/facts_" + kind + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var f wire.Facts
		if err := json.Unmarshal(b, &f); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(f.Body, body); err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(generic(t, f.Body), generic(t, again)); d != "" {
			t.Errorf("%s (-recorded +read):\n%s", kind, d)
		}
	}
}

func generic(t *testing.T, b []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestTooLargeBodiesAreRefused(t *testing.T) {
	body := `{"version":1,"now":"2026-01-01T00:00:00Z"}`
	var m wire.HeartbeatAnswer
	if err := wire.Decode(strings.NewReader(body), int64(len(body)), &m); err != nil {
		t.Errorf("a body of exactly the limit: %v", err)
	}
	if err := wire.Decode(strings.NewReader(body), int64(len(body))-1, &m); !errors.Is(err, wire.ErrTooLarge) {
		t.Errorf("a body of one byte more: %v, want ErrTooLarge", err)
	}
}

func TestUnknownFieldsAreReadOver(t *testing.T) {
	var m wire.HeartbeatAnswer
	if err := wire.Decode(strings.NewReader(`{"version":9,"now":"2026-01-01T00:00:00Z","later":{"x":1}}`), 1000, &m); err != nil {
		t.Error(err)
	}
}

func TestWrongMessagesAreRefused(t *testing.T) {
	now := time.Now()
	target := wire.Target{ID: "a", Kind: "tcp", Host: "h", Interval: 1, Timeout: 1}
	result := wire.ProbeResult{Target: "a", At: now}
	body := json.RawMessage(`{"ports":[]}`)
	for name, m := range map[string]wire.Message{
		"no token":           &wire.EnrolRequest{Version: 1, CSR: "x"},
		"no csr":             &wire.RenewRequest{Version: 1},
		"no version":         &wire.Heartbeat{Sent: now},
		"no time":            &wire.Heartbeat{Version: 1},
		"negative spool":     &wire.Heartbeat{Version: 1, Sent: now, SpoolBytes: -1},
		"nameless collector": &wire.Heartbeat{Version: 1, Sent: now, Unavailable: []wire.Unavailable{{Reason: "x"}}},
		"wrong hash":         &wire.Facts{Kind: wire.FactPorts, At: now, Hash: "0", Body: body},
		"wrong body":         &wire.Facts{Kind: wire.FactOS, At: now, Hash: wire.HashBody(json.RawMessage(`{"cpus":"many"}`)), Body: json.RawMessage(`{"cpus":"many"}`)},
		"same id twice":      &wire.Targets{Targets: []wire.Target{target, target}},
		"no host":            &wire.Targets{Targets: []wire.Target{{ID: "a", Kind: "tcp", Interval: 1, Timeout: 1}}},
		"no interval":        &wire.Targets{Targets: []wire.Target{{ID: "a", Kind: "tcp", Host: "h", Timeout: 1}}},
		"high port":          &wire.Targets{Targets: []wire.Target{{ID: "a", Kind: "tcp", Host: "h", Port: 70000, Interval: 1, Timeout: 1}}},
		"no target":          &wire.ProbeResults{Results: []wire.ProbeResult{{At: now}}},
		"negative duration":  &wire.ProbeResults{Results: []wire.ProbeResult{{Target: "a", At: now, Duration: -1}}},
		"no code":            &wire.Error{},
	} {
		if m.Check() == nil {
			t.Errorf("%s: was taken", name)
		}
	}
	for name, m := range map[string]wire.Message{
		"target":       &wire.Targets{Targets: []wire.Target{target}},
		"result":       &wire.ProbeResults{Results: []wire.ProbeResult{result}},
		"unknown fact": &wire.Facts{Kind: "of tomorrow", At: now, Hash: wire.HashBody(body), Body: body},
	} {
		if err := m.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTokens(t *testing.T) {
	in := wire.Token{Server: "app-07", Secret: "tide", Fingerprint: strings.Repeat("ab", 32)}
	got, err := wire.ParseToken(" " + in.String() + "\n")
	if err != nil || got != in {
		t.Errorf("%v, %v", got, err)
	}
	if strings.Contains(in.LogValue().String(), "tide") {
		t.Error("the secret of a token is in a log")
	}
	for _, s := range []string{"", "x", "vigie1.a.b", "vigie1.a.b.xyz", "vigie2.a.b." + in.Fingerprint, "vigie1..b." + in.Fingerprint, "vigie1.a.b." + in.Fingerprint[2:]} {
		if _, err := wire.ParseToken(s); !errors.Is(err, wire.ErrToken) {
			t.Errorf("%q: %v, want ErrToken", s, err)
		}
	}
}

func TestADurationHasAUnit(t *testing.T) {
	for in, ok := range map[string]bool{`"30s"`: true, `"1h5m"`: true, `30`: false, `"30"`: false, `"soon"`: false} {
		var d wire.Duration
		if err := json.Unmarshal([]byte(in), &d); (err == nil) != ok {
			t.Errorf("%s: %v", in, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/v*/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for name, empty := range messages() {
			m := empty()
			if wire.Decode(bytes.NewReader(b), 64<<10, m) != nil {
				continue
			}
			again, err := json.Marshal(m)
			if err != nil {
				t.Fatalf("%s was taken and cannot be sent on: %v", name, err)
			}
			if err := wire.Decode(bytes.NewReader(again), 1<<20, empty()); err != nil {
				t.Fatalf("%s was taken once and not again: %v", name, err)
			}
		}
	})
}

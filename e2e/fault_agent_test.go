package e2e_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// interval is how often the agents of the stories collect.
const interval = 5 * time.Second

// TestAnAgentDeliversWhatItSawWhileTheHubWasAway stops the hub for several
// intervals of a running agent; afterwards no sample of that time is missing.
// (An hour of it, on a clock of its own, is a test of internal/agent.)
func TestAnAgentDeliversWhatItSawWhileTheHubWasAway(t *testing.T) {
	t.Parallel()
	h := startHub(t, hubOptions{operations: watchCompany("25")})
	startAgent(t, h, "app-01")
	h.waitSamples("app-01", 2)
	h.stop()
	<-time.After(4 * interval)
	back := time.Now()
	h.restart()
	within(t, 45*time.Second, "samples of after the gap", func() error {
		at := h.sampleTimes("app-01")
		if len(at) == 0 || at[len(at)-1].Before(back.Add(interval)) {
			return errNotYet
		}
		return nil
	})
	at := h.sampleTimes("app-01")
	missed := 0
	for i := 1; i < len(at); i++ {
		if step := at[i].Sub(at[i-1]); step > interval*3/2 || step <= 0 {
			t.Errorf("after the sample of %v comes the one of %v", at[i-1], at[i])
		}
		missed += count(at[i].After(back.Add(-4*interval)) && at[i].Before(back))
	}
	if missed < 3 {
		t.Errorf("%d samples of the %v without a hub are there", missed, 4*interval)
	}
	t.Logf("%d samples, %d of them of the time without a hub, none missing, none twice", len(at), missed)
}

// waitSamples waits until the hub has n samples of a server.
func (h *hub) waitSamples(server string, n int) {
	h.t.Helper()
	within(h.t, 60*time.Second, "samples of "+server, func() error {
		if got := len(h.sampleTimes(server)); got < n {
			return fmt.Errorf("%d samples", got)
		}
		return nil
	})
}

// sampleTimes is when the agent of a server was up, as the hub keeps it.
func (h *hub) sampleTimes(server string) []time.Time {
	h.t.Helper()
	var r struct {
		Data struct{ Result []struct{ Values [][2]any } }
	}
	if err := h.get("/api/v1/query?query="+url.QueryEscape(`up{job="node",server="`+server+`"}[10m]`), &r); err != nil {
		return nil
	}
	var at []time.Time
	for _, series := range r.Data.Result {
		for _, v := range series.Values {
			at = append(at, time.UnixMilli(int64(v[0].(float64)*1000+0.5)))
		}
	}
	return at
}

// impostor speaks to the agents' listener with the certificate of an agent.
func (a *agent) impostor() *http.Client {
	a.t.Helper()
	dir := filepath.Join(a.data, "hubs", "main")
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, "identity.pem"), filepath.Join(dir, "identity.pem"))
	if err != nil {
		a.t.Fatal(err)
	}
	ca, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil {
		a.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: roots, MinVersion: tls.VersionTLS13},
	}}
}

// TestAnAgentThatClaimsToBeAnother sends, with the certificate of app-01, what
// says it is of app-02. The certificate counts.
func TestAnAgentThatClaimsToBeAnother(t *testing.T) {
	t.Parallel()
	h := startHub(t, hubOptions{operations: watchCompany("25")})
	a := startAgent(t, h, "app-01")
	h.waitSamples("app-01", 1)
	a.stop()
	as := a.impostor()
	body := remoteWrite(map[string]string{"__name__": "claimed", "job": "node", "server": "app-02", "instance": "app-02"}, 7, time.Now())
	if err := postWrite(as, h.endpoints.Agents+"/api/v1/write", "", body); err != nil {
		t.Fatal(err)
	}
	if v, err := h.metric(`claimed{server="app-01",instance="app-01"}`); err != nil || v != "7" {
		t.Errorf("the sample is not stored for the server of the certificate: %q %v", v, err)
	}
	if v, err := h.metric(`claimed{server="app-02"} or claimed{instance="app-02"}`); err == nil {
		t.Errorf("the sample is stored for the server that was claimed: %q", v)
	}
	_, page, err := h.call("GET", "/metrics/hub", nil)
	if want := `vigie_overwritten_labels_total{label="server",server="app-01"} 1`; err != nil || !strings.Contains(string(page), want) {
		t.Errorf("/metrics/hub does not say %s (%v)", want, err)
	}

	os := `{"name":"Claimed","id":"claimed","server":"app-02"}`
	sum := sha256.Sum256([]byte(os))
	facts := `{"kind":"os","server":"app-02","at":"` + time.Now().UTC().Format(time.RFC3339) + `","hash":"` + hex.EncodeToString(sum[:]) + `","body":` + os + `}`
	status, answer := say(t, as, h.endpoints.Agents+"/agent/v1/facts?server=app-02", facts)
	t.Logf("facts with another's name are answered %d %s", status, answer)
	beat := `{"version":1,"server":"app-02","sent":"` + time.Now().UTC().Format(time.RFC3339Nano) + `","started":"` + time.Now().UTC().Format(time.RFC3339) + `","boot":"b","spool_bytes":0}`
	status, answer = say(t, as, h.endpoints.Agents+"/agent/v1/heartbeat?server=app-02", beat)
	t.Logf("a heartbeat with another's name is answered %d %s", status, answer)
	servers, err := list[struct {
		Slug    string
		HeardAt *time.Time `json:"heard_at"`
	}](h.demo, "/api/vigie/v1/servers")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range servers {
		if heard := s.HeardAt != nil; heard != (s.Slug == "app-01") {
			t.Errorf("%s was heard: %v", s.Slug, heard)
		}
	}
	if status, page, err := h.call("GET", "/servers/app-02", nil); err != nil || status != http.StatusOK || bytes.Contains(page, []byte("Claimed")) {
		t.Errorf("the page of app-02 answers %d %v and shows what another claimed: %v", status, err, bytes.Contains(page, []byte("Claimed")))
	}
}

// say posts JSON and returns the answer.
func say(t *testing.T, c *http.Client, url, body string) (int, string) {
	t.Helper()
	resp, err := c.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// TestARevokedAgentIsRefusedAndStops takes a server's certificate back. Its
// agent says so and sends nothing more, until the server is enrolled again.
func TestARevokedAgentIsRefusedAndStops(t *testing.T) {
	t.Parallel()
	h := startHub(t, hubOptions{operations: watchCompany("25")})
	a := startAgent(t, h, "app-01")
	h.waitSamples("app-01", 2)
	as := a.impostor()
	if _, _, err := once("POST", h.endpoints.Console+"/servers/app-01/revoke", h.token, asForm, []byte("reason=the+server+was+stolen")); err != nil {
		t.Fatalf("revoke: %v", err)
	}
	within(t, 20*time.Second, "the agent says that it is revoked", func() error {
		if !strings.Contains(a.out.String(), "revoked this server's certificate") {
			return errNotYet
		}
		return nil
	})
	status, answer := say(t, as, h.endpoints.Agents+"/agent/v1/heartbeat", `{"version":1}`)
	var problem struct{ Code string }
	if err := json.Unmarshal([]byte(answer), &problem); err != nil || status != http.StatusForbidden || problem.Code != "revoked" {
		t.Errorf("a revoked certificate is answered %d %s, want 403 and the code revoked", status, answer)
	}
	before := h.sampleTimes("app-01")
	<-time.After(2 * interval)
	a.alive()
	if after := h.sampleTimes("app-01"); !slices.Equal(before, after) {
		t.Errorf("a revoked agent sent %d samples", len(after)-len(before))
	}
	token := must(t, "", binary(t), "agent", "token", "app-01", "--config", h.file)
	must(t, token, binary(t), "agent", "enrol", "--config", a.file)
	began := time.Now()
	within(t, 45*time.Second, "enrolled again, it delivers what it kept", func() error {
		at := h.sampleTimes("app-01")
		if len(at) <= len(before)+2 {
			return errNotYet
		}
		return nil
	})
	at := h.sampleTimes("app-01")
	for i := 1; i < len(at); i++ {
		if at[i].Sub(at[i-1]) > interval*3/2 {
			t.Errorf("samples between %v and %v are missing", at[i-1], at[i])
		}
	}
	t.Logf("enrolled again, it delivers after %v; no sample is missing", time.Since(began).Round(100*time.Millisecond))
}

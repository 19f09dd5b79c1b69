package webhook_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/lib/secret"
	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/respond/notify"
	"github.com/vigie-ops/vigie/internal/respond/notify/webhook"
)

func message() notify.Message {
	return notify.Message{ID: "01JDELIVERY", Kind: notify.KindFiring, GroupKey: "g", Total: 2, Base: "https://vigie.example.com",
		Issue: &notify.IssueRef{ID: "01JISSUE", Number: 7},
		Alerts: []notify.Item{
			{ID: "a", State: alert.Firing, Labels: map[string]string{"alertname": "DiskFull", "server": "db-03"}},
			{ID: "b", State: alert.Resolved, Labels: map[string]string{"alertname": "DiskFull", "server": "db-04"}},
		}}
}

func TestTheReceiverCanTellThatItIsUs(t *testing.T) {
	t.Setenv("HOOK_SECRET", "shared")
	got := make(chan *http.Request, 1)
	var body []byte
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		got <- r
	}))
	defer s.Close()
	ch, err := webhook.New(context.Background(), notify.Config{URL: notify.URL{Text: s.URL}, Secret: secret.Ref{Env: "HOOK_SECRET"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := ch.Send(context.Background(), message()); err != nil {
		t.Fatal(err)
	}
	r := <-got
	if r.Header.Get("Idempotency-Key") != "01JDELIVERY" {
		t.Errorf("idempotency key %q", r.Header.Get("Idempotency-Key"))
	}
	at, _, _ := strings.Cut(strings.TrimPrefix(r.Header.Get(webhook.SignatureHeader), "t="), ",")
	seconds, err := json.Number(at).Int64()
	if err != nil || webhook.Sign([]byte("shared"), time.Unix(seconds, 0), body) != r.Header.Get(webhook.SignatureHeader) {
		t.Errorf("signature %q is not ours: %v", r.Header.Get(webhook.SignatureHeader), err)
	}
	var p webhook.Payload
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatal(err)
	}
	if p.Version != "4" || p.Status != "firing" || len(p.Alerts) != 2 || p.CommonLabels["alertname"] != "DiskFull" || p.CommonLabels["server"] != "" || p.Vigie.Issue.Number != 7 {
		t.Errorf("payload %+v", p)
	}
}

func TestWhatAnAnswerMeans(t *testing.T) {
	status := http.StatusOK
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", elsewhere.URL)
		w.WriteHeader(status)
	}))
	defer s.Close()
	ch, err := webhook.New(context.Background(), notify.Config{URL: notify.URL{Text: s.URL}})
	if err != nil {
		t.Fatal(err)
	}
	f := func(code int, ok, final, broken bool) {
		t.Helper()
		status = code
		err := ch.Send(context.Background(), message())
		if (err == nil) != ok || notify.IsPermanent(err) != final || notify.IsBroken(err) != broken {
			t.Errorf("%d: %v, final %v, broken %v", code, err, notify.IsPermanent(err), notify.IsBroken(err))
		}
	}
	f(200, true, false, false)
	f(202, true, false, false)
	f(400, false, true, false)
	f(413, false, true, false)
	f(422, false, true, false)
	// Somebody will mend the address or the credentials; the page is sent then.
	f(302, false, false, true)
	f(307, false, false, true)
	f(401, false, false, true)
	f(403, false, false, true)
	f(404, false, false, true)
	f(405, false, false, true)
	f(410, false, false, true)
	f(429, false, false, false)
	f(500, false, false, false)
	f(503, false, false, false)
	s.Close()
	if err := ch.Send(context.Background(), message()); err == nil || notify.IsPermanent(err) {
		t.Errorf("nobody listens: %v", err)
	}
}

func TestNoMetadataServiceIsAsked(t *testing.T) {
	for _, url := range []string{"http://169.254.169.254/latest/meta-data", "http://[fe80::1]/", "http://[fd00:ec2::254]/latest"} {
		ch, err := webhook.New(context.Background(), notify.Config{URL: notify.URL{Text: url}})
		if err != nil {
			t.Fatal(err)
		}
		if err := ch.Send(context.Background(), message()); !notify.IsBroken(err) || !strings.Contains(err.Error(), "link-local") {
			t.Errorf("%s: %v, want it refused", url, err)
		}
	}
}

func TestTheSecretAddressIsNotInErrors(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "nothing at "+r.RequestURI, http.StatusNotFound)
	}))
	for _, what := range []string{"answered", "gone"} {
		ch, err := webhook.New(context.Background(), notify.Config{URL: notify.URL{Text: s.URL + "/hooks/verysecret?token=alsosecret"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := ch.Send(context.Background(), message()); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", what, err)
		}
		s.Close()
	}
}

package amapi_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/respond/alert/alertweb/amapi"
)

func serve(t *testing.T, d *db.DB) (*alert.Board, *httptest.Server) {
	t.Helper()
	b := alert.New(alert.Options{DB: d, Log: slog.New(slog.DiscardHandler)})
	s := httptest.NewServer(amapi.New(b, amapi.Options{Log: slog.New(slog.DiscardHandler), Version: "test"}))
	t.Cleanup(s.Close)
	return b, s
}

// amtool runs the real one.
func amtool(t *testing.T, url string, args ...string) string {
	t.Helper()
	out, err := exec.Command("amtool", append([]string{"--no-version-check", "--alertmanager.url=" + url}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("amtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestAmtoolWorks(t *testing.T) {
	dbtest.Each(t, []db.Schema{alert.Tables}, func(t *testing.T, d *db.DB) {
		b, s := serve(t, d)
		amtool(t, s.URL, "alert", "add", "DiskFull", "server=db-03", "severity=critical", "--annotation=summary=Disk of db-03 is full")
		if out := amtool(t, s.URL, "alert", "query"); !strings.Contains(out, "DiskFull") || !strings.Contains(out, "active") {
			t.Errorf("alert query: %s", out)
		}
		page, err := b.List(context.Background(), alert.Filter{State: "open", Server: "db-03"})
		if err != nil || len(page.Items) != 1 || page.Items[0].Detector != amapi.Detector || page.Items[0].Until.IsZero() {
			t.Fatalf("the board has %+v, %v", page.Items, err)
		}
		id := strings.TrimSpace(amtool(t, s.URL, "silence", "add", "server=~db-.*", "--comment=moving racks", "--author=nadia", "--duration=1h"))
		if out := amtool(t, s.URL, "silence", "query"); !strings.Contains(out, id) || !strings.Contains(out, "moving racks") {
			t.Errorf("silence query: %s", out)
		}
		if out := amtool(t, s.URL, "alert", "query", "--silenced"); !strings.Contains(out, "suppressed") {
			t.Errorf("alert query --silenced: %s", out)
		}
		amtool(t, s.URL, "silence", "expire", id)
		if out := amtool(t, s.URL, "silence", "query"); strings.Contains(out, id) {
			t.Errorf("the silence is still there: %s", out)
		}
		amtool(t, s.URL, "silence", "query", "--expired")
		amtool(t, s.URL, "config", "show")
	})
}

func TestPostedAlertsAreCheckedAndTheValidOnesTaken(t *testing.T) {
	d := dbtest.Open(t, dbtest.SQLite(t), alert.Tables)
	b, s := serve(t, d)
	post := func(path, body string) (int, string) {
		t.Helper()
		res, err := http.Post(s.URL+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		said, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(said)
	}
	f := func(path, body string, status int, says string) {
		t.Helper()
		if got, said := post(path, body); got != status || !strings.Contains(said, says) {
			t.Errorf("%s: %d %q, want %d and %q", body, got, said, status, says)
		}
	}
	f("/api/v2/alerts", `{`, 400, "parsing body")
	f("/api/v2/alerts", `[{}]`, 422, "labels")
	f("/api/v2/alerts", `[null]`, 400, "null")
	f("/api/v2/alerts", `[{"labels":{}},{"labels":{"alertname":"Taken"}}]`, 400, "at least one label pair required")
	f("/api/v2/alerts", `[{"labels":{"alertname":"X"},"startsAt":"2026-03-02T03:00:00Z","endsAt":"2026-03-02T02:00:00Z"}]`, 400, "start time must be before end time")
	end := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	silence := func(matchers, ends, comment string) string {
		return `{"matchers":` + matchers + `,"startsAt":"2026-03-02T03:00:00Z","endsAt":"` + ends + `","createdBy":"nadia","comment":"` + comment + `"}`
	}
	f("/api/v2/silences", silence(`[{"name":"a","value":"b","isRegex":false}]`, end, ""), 400, "reason")
	f("/api/v2/silences", silence(`[{"name":"a","value":"(","isRegex":true}]`, end, "x"), 400, "bad matcher")
	f("/api/v2/silences", silence(`[{"name":"a","value":".*","isRegex":true}]`, end, "x"), 400, "everything")
	f("/api/v2/silences", silence(`[{"name":"a","value":"b","isRegex":false}]`, "2026-03-02T02:00:00Z", "x"), 400, "before its end")
	f("/api/v2/silences", silence(`[]`, end, "x"), 422, "matchers")
	page, err := b.List(context.Background(), alert.Filter{State: "open"})
	if err != nil || len(page.Items) != 1 || page.Items[0].Name != "Taken" {
		t.Errorf("the board has %+v, %v; want the valid alert alone", page.Items, err)
	}
	res, err := http.Get(s.URL + "/api/v2/alerts/groups?filter=alertname%3DTaken")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var groups []struct {
		Receiver struct{ Name string }
		Alerts   []struct{ Fingerprint string }
	}
	if err := json.NewDecoder(res.Body).Decode(&groups); err != nil || len(groups) != 1 || groups[0].Receiver.Name != "nobody" || len(groups[0].Alerts) != 1 {
		t.Errorf("groups %+v, %v", groups, err)
	}
}

func TestAMatcherThatIsNullIsRefused(t *testing.T) {
	dbtest.Each(t, []db.Schema{alert.Tables}, func(t *testing.T, d *db.DB) {
		_, s := serve(t, d)
		const body = `{"matchers":[null],"startsAt":"2026-01-01T00:00:00Z","endsAt":"2126-01-01T00:00:00Z","createdBy":"x","comment":"y"}`
		resp, err := http.Post(s.URL+"/api/v2/silences", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("it is answered %s", resp.Status)
		}
	})
}

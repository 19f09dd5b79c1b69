package ui_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/ui"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestParseRange(t *testing.T) {
	f := func(query string, from, to time.Time, key string) {
		t.Helper()
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		got := ui.ParseRange(q, noon, "1d")
		if want := (ui.Range{From: from, To: to, Key: key}); !got.From.Equal(want.From) || !got.To.Equal(want.To) || got.Key != want.Key {
			t.Errorf("%q = %+v, want %+v", query, got, want)
		}
	}
	f("", noon.Add(-day), noon, "1d")
	f("range=7d", noon.Add(-7*day), noon, "7d")
	f("range=99y", noon.Add(-day), noon, "1d")
	f("from=1000&to=61000", time.Unix(1, 0), time.Unix(61, 0), "")
	f("from=61000&to=1000", noon.Add(-day), noon, "1d")
	f("from=1000", noon.Add(-day), noon, "1d")
	f("from=1&to=9223372036854775807", noon.Add(-day), noon, "1d")
}

func TestStepGivesAboutSoManyPoints(t *testing.T) {
	r := ui.ParseRange(url.Values{}, noon, "4h")
	if got, want := r.Step(240), time.Minute; got != want {
		t.Errorf("Step = %s, want %s", got, want)
	}
	if got, want := r.Step(1_000_000), time.Second; got != want {
		t.Errorf("Step = %s, want %s", got, want)
	}
}

func TestZoneIsTheReadersOrUTC(t *testing.T) {
	for cookie, want := range map[string]string{"": "UTC", "Europe/Paris": "Europe/Paris", "Local": "UTC", "../etc/passwd": "UTC", "Mars/Olympus": "UTC"} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.AddCookie(&http.Cookie{Name: "zone", Value: cookie})
		if got := ui.ZoneOf(r).String(); got != want {
			t.Errorf("the zone of %q is %s, want %s", cookie, got, want)
		}
	}
	if got := ui.ZoneOf(httptest.NewRequest(http.MethodGet, "/", nil)).String(); got != "UTC" {
		t.Errorf("without a cookie the zone is %s, want UTC", got)
	}
}

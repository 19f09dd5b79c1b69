package probe

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/signal"
)

func TestAnOutageIsKeptReportedAndResolved(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, w *world) {
		s := open(t, d, w, nil, pagePlan())
		now := time.Now().UTC().Truncate(time.Millisecond)
		look(t, s, now)
		want(t, "a good page", w.heard(), nil)
		w.set("borealis-page", "answered 502, expected 200")
		look(t, s, now.Add(10*time.Second))
		want(t, "one bad answer", w.heard(), nil)
		look(t, s, now.Add(20*time.Second))
		sig := w.signals[0]
		want(t, "two bad answers", w.heard(), []string{"firing StatusPageNotOK critical"})
		if got := sig.Annotations[signal.Summary]; got != "Status page of borealis answers 502" {
			t.Errorf("summary %q", got)
		}
		if diff := cmp.Diff(map[string]string{"alertname": "StatusPageNotOK", "severity": "critical", "app_instance": "borealis",
			"client": "borealis", "probe": "borealis-page"}, sig.Labels); diff != "" {
			t.Errorf("labels (-want +got):\n%s", diff)
		}
		look(t, s, now.Add(30*time.Second))
		want(t, "still bad", w.heard(), nil)
		w.set("borealis-page", "")
		look(t, s, now.Add(40*time.Second))
		look(t, s, now.Add(50*time.Second))
		want(t, "good again", w.heard(), []string{"resolved StatusPageNotOK critical"})

		got, err := s.Outages(t.Context(), Filter{Subject: pagePlan().Subject})
		if err != nil || len(got) != 1 {
			t.Fatalf("outages %+v, %v; want one", got, err)
		}
		o := got[0]
		if !o.StartedAt.Equal(now.Add(10*time.Second)) || !o.EndedAt.Equal(now.Add(40*time.Second)) ||
			o.Cause != "answered 502, expected 200" || !slices.Equal(o.Places, []string{Hub}) || o.Component != "web" {
			t.Errorf("outage %+v", o)
		}
		if none, err := s.Outages(t.Context(), Filter{Open: true}); err != nil || len(none) != 0 {
			t.Errorf("open outages %+v, %v", none, err)
		}
	})
}

func TestAnOpenOutageSurvivesARestart(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, w *world) {
		s := open(t, d, w, nil, pagePlan())
		now := time.Now()
		w.set("borealis-page", "answered 502, expected 200")
		look(t, s, now)
		look(t, s, now.Add(10*time.Second))
		want(t, "before", w.heard(), []string{"firing StatusPageNotOK critical"})

		s = open(t, d, w, nil, pagePlan())
		settle(t, s)
		want(t, "reported again after the start", w.heard(), []string{"firing StatusPageNotOK critical"})
		if st := s.Status(pagePlan().Subject)[0]; st.State != Down || st.Since.Sub(now).Abs() > time.Second {
			t.Errorf("status %+v, want down since before", st)
		}
		look(t, s, now.Add(20*time.Second))
		want(t, "still bad", w.heard(), nil)
		w.set("borealis-page", "")
		look(t, s, now.Add(30*time.Second))
		look(t, s, now.Add(40*time.Second))
		want(t, "good", w.heard(), []string{"resolved StatusPageNotOK critical"})
	})
}

func TestTheServiceRuns(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, w *world) {
		p := pagePlan()
		p.Target.Interval = 20 * time.Millisecond
		w.set(p.Slug, "answered 502, expected 200")
		s := New(Options{DB: d, Prober: w, Sink: w, Samples: w, Log: slog.New(slog.DiscardHandler)})
		reload(t, s, p)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		<-w.changed
		want(t, "broken", w.heard(), []string{"firing StatusPageNotOK critical"})
		w.set(p.Slug, "")
		<-w.changed
		want(t, "mended", w.heard(), []string{"resolved StatusPageNotOK critical"})
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		s.flush(t.Context())
		series := map[string]bool{}
		for _, x := range w.samples {
			series[x.Name+" "+x.Labels[LabelPhase]] = true
			if x.Labels[LabelPlace] != Hub || x.Labels[LabelProbe] != p.Slug || x.Labels[signal.LabelAppInstance] != "borealis" {
				t.Fatalf("sample %+v", x)
			}
		}
		if !series[SeriesSuccess+" "] || !series[SeriesDuration+" "] || !series[SeriesPhase+" connect"] {
			t.Errorf("series %v", series)
		}
	})
}

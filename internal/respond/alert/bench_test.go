package alert_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/signal"
)

func mass(n int, at time.Time, run int) []signal.Signal {
	all := make([]signal.Signal, n)
	for i := range all {
		server := fmt.Sprintf("app-%d-%04d", run, i)
		all[i] = signal.Signal{
			Detector: "rule", Subject: signal.Subject{Kind: signal.Server, Slug: server}, State: signal.Firing, StartsAt: at, At: at,
			Labels:      map[string]string{"alertname": "DiskFull", "server": server, "severity": "warning", "ring": "production", "device": "sda1"},
			Annotations: map[string]string{"summary": "Disk of " + server + " is full", "value": "91 %"},
		}
	}
	return all
}

// BenchmarkReportAgain is what every evaluation of the rules costs while 5,000
// alerts fire.
func BenchmarkReportAgain(b *testing.B) {
	d := dbtest.Open(b, dbtest.SQLite(b), alert.Tables)
	board := alert.New(alert.Options{DB: d, Log: slog.New(slog.DiscardHandler)})
	ctx := context.Background()
	signals := mass(5000, time.Now(), 0)
	if err := board.Report(ctx, signals...); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := board.Report(ctx, signals...); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMass is 1,000 new alerts at once, each a group of its own, until
// all are told.
func BenchmarkMass(b *testing.B) {
	d := dbtest.Open(b, dbtest.SQLite(b), alert.Tables)
	c := newClock()
	board := alert.New(alert.Options{DB: d, Log: slog.New(slog.DiscardHandler), Now: c.Now})
	ctx := context.Background()
	run := 0
	for b.Loop() {
		run++
		signals := mass(1000, c.Now(), run)
		if err := board.Report(ctx, signals...); err != nil {
			b.Fatal(err)
		}
		c.Pass(10 * time.Second)
		if _, err := board.Flush(ctx); err != nil {
			b.Fatal(err)
		}
		for i := range signals {
			signals[i].State = signal.Resolved
		}
		b.StopTimer()
		if err := board.Report(ctx, signals...); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

package drift

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/signal"
)

// driftSignal is the alert of a server that differs from its playbooks.
func driftSignal(s Summary, now time.Time) signal.Signal {
	more := ""
	if s.Open > 1 {
		more = fmt.Sprintf(", and %d more", s.Open-1)
	}
	return signal.Signal{
		Detector: "drift", Subject: signal.Subject{Kind: signal.Server, Slug: s.Server}, State: signal.Firing, StartsAt: s.First.FirstSeen, At: now,
		Labels: serverLabels(s.Server),
		Annotations: map[string]string{
			signal.Summary:     fmt.Sprintf("%s differs from what its playbooks say: %s, the oldest %s", s.Server, count(s.Open, "finding"), age(now.Sub(s.First.FirstSeen))),
			signal.Description: fmt.Sprintf("The task %q of the playbook %s would change something%s.", s.First.Task, s.First.Playbook, more),
			signal.Value:       count(s.Open, "finding"),
			signal.Link:        "/drift?" + url.Values{"server": {s.Server}}.Encode(),
			signal.FirstStep:   "Open the diff; run the playbook there, or change it, or ignore it with a reason.",
		},
	}
}

func serverLabels(server string) map[string]string {
	return map[string]string{signal.LabelName: "Drift", signal.LabelSeverity: string(signal.Info), signal.LabelServer: server}
}

// unknownSignal is the alert of a look that did not show whether there is
// drift, if the last one did not.
func unknownSignal(l Look, now time.Time) (signal.Signal, bool) {
	s := signal.Signal{
		Detector: "drift", Subject: signal.Subject{Kind: signal.OpsRepo}, State: signal.Firing, StartsAt: l.EndedAt, At: now,
		Labels:      unknownLabels(l.Playbook),
		Annotations: map[string]string{signal.Link: "/drift"},
	}
	a := s.Annotations
	switch {
	case l.Error != "":
		s.StartsAt = l.ErrorAt
		a[signal.Summary] = fmt.Sprintf("Nobody knows whether servers differ from the playbook %s: its check could not be asked for", l.Playbook)
		a[signal.Description], a[signal.Value] = l.Error, l.Error
		a[signal.FirstStep] = "Do what the reason says; until six hours after the nightly look was due it is asked for again every five minutes. Later, open Drift and look now."
		return s, true
	case l.Ended == "" || l.State == run.Succeeded:
		return signal.Signal{}, false
	}
	a[signal.Summary] = fmt.Sprintf("Nobody knows whether servers differ from the playbook %s: its check, run #%d, was not done to its end on any", l.Playbook, l.Number)
	if l.Seen > 0 {
		s.Labels[signal.LabelSeverity] = string(signal.Info)
		a[signal.Summary] = fmt.Sprintf("The check of the playbook %s for drift, run #%d, was not done to its end on %d of %s", l.Playbook, l.Number, l.Servers-l.Seen, count(l.Servers, "server"))
	}
	a[signal.Description], a[signal.Value] = string(l.State), fmt.Sprintf("%d of %s", l.Seen, count(l.Servers, "server"))
	if l.Cause != "" {
		a[signal.Description] = l.Cause
	}
	a[signal.Link] = "/runs/" + l.Ended
	a[signal.FirstStep] = "Open the run: it shows the task that failed and on which servers. What was known of them before stands meanwhile."
	return s, true
}

func unknownLabels(playbook string) map[string]string {
	return map[string]string{signal.LabelName: "DriftUnknown", signal.LabelSeverity: string(signal.Warning), "playbook": playbook}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// age is coarse, so that the same drift is not told anew every minute.
func age(d time.Duration) string {
	if days := int(d / (24 * time.Hour)); days > 0 {
		return "for " + count(days, "day")
	}
	return "since less than a day"
}

// The subjects under which it is kept what was told.
const (
	ofServer   = "server:"
	ofPlaybook = "playbook:"
)

// told is a signal with what tells whether it says anything new.
type told struct {
	signal signal.Signal
	digest string
}

// news says what to report: what is new or other than before, and the end of
// what is not there any more.
func news(before map[string]string, now map[string]told, at time.Time) []told {
	var out []told
	for _, subject := range slices.Sorted(maps.Keys(now)) {
		if t := now[subject]; before[subject] != t.digest {
			out = append(out, t)
		}
	}
	for _, subject := range slices.Sorted(maps.Keys(before)) {
		if _, still := now[subject]; still {
			continue
		}
		s := signal.Signal{Detector: "drift", State: signal.Resolved, StartsAt: at, At: at}
		if server, ok := strings.CutPrefix(subject, ofServer); ok {
			s.Subject, s.Labels = signal.Subject{Kind: signal.Server, Slug: server}, serverLabels(server)
		} else {
			s.Subject, s.Labels = signal.Subject{Kind: signal.OpsRepo}, unknownLabels(strings.TrimPrefix(subject, ofPlaybook))
		}
		out = append(out, told{signal: s})
	}
	return out
}

// tell has the board of alerts know what drifts. What it took is noted after,
// so that a hub that dies in between tells it once more, which changes nothing.
func (w *Watch) tell(ctx context.Context) error {
	at := w.now()
	if !w.stale.Swap(false) && at.Sub(w.toldAt) < tellEvery {
		return nil
	}
	err := w.tellAll(ctx, at)
	if err != nil {
		w.stale.Store(true)
		return err
	}
	w.toldAt = at
	return nil
}

func (w *Watch) tellAll(ctx context.Context, at time.Time) error {
	servers, err := w.Servers(ctx, 0)
	if err != nil {
		return err
	}
	looks, err := w.Looks(ctx)
	if err != nil {
		return err
	}
	now := map[string]told{}
	for _, s := range servers {
		one := driftSignal(s, at)
		now[ofServer+s.Server] = told{one, digest(one)}
	}
	off := PolicyOf(w.o.Current()).Off
	for _, l := range looks {
		if off && l.Error != "" {
			continue // nobody asks for it any more
		}
		if one, ok := unknownSignal(l, at); ok {
			now[ofPlaybook+l.Playbook] = told{one, digest(one)}
		}
	}
	var rows []struct {
		Subject string `bun:"subject"`
		Digest  string `bun:"digest"`
	}
	if err := w.o.DB.Read().NewRaw(`SELECT subject, digest FROM drift_told`).Scan(ctx, &rows); err != nil {
		return fmt.Errorf("read what was told of drift: %w", err)
	}
	before := map[string]string{}
	for _, r := range rows {
		before[r.Subject] = r.Digest
	}
	for some := range slices.Chunk(news(before, now, at), atOnce) {
		if err := w.report(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

func (w *Watch) report(ctx context.Context, some []told) error {
	signals := make([]signal.Signal, len(some))
	for i, t := range some {
		signals[i] = t.signal
	}
	if err := w.o.Sink.Report(ctx, signals...); err != nil {
		return fmt.Errorf("report drift: %w", err)
	}
	return w.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, t := range some {
			subject := ofServer + t.signal.Labels[signal.LabelServer]
			if t.signal.Labels[signal.LabelServer] == "" {
				subject = ofPlaybook + t.signal.Labels["playbook"]
			}
			q, args := `INSERT INTO drift_told (subject, digest) VALUES (?, ?) ON CONFLICT (subject) DO UPDATE SET digest = excluded.digest`, []any{subject, t.digest}
			if t.signal.State == signal.Resolved {
				q, args = `DELETE FROM drift_told WHERE subject = ?`, []any{subject}
			}
			if _, err := tx.NewRaw(q, args...).Exec(ctx); err != nil {
				return fmt.Errorf("note what was told of drift: %w", err)
			}
		}
		return nil
	})
}

// digest is what a signal says, without when.
func digest(s signal.Signal) string {
	return string(s.Severity()) + "\n" + s.Annotations[signal.Summary] + "\n" + s.Annotations[signal.Description]
}

package alert

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/lib/id"
	"github.com/vigie-ops/vigie/internal/signal"
)

const (
	// flapWindow is how long a resolved alert may come back as itself.
	flapWindow = 30 * time.Minute
	// storeEvery is how often "still firing" and changed words are written.
	storeEvery = 5 * time.Minute
)

// keepsVotes says which detectors report two severities of one alert apart and
// resolve each: programs that write to Alertmanager's API. Of the others the
// last report counts; our own rules report the worst of theirs, and resolve
// that alone.
func keepsVotes(detector string) bool { return detector == "alertmanager" }

// Report takes signals over in one transaction: all of them or, with an error,
// none. Reporting again what is known changes nothing but when it was last
// seen and its annotations.
func (b *Board) Report(ctx context.Context, signals ...signal.Signal) error {
	if len(signals) == 0 {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.load(ctx); err != nil {
		return err
	}
	now := b.now()
	batch := gather(signals, now)
	var changed []observation
	for _, o := range batch {
		switch r := b.open[o.fingerprint]; {
		case r == nil && !o.fires(): // it is over, and was before
		case r == nil || !b.same(r, o, now):
			changed = append(changed, o)
		}
	}
	if len(changed) == 0 {
		return nil
	}
	return b.actLocked(ctx, func(ctx context.Context, tx *db.Tx, w *work) error {
		return w.take(ctx, tx, changed)
	})
}

// observation is what one batch says about one fingerprint.
type observation struct {
	fingerprint string
	signals     []signal.Signal
}

// gather puts the signals of one fingerprint together, in order.
func gather(signals []signal.Signal, now time.Time) []observation {
	var all []observation
	at := make(map[string]int, len(signals))
	for _, s := range signals {
		s = storable(s)
		if s.Name() == "" {
			s.Labels = maps.Clone(s.Labels)
			if s.Labels == nil {
				s.Labels = map[string]string{}
			}
			s.Labels[signal.LabelName] = s.Detector
		}
		if s.At.IsZero() {
			s.At = now
		}
		if s.StartsAt.IsZero() {
			s.StartsAt = s.At
		}
		s.At, s.StartsAt = s.At.UTC().Truncate(time.Microsecond), s.StartsAt.UTC().Truncate(time.Microsecond)
		if !s.Until.IsZero() {
			s.Until = s.Until.UTC().Truncate(time.Microsecond)
		}
		fp := s.Fingerprint()
		i, ok := at[fp]
		if !ok {
			i = len(all)
			at[fp] = i
			all = append(all, observation{fingerprint: fp})
		}
		all[i].signals = append(all[i].signals, s)
	}
	return all
}

// storable returns a signal without what no database takes as text: a NUL in
// the words of one server would keep the alerts of all that are reported with
// it from being written.
func storable(s signal.Signal) signal.Signal {
	s.Detector, s.Subject.Kind, s.Subject.Slug = clean(s.Detector), clean(s.Subject.Kind), clean(s.Subject.Slug)
	s.Labels, s.Annotations = cleanAll(s.Labels), cleanAll(s.Annotations)
	return s
}

func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

func cleanAll(m map[string]string) map[string]string {
	dirty := false
	for k, v := range m {
		dirty = dirty || clean(k) != k || clean(v) != v
	}
	if !dirty {
		return m
	}
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[clean(k)] = clean(v)
	}
	return out
}

// fires reports whether the batch leaves an alert open that was not.
func (o observation) fires() bool {
	votes, _ := o.votes(nil)
	return len(votes) > 0
}

// votes applies the batch to the votes so far and returns the new ones, with
// the signal whose words count.
func (o observation) votes(before map[signal.Severity]time.Time) (map[signal.Severity]time.Time, signal.Signal) {
	votes := maps.Clone(before)
	if votes == nil {
		votes = map[signal.Severity]time.Time{}
	}
	for _, s := range o.signals {
		severity := normal(s.Severity())
		switch {
		case s.State == signal.Firing && keepsVotes(s.Detector):
			votes[severity] = s.Until
		case s.State == signal.Firing:
			votes = map[signal.Severity]time.Time{severity: s.Until}
		case keepsVotes(s.Detector):
			delete(votes, severity)
		default:
			clear(votes)
		}
	}
	words := o.signals[len(o.signals)-1]
	for _, s := range o.signals {
		if s.State == signal.Firing && (words.State != signal.Firing || normal(s.Severity()).Rank() > normal(words.Severity()).Rank()) {
			words = s
		}
	}
	return votes, words
}

// same reports whether the batch says nothing new about r, and if so notes in
// memory that it was seen. What changes with every report, such as the value
// in the words, is written only every few minutes, or when r is told.
func (b *Board) same(r *record, o observation, now time.Time) bool {
	votes, words := o.votes(r.votes)
	severity, until := worst(votes)
	if len(votes) == 0 || len(votes) != len(r.votes) || severity != r.Severity || now.Sub(r.stored) >= storeEvery {
		return false
	}
	seen := *r // the row of it stays as it is, so the record is not cloned deeply
	seen.votes, seen.Until, seen.LastReportedAt = votes, until, words.At
	if normal(words.Severity()) == severity {
		seen.Annotations = words.Annotations
	}
	b.cache.Lock()
	b.keep(&seen)
	b.cache.Unlock()
	return true
}

// take works observations in that say something new.
func (w *work) take(ctx context.Context, tx *db.Tx, all []observation) error {
	var unknown []string
	for _, o := range all {
		if w.open(o.fingerprint) == nil {
			unknown = append(unknown, o.fingerprint)
		}
	}
	recent, err := recentRecords(ctx, tx, unknown, w.now.Add(-flapWindow))
	if err != nil {
		return err
	}
	moved := false
	for _, o := range all {
		r := w.open(o.fingerprint)
		var before map[signal.Severity]time.Time
		if r != nil {
			before = r.votes
		}
		votes, s := o.votes(before)
		switch {
		case len(votes) > 0 && r == nil:
			w.fire(s, votes, recent[o.fingerprint])
			moved = true
		case len(votes) > 0:
			moved = w.update(r, s, votes) || moved
		case r != nil:
			w.resolve(w.edit(r), s.At, "")
			moved = true
		}
	}
	if moved {
		w.mute()
	}
	return nil
}

// fire opens an alert: a new one, or the one that resolved a moment ago and
// that nobody has written a last word on.
func (w *work) fire(s signal.Signal, votes map[signal.Severity]time.Time, before *record) {
	severity, until := worst(votes)
	r := &record{Alert: Alert{ID: id.New(), Fingerprint: s.Fingerprint(), Detector: s.Detector}}
	kind, text := KindFired, ""
	if before != nil {
		r.Flaps = before.Flaps + 1
		if before.Review == nil {
			before.ResolvedAt, before.ToReview, before.Flaps = time.Time{}, false, r.Flaps
			// Who has it in hand still has it if nobody was told that it ended.
			switch before.told {
			case toldResolved:
				before.told, before.Ack = toldNothing, nil
			case toldEnding:
				before.told = toldBack
			}
			r, kind, text = before, KindCameBack, "it resolved a moment ago"
		}
	}
	r.Name, r.Severity, r.Subject = s.Name(), severity, s.Subject
	r.Labels, r.Annotations = withSeverity(s.Labels, severity), s.Annotations
	r.State, r.StartedAt, r.LastReportedAt, r.Until = Firing, s.StartsAt, s.At, until
	r.votes, r.since = votes, w.now
	r.Group, _ = groupOf(w.policy.GroupBy, r.Labels)
	r.SilencedBy, r.InhibitedBy = nil, nil
	w.add(r)
	w.note(r, kind, "", text)
	w.look(r)
}

// update works in what is said about an open alert and reports whether its
// severity changed.
func (w *work) update(r *record, s signal.Signal, votes map[signal.Severity]time.Time) bool {
	r = w.edit(r)
	severity, until := worst(votes)
	r.votes, r.Until, r.LastReportedAt = votes, until, s.At
	if s.State == signal.Firing && normal(s.Severity()) == severity {
		r.Annotations = s.Annotations
	}
	if severity == r.Severity {
		return false
	}
	w.note(r, KindSeverity, "", "from "+string(r.Severity)+" to "+string(severity))
	r.shown = r.seen(w.now)
	r.Severity, r.Labels, r.since = severity, withSeverity(r.Labels, severity), w.now
	w.look(r)
	return true
}

// resolve ends an alert. Whether anybody saw it decides what stays to do.
func (w *work) resolve(r *record, at time.Time, text string) {
	r.ToReview, r.shown = r.needsWord(w.now), r.seen(w.now)
	if r.told == toldBack { // nobody heard that it was back
		r.told = toldEnding
	}
	r.State, r.ResolvedAt, r.since = Resolved, at, w.now
	r.votes, r.Until = nil, time.Time{}
	r.SilencedBy, r.InhibitedBy = nil, nil
	w.note(r, KindResolved, "", text)
	w.look(r)
}

// withSeverity returns the labels with the severity that counts.
func withSeverity(l map[string]string, s signal.Severity) map[string]string {
	if l[signal.LabelSeverity] == string(s) {
		return l
	}
	c := maps.Clone(l)
	c[signal.LabelSeverity] = string(s)
	return c
}

// settle is how long what a silent server hid may take to recover with it
// before it is told on its own.
const settle = time.Minute

// mute works out anew which open alerts are hidden, and by what.
func (w *work) mute() {
	firing := w.firing()
	alerts := alertsOf(firing)
	hidden := inhibited(append([]InhibitRule{silentServer}, w.policy.Inhibit...), alerts)
	hideSilent(hidden, w.b.o.ServersOf, w.b.o.Together(), alerts)
	for i, a := range alerts {
		silences := silencedBy(w.silences, a.Labels, w.now)
		if slices.Equal(silences, a.SilencedBy) && slices.Equal(hidden[a.ID], a.InhibitedBy) {
			continue
		}
		r := w.edit(firing[i])
		w.noteMuting(r, silences, hidden[a.ID])
		r.shown = r.shown || !r.Muted() && r.since.Before(w.now) // what began just now was not there yet
		r.SilencedBy, r.InhibitedBy = silences, hidden[a.ID]
		if a.Muted() && !r.Muted() {
			r.since = w.now
			if len(a.InhibitedBy) > 0 {
				r.since = w.now.Add(min(settle, w.policy.GroupInterval))
			}
		}
		w.look(r)
	}
}

func (w *work) noteMuting(r *record, silences, hidden []string) {
	switch was, is := len(r.SilencedBy) > 0, len(silences) > 0; {
	case !was && is:
		w.note(r, KindSilenced, "", "silence "+silences[0])
	case was && !is:
		w.note(r, KindUnsilenced, "", "")
	}
	switch was, is := len(r.InhibitedBy) > 0, len(hidden) > 0; {
	case !was && is:
		w.note(r, KindInhibited, "", "hidden by alert "+hidden[0])
	case was && !is:
		w.note(r, KindUninhibited, "", "")
	}
}

package alert

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/lib/id"
)

// look at the clock at least this often, whatever the tables say.
const idle = time.Minute

// Name names the service.
func (b *Board) Name() string { return "alerts" }

// Run tells what is due, until ctx is done.
func (b *Board) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	prune := time.NewTimer(pruneAfterStart)
	defer prune.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-b.kick:
		case <-timer.C:
		case <-prune.C:
			prune.Reset(pruneEvery)
			if err := b.Prune(ctx); err != nil && ctx.Err() == nil {
				b.o.Log.Error("old alerts could not be forgotten", "err", err)
			}
		}
		next, err := b.Flush(ctx)
		if err != nil && ctx.Err() == nil {
			b.o.Log.Error("alerts could not be told, trying again", "err", err)
		}
		timer.Reset(b.pause(next, err))
	}
}

// pause is how long the flusher waits for the time it was given.
func (b *Board) pause(next time.Time, err error) time.Duration {
	wait := idle
	if !next.IsZero() {
		wait = min(wait, max(0, next.Sub(b.o.Now())))
	}
	if err != nil {
		wait = max(wait, time.Second)
	}
	return wait
}

// Flush lets time pass on the board, tells every group that is due, and
// returns when to look again. A group that cannot be told keeps its news and
// holds up no other.
func (b *Board) Flush(ctx context.Context) (next time.Time, err error) {
	if err := b.tick(ctx); err != nil {
		return time.Time{}, err
	}
	due, err := dueGroups(ctx, b.o.DB.Read(), b.now())
	if err != nil {
		return time.Time{}, err
	}
	var failed error
	for _, key := range due {
		if ctx.Err() != nil {
			return time.Time{}, ctx.Err()
		}
		if err := b.flushGroup(ctx, key); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	next, err = b.next(ctx)
	return next, errors.Join(failed, err)
}

// retryGroup is the pause before a group is tried again that could not be told.
const retryGroup = 2 * time.Second

// waitEvery is how often is looked whether a server speaks again whose alerts
// wait.
const waitEvery = 5 * time.Second

func (b *Board) flushGroup(ctx context.Context, key string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.now().Before(b.retryAt[key]) {
		return nil
	}
	if b.allUndecided(key) {
		b.retryAt[key] = b.now().Add(waitEvery)
		return nil
	}
	err := b.actLocked(ctx, func(ctx context.Context, tx *db.Tx, w *work) error { return w.tell(ctx, tx, key) })
	if err != nil {
		b.retryAt[key] = b.now().Add(retryGroup)
		return err
	}
	delete(b.retryAt, key)
	return nil
}

// tell hands the news of a group on and commits with it that it is told.
func (w *work) tell(ctx context.Context, tx *db.Tx, key string) error {
	g, err := groupByKey(ctx, tx, key)
	if err != nil {
		return err
	}
	gone, err := untoldResolved(ctx, tx, key)
	if err != nil {
		return err
	}
	rs := gone
	waits := false
	for _, r := range w.b.byGroup[key] {
		if w.b.undecided(r) {
			waits = true
			continue
		}
		rs = append(rs, w.edit(r))
	}
	again := func(due time.Time) time.Time {
		if soon := w.now.Add(waitEvery); waits && (due.IsZero() || soon.Before(due)) {
			return soon
		}
		return due
	}
	for _, r := range gone {
		// A later alert of the same fingerprint may be open: only w.recs may know this one.
		w.recs[r.ID] = r
	}
	slices.SortFunc(rs, func(x, y *record) int { return cmp.Compare(x.ID, y.ID) })
	n, due := plan(w.policy, g.LastNotifiedAt, rs, w.now)
	if n.empty() || due.After(w.now) {
		w.order = nil // nothing of the alerts changes
		return scheduleGroup(ctx, tx, g, again(due))
	}
	w.order = rs
	g.LastFlushedAt = w.now
	if n.tell {
		g.LastNotifiedAt = w.now
	}
	e := Event{
		ID: id.New(), At: w.now, Reason: n.reason(), Group: g, Policy: w.policy, Tell: n.tell,
		New: alertsOf(n.fresh), Changed: alertsOf(n.changed), Again: alertsOf(n.again), Resolved: alertsOf(n.resolved), Firing: alertsOf(n.firing),
		Quiet: alertsOf(n.quiet), Calm: alertsOf(n.calm),
	}
	if w.b.o.Next != nil {
		if err := w.b.o.Next.Take(ctx, tx, e); err != nil {
			return err
		}
	}
	for _, part := range [][]*record{n.fresh, n.changed, n.again} {
		for _, r := range part {
			r.told, r.toldSeverity, r.NotifiedAt = toldFiring, r.Severity, w.now
			w.note(r, KindTold, "", string(e.Reason))
		}
	}
	for _, r := range n.quiet {
		r.told = toldFiring
		if r.State == Resolved {
			r.told = toldEnding
		}
	}
	for _, r := range slices.Concat(n.resolved, n.calm) {
		r.told, r.toldSeverity, r.NotifiedAt = toldResolved, r.Severity, w.now
		w.note(r, KindTold, "", string(ReasonResolved))
	}
	_, due = plan(w.policy, g.LastNotifiedAt, rs, w.now)
	return scheduleGroup(ctx, tx, g, again(due))
}

// tick works in what time alone changes: alerts that were not reported again,
// acknowledgements and silences that ended or began.
func (b *Board) tick(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if b.ticked.IsZero() || b.ticked.Sub(now) > settle {
		if err := b.rewind(ctx, now); err != nil {
			return err
		}
		if b.mutedAt.After(now) {
			b.mutedAt = now
			b.stale.Store(true)
		}
	}
	if err := b.load(ctx); err != nil {
		return err
	}
	if gap := now.Sub(b.ticked); !b.ticked.IsZero() && gap > asleep {
		b.extend(gap)
	}
	b.ticked = now
	var late, unheld []*record
	for _, r := range b.open {
		for _, until := range r.votes {
			if !until.IsZero() && !until.After(now) {
				late = append(late, r)
				break
			}
		}
		if r.Ack != nil && !r.Ack.Until.IsZero() && !r.Ack.Until.After(now) {
			unheld = append(unheld, r)
		}
	}
	together := b.o.Together()
	turned := b.stale.Load() || !slices.Equal(together, b.mutedBy)
	for _, s := range b.silences {
		turned = turned || turnedBetween(s.StartsAt, b.mutedAt, now) || turnedBetween(s.EndsAt, b.mutedAt, now)
	}
	if len(late)+len(unheld) == 0 && !turned {
		return nil
	}
	b.stale.Store(false)
	err := b.actLocked(ctx, func(ctx context.Context, tx *db.Tx, w *work) error {
		for _, r := range late {
			w.expire(r)
		}
		var given []*record
		var from []string
		for _, r := range unheld {
			if r = w.edit(r); r.State == Firing {
				given, from = append(given, r), append(from, r.Ack.By)
				w.unhold(r, KindAckEnded, "", "it ended at "+r.Ack.Until.Format(time.RFC3339))
			}
		}
		w.mute()
		return w.handOn(ctx, tx, Event{Reason: ReasonReleased, From: from}, given)
	})
	if err != nil {
		b.stale.Store(true)
		return err
	}
	b.mutedAt, b.mutedBy = now, together
	b.cache.Lock()
	b.silences = slices.DeleteFunc(slices.Clone(b.silences), func(s Silence) bool { return !s.EndsAt.After(now) })
	b.cache.Unlock()
	return nil
}

// asleep is longer than the flusher ever pauses: the hub slept, stood still, or
// its clock was set forward.
const asleep = 3 * idle

// extend gives what must be reported again in time that much longer: nobody
// could report meanwhile. Callers hold mu.
func (b *Board) extend(gap time.Duration) {
	b.cache.Lock()
	defer b.cache.Unlock()
	for _, r := range slices.Collect(maps.Values(b.open)) {
		if r.Until.IsZero() || r.LastReportedAt.After(b.ticked) { // what was reported since has its time
			continue
		}
		r = r.clone()
		for s, until := range r.votes {
			if !until.IsZero() {
				r.votes[s] = until.Add(gap)
			}
		}
		_, r.Until = worst(r.votes)
		b.keep(r)
	}
}

func turnedBetween(t, from, to time.Time) bool { return t.After(from) && !t.After(to) }

// expire takes the votes back that were not repeated in time.
func (w *work) expire(r *record) {
	r = w.edit(r)
	for s, until := range r.votes {
		if !until.IsZero() && !until.After(w.now) {
			delete(r.votes, s)
		}
	}
	severity, until := worst(r.votes)
	switch {
	case len(r.votes) == 0:
		w.resolve(r, w.now, "it was not reported again")
	case severity != r.Severity:
		w.note(r, KindSeverity, "", "from "+string(r.Severity)+" to "+string(severity))
		r.shown = r.seen(w.now)
		r.Severity, r.Labels, r.since = severity, withSeverity(r.Labels, severity), w.now
		w.look(r)
		fallthrough
	default:
		r.Until = until
	}
}

// next is when time alone, or a group, next needs the flusher.
func (b *Board) next(ctx context.Context) (time.Time, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	next, err := nextDue(ctx, b.o.DB.Read())
	if err != nil {
		return time.Time{}, err
	}
	for key, at := range b.retryAt {
		if !at.After(b.now()) {
			delete(b.retryAt, key)
		}
	}
	if !next.IsZero() && !next.After(b.now()) && len(b.retryAt) > 0 {
		next = b.now().Add(retryGroup)
	}
	earliest := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	for _, r := range b.open {
		for _, until := range r.votes {
			earliest(until)
		}
		if r.Ack != nil {
			earliest(r.Ack.Until)
		}
	}
	for _, s := range b.silences {
		if s.StartsAt.After(b.mutedAt) {
			earliest(s.StartsAt)
		}
		earliest(s.EndsAt)
	}
	return next, nil
}

package run

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/lib/logattr"
)

// flushEvery is how often what happened is written down; the first events are
// written at once, for somebody waits to see that it works.
const (
	flushEvery   = 250 * time.Millisecond
	eagerFlushes = 5
)

// outcome is how a run ended.
type outcome struct {
	state   State
	cause   string
	at      time.Time
	exit    int
	ansible string
}

// work does a run from its start to its end. Whatever goes wrong, the run ends
// in a state that says so.
func (o *Office) work(ctx context.Context, r Run, l *live) {
	log := o.o.Log.With("run", r.Number, "playbook", r.Playbook)
	log.Info("run started", "kind", string(r.Kind), "commit", r.Commit, "servers", len(r.Servers), "by", r.By)
	rec := newRecorder(r, o.now)
	book := &book{office: o, rec: rec, dirty: make(chan struct{}, 1)}
	end := o.attempt(ctx, r, l, book)
	end.at = o.now()
	// The end is written even when the hub is being stopped.
	patient := context.WithoutCancel(ctx)
	pause := time.Second
	for {
		err := o.close(patient, r, book, end)
		if err == nil {
			break
		}
		log.Error("the end of a run could not be written, trying again", logattr.Err(err))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			// The next start marks it as interrupted.
			return
		}
		pause = min(2*pause, 30*time.Second)
	}
	log.Info("run ended", "state", string(end.state), "cause", end.cause, "took", end.at.Sub(r.StartedAt).Round(time.Millisecond))
}

// book is the recorder of a run and what writes it down.
type book struct {
	office *Office
	mu     sync.Mutex
	rec    *recorder
	dirty  chan struct{}
}

func (b *book) event(line []byte) {
	e, err := ParseEvent(line)
	b.mu.Lock()
	if err != nil {
		b.rec.badEvents++
	} else {
		b.rec.take(e)
	}
	b.mu.Unlock()
	b.mark()
}

// maxLog bounds the log of one run.
const maxLog = 64 << 20

func (b *book) log(text []byte) {
	b.mu.Lock()
	if b.rec.logged < maxLog {
		b.rec.logged += len(text)
		b.rec.log.Write(text)
		if b.rec.logged >= maxLog {
			b.rec.log.WriteString("\n[the log is cut here: it is longer than 64 MiB]\n")
		}
	}
	b.mu.Unlock()
	b.mark()
}

func (b *book) mark() {
	select {
	case b.dirty <- struct{}{}:
	default:
	}
}

// flush writes down what happened since the last time. Ansible waits while it
// does: what cannot be written is not lost, but late.
func (b *book) flush(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.rec.pending() {
		return nil
	}
	err := b.office.o.DB.Write(ctx, b.rec.write)
	if err == nil {
		b.office.o.Changed(Topic)
	}
	return err
}

// attempt starts Ansible and follows it to its end.
func (o *Office) attempt(ctx context.Context, r Run, l *live, b *book) outcome {
	fail := func(err error) outcome {
		if words, ok := said(err); ok {
			return outcome{state: Failed, cause: words}
		}
		o.o.Log.Error("run could not be started", "run", r.Number, logattr.Err(err))
		return outcome{state: Failed, cause: "it could not be started: " + err.Error()}
	}
	g, err := o.generation(ctx, r.Commit)
	if err != nil {
		return fail(err)
	}
	j, err := o.job(ctx, r, g)
	if err != nil {
		return fail(err)
	}
	if j.key, err = o.key(ctx); err != nil {
		return fail(err)
	}
	j.events, j.log = b.event, b.log
	p, err := o.o.Sandbox.start(ctx, j)
	if err != nil {
		return fail(err)
	}
	return o.follow(ctx, r, l, b, p)
}

// follow waits for the end of a process and writes down what it tells, until it
// ends by itself, somebody cancels it, it takes too long, or the hub stops.
func (o *Office) follow(ctx context.Context, r Run, l *live, b *book, p *process) outcome {
	done := make(chan struct{})
	var exit int
	var waitErr error
	go func() {
		defer close(done)
		exit, waitErr = p.wait()
	}()
	timeout := time.NewTimer(r.Timeout)
	defer timeout.Stop()
	flush := time.NewTicker(flushEvery)
	defer flush.Stop()
	asked := time.NewTicker(every)
	defer asked.Stop()
	var kill <-chan time.Time
	var end outcome
	stop := func(state State, cause string) {
		if end.state != "" {
			return
		}
		end = outcome{state: state, cause: cause}
		p.term()
		kill = time.After(grace)
	}
	stopping := ctx.Done()
	first, eager := b.dirty, eagerFlushes
	for {
		select {
		case <-done:
			return o.outcome(r, b, end, exit, waitErr)
		case <-first:
			if eager--; eager == 0 {
				first = nil
			}
			o.flushed(ctx, r, b)
		case <-flush.C:
			o.flushed(ctx, r, b)
			if host := b.impostor(); host != "" {
				stop(Failed, impostorWords(host))
			}
		case <-asked.C:
			// Somebody may have asked at another hub.
			if now, err := o.Get(ctx, r.ID); err == nil && now.CancelBy != "" {
				stop(Canceled, o.canceled(now))
			}
		case <-l.cancel:
			if now, err := o.Get(ctx, r.ID); err == nil && now.CancelBy != "" {
				stop(Canceled, o.canceled(now))
			}
		case <-timeout.C:
			stop(TimedOut, "it took longer than "+r.Timeout.String())
		case <-stopping:
			stopping = nil
			stop(Interrupted, "the hub was stopped")
		case <-kill:
			kill = nil
			p.kill()
		}
	}
}

func (o *Office) flushed(ctx context.Context, r Run, b *book) {
	if err := b.flush(ctx); err != nil && ctx.Err() == nil {
		o.o.Log.Warn("what a run does could not be written, trying again", "run", r.Number, logattr.Err(err))
	}
}

// impostor is a host whose key is not the one that is known, if there is one.
func (b *book) impostor() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rec.keyChanged
}

// impostorWords say what to do about a host key that is not the one that is
// known. One that the operations repository names is changed there alone.
func impostorWords(host string) string {
	return fmt.Sprintf("the host key of %s is not the one that is known, so the run was stopped. If the server was installed anew, "+
		"write its new key into the operations repository if the old one stands there, else accept it at /runs/hosts/%s; if not, somebody may stand in between", host, host)
}

// outcome says how a run ended whose process is gone.
func (o *Office) outcome(r Run, b *book, end outcome, exit int, waitErr error) outcome {
	b.mu.Lock()
	defer b.mu.Unlock()
	rec := b.rec
	if rec.badEvents > 0 {
		o.o.Log.Warn("events of a run could not be read", "run", r.Number, "events", rec.badEvents)
	}
	if end.exit = exit; end.state == "" {
		switch {
		case waitErr != nil:
			end.state, end.cause = Failed, "its process was lost: "+waitErr.Error()
		case rec.keyChanged != "":
			end.state, end.cause = Failed, impostorWords(rec.keyChanged)
		case r.Kind == Lint:
			end.state, end.cause = lintOutcome(exit)
		case exit != 0:
			end.state, end.cause = Failed, rec.why(exit)
		case rec.tally().Total() == 0:
			end.state, end.cause = Failed, "nothing was done: no play of the playbook is for a server of the limit"
			if len(r.Tags) > 0 {
				end.cause = "nothing was done: no task for a server of the limit has the tag " + strings.Join(r.Tags, " or ")
			}
		default:
			end.state = Succeeded
		}
	}
	end.ansible = rec.ansible
	return end
}

// why says in a sentence why Ansible failed.
func (rec *recorder) why(exit int) string {
	f := rec.firstFailure
	if f.Host == "" {
		return fmt.Sprintf("ansible-playbook ended with status %d; its log says why", exit)
	}
	bad := 0
	for _, h := range rec.hosts {
		if h.State == HostFailed || h.State == HostUnreachable {
			bad++
		}
	}
	words := fmt.Sprintf("%s, %s: %s", f.Host, rec.tasks[f.Task-1].Name, firstLine(f.Message))
	if f.Status == Unreachable {
		words = fmt.Sprintf("%s could not be reached: %s", f.Host, firstLine(f.Message))
	}
	if bad > 1 {
		words += fmt.Sprintf(" (and %d more servers)", bad-1)
	}
	return words
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return clean(s, 300)
}

// close writes the end of a run: what was not written yet, then the end.
func (o *Office) close(ctx context.Context, r Run, b *book, end outcome) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if end.state == Succeeded || end.state == Failed {
		b.rec.end(end.at)
	}
	b.rec.cut(end.at)
	if b.rec.pending() {
		if err := o.o.DB.Write(ctx, b.rec.write); err != nil {
			return err
		}
	}
	return o.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return o.finish(ctx, tx, r.ID, end) })
}

// finish writes that a run ended and gives its locks back.
func (o *Office) finish(ctx context.Context, tx *db.Tx, run string, end outcome) error {
	r, err := runByID(ctx, tx, run)
	if err != nil || r.State.Over() {
		return err
	}
	r.State, r.Cause, r.EndedAt, r.Exit = end.state, clean(end.cause, maxReason), end.at, end.exit
	if end.ansible != "" {
		r.Ansible = end.ansible
	}
	if err := unlock(ctx, tx, r.ID); err != nil {
		return err
	}
	if err := o.seal(ctx, tx, &r); err != nil {
		return err
	}
	if err := saveRun(ctx, tx, r); err != nil {
		return err
	}
	o.changed(tx)
	return nil
}

// Expected is how long a run like this one takes: the median of the last ten
// that succeeded, of those with the same limit if there are any, or zero where
// there were none.
func (o *Office) Expected(ctx context.Context, r Run) (time.Duration, error) {
	like, err := runsWhere(ctx, o.o.DB.Read(), `playbook = ? AND kind = ? AND state = ? AND id <> ? AND host_limit = ? ORDER BY id DESC LIMIT 10`,
		r.Playbook, string(r.Kind), string(Succeeded), r.ID, r.Limit)
	if err == nil && len(like) == 0 {
		like, err = runsWhere(ctx, o.o.DB.Read(), `playbook = ? AND kind = ? AND state = ? AND id <> ? ORDER BY id DESC LIMIT 10`,
			r.Playbook, string(r.Kind), string(Succeeded), r.ID)
	}
	if err != nil || len(like) == 0 {
		return 0, err
	}
	took := make([]time.Duration, len(like))
	for i, l := range like {
		took[i] = l.EndedAt.Sub(l.StartedAt)
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}

package plan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/lib/id"
	"github.com/vigie-ops/vigie/internal/lib/logattr"
	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/people"
)

// State says how far a chain is.
type State string

// The states of a chain. A failed one can be resumed.
const (
	Running   State = "running"
	Succeeded State = "succeeded"
	Failed    State = "failed"
	Stopped   State = "stopped" // by a person
)

// Progress is a chain under way, or over.
type Progress struct {
	ID        string
	Slug      string
	Title     string
	Commit    string
	Reason    string
	By        string
	Role      people.Role // of who started it, at that time
	Origin    string      // schedule:nightly, or empty for a person
	Steps     []Did
	Step      int       // index of the one that works or waits
	WaitUntil time.Time // when the step begins that only waits
	State     State
	Cause     string
	StartedAt time.Time
	EndedAt   time.Time
	key       string
}

// Did is a step with the run that does it.
type Did struct {
	What
	Name string
	Wait time.Duration
	Run  string // id; the last one where it was tried again
}

// ErrNotFound says that there is no such chain.
var ErrNotFound = errors.New("there is no such chain")

// RefusedError says why something cannot be done, in a sentence for who asked.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return e.Reason }

// Start begins a chain in the name of the one who acts, at the newest commit
// that was accepted.
func (p *Planner) Start(ctx context.Context, slug, reason string) (Progress, error) {
	actor, ok := people.From(ctx)
	if !ok {
		return Progress{}, errors.New("plan: nobody starts the chain")
	}
	if reason = strings.TrimSpace(reason); reason == "" {
		return Progress{}, &RefusedError{"say why: those who read the record later were not there"}
	}
	g, err := p.o.Runs.AcceptedGeneration(ctx)
	if words, refused := inWords(err); refused {
		return Progress{}, &RefusedError{words}
	}
	if err != nil {
		return Progress{}, err
	}
	return p.begin(ctx, g, slug, Progress{Reason: reason, By: actor.Slug, Role: actor.Role, key: id.New()})
}

// begin writes a chain down and takes its first step. A key that began one
// before returns that.
func (p *Planner) begin(ctx context.Context, g *opsrepo.Generation, slug string, c Progress) (Progress, error) {
	chains := Chains.Of(g)
	i := slices.IndexFunc(chains, func(one Chain) bool { return one.Slug == slug })
	if i < 0 {
		return Progress{}, &RefusedError{fmt.Sprintf("the operations repository has no chain %q", slug)}
	}
	c.ID, c.Slug, c.Title, c.Commit, c.State, c.StartedAt = id.New(), slug, chains[i].Title(), g.Commit, Running, p.now()
	for _, s := range chains[i].Steps {
		name := s.Name
		if name == "" {
			name = s.Playbook
		}
		c.Steps = append(c.Steps, Did{What: s.What, Name: name, Wait: s.Wait.Std()})
	}
	err := p.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := insertChain(ctx, tx, c); err != nil {
			return err
		}
		p.changed(tx)
		return p.o.Audit.Record(ctx, tx, "chain.start", "chain:"+c.ID, c.Reason, map[string]any{"chain": slug, "commit": c.Commit})
	})
	if db.Conflict(err) {
		return chainBy(ctx, p.o.DB.Read(), "request_key = ?", c.key)
	}
	if err != nil {
		return Progress{}, err
	}
	// What cannot even begin is said at once; what fails otherwise is tried
	// again by the service.
	if err := p.advance(ctx, c.ID); err != nil {
		p.o.Log.Warn("the first step of a chain could not be asked for, trying again", "chain", c.ID, logattr.Err(err))
	}
	return p.Chain(ctx, c.ID)
}

// advance moves a chain on as far as it can go now.
func (p *Planner) advance(ctx context.Context, chain string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range maxSteps {
		c, err := p.Chain(ctx, chain)
		if err != nil || c.State != Running {
			return err
		}
		moved, err := p.move(ctx, &c)
		if err != nil || !moved {
			return err
		}
		err = p.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			p.changed(tx)
			return saveChain(ctx, tx, c)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// maxSteps bounds how much one look does: a step is begun, and then waited for.
const maxSteps = 3

// move changes c by what is to be done now, and says whether there was
// anything.
func (p *Planner) move(ctx context.Context, c *Progress) (bool, error) {
	step := &c.Steps[c.Step]
	if step.Run == "" {
		if p.now().Before(c.WaitUntil) {
			return false, nil
		}
		return p.ask(ctx, c, step)
	}
	r, err := p.o.Runs.Get(ctx, step.Run)
	if err != nil || !r.State.Over() {
		return false, err
	}
	if r.State != run.Succeeded {
		c.end(Failed, fmt.Sprintf("run #%d, step %d of %d, ended as %s", r.Number, c.Step+1, len(c.Steps), r.State), p.now())
		return true, nil
	}
	if c.Step++; c.Step == len(c.Steps) {
		c.Step--
		c.end(Succeeded, "", p.now())
		return true, nil
	}
	c.WaitUntil = r.EndedAt.Add(c.Steps[c.Step].Wait)
	return true, nil
}

func (c *Progress) end(s State, cause string, at time.Time) {
	c.State, c.Cause, c.EndedAt, c.WaitUntil = s, cause, at, time.Time{}
}

// ask asks for the run of a step, in the name of who started the chain.
func (p *Planner) ask(ctx context.Context, c *Progress, step *Did) (bool, error) {
	actor := people.Actor{Slug: c.By, Name: c.By, Role: c.Role, Via: via}
	r, err := p.o.Runs.Ask(people.With(ctx, actor), run.Request{
		Playbook: step.Playbook, Commit: c.Commit, Limit: step.Limit, Tags: step.Tags, Variables: step.Variables, Check: step.Check,
		Reason: fmt.Sprintf("%s (step %d of %d of %s)", c.Reason, c.Step+1, len(c.Steps), c.Title), Origin: "chain:" + c.ID,
		Key: fmt.Sprintf("chain/%s/%d", c.ID, c.Step),
	})
	if words, refused := inWords(err); refused {
		c.end(Failed, fmt.Sprintf("step %d of %d was refused: %s", c.Step+1, len(c.Steps), words), p.now())
		return true, nil
	}
	if err != nil {
		return false, err
	}
	step.Run, c.WaitUntil = r.ID, time.Time{}
	return true, nil
}

// inWords is what a person is told of a refusal; anything else is a fault of
// the hub that may pass.
func inWords(err error) (string, bool) {
	var refused *run.RefusedError
	switch {
	case errors.As(err, &refused):
		return refused.Reason, true
	case errors.Is(err, run.ErrNoGit):
		return err.Error(), true
	}
	return "", false
}

// Stop ends a chain in the name of the one who acts, with the run under way.
func (p *Planner) Stop(ctx context.Context, chain, by, reason string) (Progress, error) {
	var c Progress
	err := p.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var err error
		if c, err = chainBy(ctx, tx, "id = ?", chain); err != nil {
			return err
		}
		if c.State != Running {
			return &RefusedError{"this chain is over already"}
		}
		c.end(Stopped, "by "+by, p.now())
		p.changed(tx)
		if err := saveChain(ctx, tx, c); err != nil {
			return err
		}
		return p.o.Audit.Record(ctx, tx, "chain.stop", "chain:"+c.ID, reason, map[string]any{"chain": c.Slug})
	})
	if err != nil {
		return c, err
	}
	if r := c.Steps[c.Step].Run; r != "" {
		if _, err := p.o.Runs.Cancel(ctx, r, by, "the chain was stopped"); err != nil && !errors.Is(err, run.ErrOver) {
			return c, err
		}
	}
	return c, nil
}

// Resume goes on with a failed chain in the name of the one who acts: its
// failed step again, on the servers alone that it did not finish on.
func (p *Planner) Resume(ctx context.Context, chain, by, reason string) (Progress, error) {
	c, err := p.Chain(ctx, chain)
	if err != nil {
		return c, err
	}
	if c.State != Failed {
		return c, &RefusedError{"only a chain that failed can be resumed"}
	}
	step := &c.Steps[c.Step]
	if step.Run != "" {
		again, err := p.o.Runs.Retry(ctx, step.Run, reason)
		if words, refused := inWords(err); refused {
			return c, &RefusedError{words}
		}
		if err != nil {
			return c, err
		}
		step.Run = again.ID
	}
	c.State, c.Cause, c.EndedAt = Running, "", time.Time{}
	err = p.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		p.changed(tx)
		if err := saveChain(ctx, tx, c); err != nil {
			return err
		}
		return p.o.Audit.Record(ctx, tx, "chain.resume", "chain:"+c.ID, reason, map[string]any{"chain": c.Slug, "by": by})
	})
	if err != nil {
		return c, err
	}
	if err := p.advance(ctx, c.ID); err != nil {
		return c, err
	}
	return p.Chain(ctx, c.ID)
}

func stepsText(steps []Did) string {
	b, err := json.Marshal(steps)
	if err != nil {
		panic("plan: " + err.Error()) // variables come from YAML and were checked
	}
	return string(b)
}

package run

import (
	"context"
	"fmt"
	"os/exec"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/lib/id"
	"github.com/vigie-ops/vigie/internal/operate/playbook"
	"github.com/vigie-ops/vigie/internal/opsrepo"
)

// lintTimeout is how long the lint of a commit may take.
const lintTimeout = 10 * time.Minute

// lint has ansible-lint and the syntax check look at a commit once it was
// accepted, never before: both execute what lies beside the playbooks. It is
// left out where nothing can run, and for what a hub begins with.
func (o *Office) lint(ctx context.Context, tx *db.Tx, r Review) error {
	if r.Method == ByStart || !o.lints(ctx, r.Commit) {
		return nil
	}
	at := o.now()
	return insertRun(ctx, tx, &Run{
		ID: id.New(), Kind: Lint, Playbook: "", Title: fmt.Sprintf("Lint of commit %.10s", r.Commit), Path: opsrepo.Playbooks, Commit: r.Commit, Content: r.Content,
		Tags: []string{}, Variables: map[string]any{}, Servers: []string{}, Reason: "the commit was accepted", By: "hub", Via: "hub", Accepted: r.Words(),
		RequestedAt: at, QueuedAt: at, State: Queued, Timeout: lintTimeout, Forks: 1,
	})
}

// lints reports whether a commit can be looked at. ansible-lint may be missing,
// since nothing else needs it; what cannot be read cannot run either.
func (o *Office) lints(ctx context.Context, commit string) bool {
	if !o.o.Lint || o.o.Sandbox.Ready() != nil {
		return false
	}
	if _, err := exec.LookPath(o.o.Sandbox.program("ansible-lint")); err != nil {
		return false
	}
	g, err := o.generation(ctx, commit)
	return err == nil && len(playbook.Catalogue.Of(g)) > 0
}

// lintJob is ansible-lint on the playbooks of the catalogue, which brings the
// syntax check with it. It gets no secret and no key.
func (o *Office) lintJob(ctx context.Context, r Run, g *opsrepo.Generation) job {
	j := job{id: r.ID, env: environment(r), in: map[string][]byte{"vigie.py": callback}}
	j.content = func(dir string) error { return o.o.Commits.Export(ctx, r.Commit, opsrepo.Playbooks, dir) }
	j.args = []string{o.o.Sandbox.program("ansible-lint"), "--offline", "--nocolor", "-p"}
	for _, p := range playbook.Catalogue.Of(g) {
		j.args = append(j.args, within(p.Path()))
	}
	return j
}

// lintOutcome is what ansible-lint's exit status says.
func lintOutcome(exit int) (State, string) {
	switch exit {
	case 0:
		return Succeeded, ""
	case 2:
		return Failed, "ansible-lint found something; the log says what and where"
	}
	return Failed, fmt.Sprintf("ansible-lint ended with status %d; the log says why", exit)
}

// LintOf returns the newest lint of a commit.
func (o *Office) LintOf(ctx context.Context, commit string) (Run, error) {
	found, err := runsWhere(ctx, o.o.DB.Read(), `commit_hash = ? AND kind = ? ORDER BY id DESC LIMIT 1`, commit, string(Lint))
	if err == nil && len(found) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Run{}, err
	}
	return found[0], nil
}

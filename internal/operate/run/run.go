package run

import (
	"embed"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
)

//go:embed schema/*.sql
var schema embed.FS

// Tables is the tables of runs.
var Tables = db.Schema{Room: "run", FS: schema}

// State says how far a run is.
type State string

// The states of a run. The last seven are ends.
const (
	Checking    State = "checking"    // its check is under way, for who is to approve
	Waiting     State = "waiting"     // somebody must approve
	Queued      State = "queued"      // waits for its turn; Cause says for what
	Running     State = "running"     //
	Succeeded   State = "succeeded"   //
	Failed      State = "failed"      //
	Canceled    State = "canceled"    // by a person
	Interrupted State = "interrupted" // the hub died, or was stopped
	TimedOut    State = "timed out"   //
	Rejected    State = "rejected"    // somebody did not approve
	Expired     State = "expired"     // nobody approved in time
)

// Over reports whether the state is an end.
func (s State) Over() bool {
	switch s {
	case Checking, Waiting, Queued, Running:
		return false
	}
	return true
}

// Kind says what a run is for.
type Kind string

// The kinds of run. A check changes nothing: it is --check --diff. A lint looks
// at the playbooks of a commit and touches no server.
const (
	Real  Kind = "run"
	Check Kind = "check"
	Lint  Kind = "lint"
)

// Run is one run of a playbook.
type Run struct {
	ID          string
	Number      int64 // what people call it: #12
	Kind        Kind
	Playbook    string // slug in the catalogue
	Title       string
	Path        string // of the playbook in the repository
	Commit      string
	Content     string // hash of the commit's tree
	Limit       string // as it was asked for
	Tags        []string
	Variables   map[string]any
	Servers     []string // that it may touch
	Reason      string
	By          string // slug of the person, or what started it
	Via         string
	RequestedAt time.Time
	Origin      string // what started it, if no person did by hand: schedule:nightly, chain:ID, drift
	Parent      string // the run that this one checks, or tries again
	Accepted    string // why its commit may run: signed by nadia, accepted by tomas, break-glass
	BreakGlass  string // the reason, for ever
	Approval    Approval
	ExpiresAt   time.Time
	State       State
	Cause       string // why it waits, or why it ended so
	QueuedAt    time.Time
	StartedAt   time.Time
	EndedAt     time.Time
	CancelBy    string // who asked it to stop
	// CancelReason is why. Records of before it was kept have no place for it.
	CancelReason string `json:",omitempty"`
	Timeout      time.Duration
	Forks        int
	Ansible      string // version
	Exit         int
	Seq          int64 // place in the chain of records; 0 before its end
	PrevHash     string
	Hash         string
	worker       string
	results      string // hash of the results, once they are all written
}

// Approval is who must approve a run, and who did.
type Approval struct {
	Approvers []string      `json:"approvers,omitempty"` // slugs of people; none where no approval is needed
	Channel   string        `json:"channel,omitempty"`
	Check     string        `json:"check,omitempty"`  // id of the run that shows what would change
	Within    time.Duration `json:"within,omitempty"` // how long the request stands once the check is done
	By        string        `json:"by,omitempty"`
	At        time.Time     `json:"at,omitzero"`
	Note      string        `json:"note,omitempty"`
}

// Tally counts results.
type Tally struct {
	OK, Changed, Failed, Unreachable, Skipped, Ignored int
}

// add counts one result more. What changed is also OK, as Ansible counts it.
func (t *Tally) add(status Status, changed bool) {
	switch status {
	case OK:
		t.OK++
		if changed {
			t.Changed++
		}
	case TaskFailed:
		t.Failed++
	case Unreachable:
		t.Unreachable++
	case Skipped:
		t.Skipped++
	case Ignored:
		t.Ignored++
	}
}

// Total is how many results there are.
func (t Tally) Total() int { return t.OK + t.Failed + t.Unreachable + t.Skipped + t.Ignored }

// Status is how a task went on a host.
type Status string

// The statuses.
const (
	OK          Status = "ok"
	TaskFailed  Status = "failed"
	Unreachable Status = "unreachable"
	Skipped     Status = "skipped"
	Ignored     Status = "ignored" // failed, and the playbook says that it does not matter
)

// HostState is how far a host is.
type HostState string

// The states of a host.
const (
	HostPending     HostState = "pending" // nothing was done there yet
	HostWorking     HostState = "working"
	HostDone        HostState = "done"
	HostFailed      HostState = "failed"
	HostUnreachable HostState = "unreachable"
	HostCut         HostState = "cut off" // the run ended in the middle of a task there
	HostUntouched   HostState = "untouched"
)

// Host is one host of a run.
type Host struct {
	Name      string
	State     HostState
	Task      int // the last it began
	UpdatedAt time.Time
	Tally
}

// Task is one task of a run.
type Task struct {
	N         int // from one, in the order in which they began
	Play      string
	Name      string
	Action    string
	Path      string
	StartedAt time.Time
	EndedAt   time.Time // zero while it is under way
	Tally
}

// Result is how one task went on one host.
type Result struct {
	Task    int
	Host    string
	Status  Status
	Changed bool
	Took    time.Duration
	Message string
	Diff    string
	At      time.Time
}

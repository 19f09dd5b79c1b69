package opsrepo_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/signal"
)

// shelf is a source that a test fills.
type shelf struct {
	mu      sync.Mutex
	tree    opsrepo.Tree
	err     error
	fetched int
}

func (s *shelf) String() string { return "shelf" }

func (s *shelf) Fetch(context.Context) (opsrepo.Tree, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetched++
	return s.tree, s.err
}

func (s *shelf) Log(context.Context, time.Time, int) ([]opsrepo.Commit, error) { return nil, nil }

// put commits one file next to vigie.yaml.
func (s *shelf) put(commit, content string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = nil
	s.tree = opsrepo.Tree{Commit: commit, Hash: commit, Author: "Nadia", Subject: "change " + commit, At: time.Unix(1_800_000_000, 0).UTC(), FS: fstest.MapFS{
		"vigie.yaml": {Data: []byte("vigie: 1\n")},
		"ports.yaml": {Data: []byte(content)},
	}, Files: 2}
}

func (s *shelf) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// fleet is an applier that remembers the ports of the last generation.
type fleet struct {
	ports   []string
	applied int
	err     error
}

func (f *fleet) ApplyOps(_ context.Context, tx *db.Tx, g *opsrepo.Generation) error {
	var ports []string
	for _, h := range harbours.Of(g) {
		ports = append(ports, h.Slug)
	}
	tx.After(func() { f.ports, f.applied = ports, f.applied+1 })
	return f.err
}

// board collects signals as "Name state: summary".
type board struct {
	got []string
	err error
}

func (b *board) Report(_ context.Context, signals ...signal.Signal) error {
	if b.err != nil {
		return b.err
	}
	for _, s := range signals {
		b.got = append(b.got, s.Name()+" "+string(s.State)+": "+s.Annotations[signal.Summary])
	}
	return nil
}

// firing returns what fired and was not resolved afterwards.
func (b *board) firing() (names []string) {
	open := map[string]bool{}
	for _, line := range b.got {
		name, rest, _ := strings.Cut(line, " ")
		open[name] = strings.HasPrefix(rest, "firing")
	}
	for _, name := range []string{"OperationsRepositoryInvalid", "OperationsRepositoryNotApplied", "OperationsRepositoryUnreachable"} {
		if open[name] {
			names = append(names, name)
		}
	}
	return names
}

type following struct {
	*opsrepo.Follower
	shelf *shelf
	fleet *fleet
	board *board
	now   time.Time
}

func follow(d *db.DB) *following {
	f := &following{shelf: &shelf{}, fleet: &fleet{}, board: &board{}, now: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)}
	f.Follower = opsrepo.NewFollower(opsrepo.FollowerOptions{
		Source: f.shelf, Sections: toySections, DB: d, Appliers: []opsrepo.Applier{f.fleet}, Sink: f.board,
		Interval: time.Minute, Now: func() time.Time { return f.now },
	})
	return f
}

func each(t *testing.T, f func(t *testing.T, d *db.DB)) {
	dbtest.Each(t, []db.Schema{opsrepo.Tables}, f)
}

func TestAValidChangeIsAppliedAsAWhole(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		f := follow(d)
		f.shelf.put("c1", "ports: [{slug: oslo}]\n")
		f.Check(t.Context())
		f.now = f.now.Add(time.Minute)
		f.shelf.put("c2", "ports: [{slug: oslo}, {slug: bergen}]\n")
		f.Check(t.Context())
		f.Check(t.Context())
		if diff := cmp.Diff([]string{"oslo", "bergen"}, f.fleet.ports); diff != "" || f.fleet.applied != 2 {
			t.Errorf("applied %d times (-want +got):\n%s", f.fleet.applied, diff)
		}
		s := f.Status()
		if s.Current.Commit != "c2" || s.Current.Author != "Nadia" || !s.AppliedAt.Equal(f.now) || len(s.Current.Files) != 2 || s.Err != nil || s.Problems != nil {
			t.Errorf("status = %+v", s)
		}
		if len(s.History) != 2 || s.History[0].Commit != "c2" || s.History[1].Commit != "c1" || s.History[0].Subject != "change c2" ||
			!s.History[0].At.Equal(time.Unix(1_800_000_000, 0)) || !s.History[1].AppliedAt.Equal(f.now.Add(-time.Minute)) {
			t.Errorf("history = %+v", s.History)
		}
		if f := f.board.firing(); f != nil {
			t.Errorf("a good repository fires %v", f)
		}
	})
}

func TestAnInvalidChangeIsRefusedAsAWhole(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		f := follow(d)
		f.shelf.put("c1", "ports: [{slug: oslo}]\n")
		f.Check(t.Context())
		f.shelf.put("c2", "ports:\n  - slug: bergen\n  - slug: Bad\n  - harbour: x\n")
		f.Check(t.Context())
		f.Check(t.Context())
		if diff := cmp.Diff([]string{"oslo"}, f.fleet.ports); diff != "" {
			t.Errorf("a part of a refused change is in force:\n%s", diff)
		}
		s := f.Status()
		if s.Current.Commit != "c1" || s.Seen.Hash != "c2" || len(s.Problems) != 3 {
			t.Errorf("status = %+v", s)
		}
		if diff := cmp.Diff([]string{"OperationsRepositoryInvalid"}, f.board.firing()); diff != "" {
			t.Errorf("firing (-want +got):\n%s", diff)
		}
		last := f.board.got[len(f.board.got)-1]
		if !strings.Contains(last, `ports.yaml:3:11: the slug "Bad"`) || !strings.HasSuffix(last, "(and 2 more problems)") {
			t.Errorf("the alert says %q", last)
		}
		if content, err := fs.ReadFile(f.Refused(), "ports.yaml"); err != nil || !strings.Contains(string(content), "Bad") {
			t.Errorf("the refused file reads %q, %v", content, err)
		}
		f.shelf.put("c3", "ports: [{slug: bergen}]\n")
		f.Check(t.Context())
		if got := f.board.firing(); got != nil || f.Status().Problems != nil || f.Refused() != nil {
			t.Errorf("a mended repository still fires %v", got)
		}
	})
}

func TestGoingBackToTheOldCommitMendsIt(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		f := follow(d)
		f.shelf.put("c1", "ports: [{slug: oslo}]\n")
		f.Check(t.Context())
		f.shelf.put("c2", "ports: 5\n")
		f.Check(t.Context())
		f.shelf.put("c1", "ports: [{slug: oslo}]\n")
		f.Check(t.Context())
		if got := f.board.firing(); got != nil || f.fleet.applied != 1 || len(f.Status().History) != 1 {
			t.Errorf("firing %v, applied %d times, history %+v", got, f.fleet.applied, f.Status().History)
		}
	})
}

func TestAHubStartsWithTheLastGoodOneWhenTheRepositoryIsGone(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		before := follow(d)
		before.shelf.put("c1", "ports: [{slug: oslo}]\n")
		before.Check(t.Context())
		before.shelf.put("c2", "ports: 5\n")
		before.Check(t.Context())

		after := follow(d)
		after.shelf.fail(errors.New("gone"))
		if err := after.Restore(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"oslo"}, after.fleet.ports); diff != "" {
			t.Errorf("restored (-want +got):\n%s", diff)
		}
		s := after.Status()
		if s.Current.Commit != "c1" || s.Current.Subject != "change c1" || !s.AppliedAt.Equal(before.now) || len(s.History) != 1 {
			t.Errorf("status = %+v", s)
		}
		after.Check(t.Context())
		if after.Current().Commit != "c1" {
			t.Error("a failed fetch took the generation away")
		}
		after.shelf.put("c1", "ports: [{slug: oslo}]\n")
		after.Check(t.Context())
		if after.fleet.applied != 1 {
			t.Error("the restored commit was applied again")
		}
	})
}

// After an upgrade: the new version finds a mistake in every port.
func TestAVersionThatRefusesWhatIsStoredAppliesTheRest(t *testing.T) {
	strict := opsrepo.NewList("ports", opsrepo.ListOptions[harbour]{Kind: "port", Check: func(c *opsrepo.Checker, all []harbour) {
		for _, h := range all {
			c.Errorf(c.FieldPos(h.Pos, "slug"), "a port is written in capitals")
		}
	}})
	each(t, func(t *testing.T, d *db.DB) {
		f := follow(d)
		f.shelf.put("c1", "ports: [{slug: oslo}]\nships: [{slug: fram, name: Fram, port: oslo}]\n")
		f.Check(t.Context())
		b := &board{}
		start := func(sections ...opsrepo.Section) *opsrepo.Follower {
			t.Helper()
			n := opsrepo.NewFollower(opsrepo.FollowerOptions{Source: f.shelf, Sections: sections, DB: d, Sink: b})
			if err := n.Restore(t.Context()); err != nil {
				t.Fatal(err)
			}
			return n
		}
		fleetIs := func(f *opsrepo.Follower, want string) {
			t.Helper()
			if got := ships.Of(f.Current()); len(got) != 1 || got[0].Slug != want {
				t.Errorf("ships %+v, want %s", got, want)
			}
		}
		upgraded := start(strict, ships)
		for _, when := range []string{"at the start", "after a check"} {
			fleetIs(upgraded, "fram")
			if got := strict.Of(upgraded.Current()); len(got) != 0 {
				t.Errorf("%s: the section with a mistake is in force: %+v", when, got)
			}
			if len(b.got) == 0 || len(b.firing()) != 1 || !strings.HasPrefix(b.got[0], "OperationsRepositoryInvalid firing") ||
				!strings.Contains(b.got[0], "ports.yaml:1:16: a port is written in capitals") {
				t.Errorf("%s: signals %q", when, b.got)
			}
			if s := upgraded.Status(); len(s.Problems) != 1 || s.Seen.Hash != "c1" || s.Current.Commit != "c1" || len(s.History) != 1 || upgraded.Refused() == nil {
				t.Errorf("%s: status = %+v", when, s)
			}
			upgraded.Check(t.Context())
		}

		// A new commit is taken as a whole or not at all.
		f.shelf.put("c2", "ports: [{slug: oslo}]\nships: [{slug: gjoa, name: Gjoa}]\n")
		upgraded.Check(t.Context())
		fleetIs(upgraded, "fram")
		// The version of before still finds all that it stored.
		if got := harbours.Of(start(harbours, ships).Current()); len(got) != 1 || got[0].Slug != "oslo" {
			t.Errorf("after going back: ports %+v", got)
		}
		f.shelf.put("c3", "ships: [{slug: gjoa, name: Gjoa}]\n")
		upgraded.Check(t.Context())
		fleetIs(upgraded, "gjoa")
		if got := b.firing(); got != nil {
			t.Errorf("mended, and %v fires", got)
		}
	})
}

func TestWhatLeavesASectionOutAndWhatDoesNot(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		for i, c := range []struct {
			name, stored string
			sections     []opsrepo.Section
			ships        int
			says         string
		}{
			{"a key that nobody knows any more", "ports: [{slug: oslo}]\nships: [{slug: fram, name: Fram}]\n", []opsrepo.Section{ships}, 1, `ports.yaml:1:1: unknown key "ports"`},
			{"a field that nobody knows any more", "ports: [{slug: oslo}]\nships: [{slug: fram, name: Fram}]\n",
				[]opsrepo.Section{ships, opsrepo.NewList("ports", opsrepo.ListOptions[struct {
					Name string `yaml:"name"`
				}]{})}, 1, `ports.yaml:1:10: unknown key "slug"`},
			{"a reference into nothing", "ships: [{slug: fram, name: Fram}]\ncompany: {name: A}\n", []opsrepo.Section{ships, opsrepo.NewSingle("company", opsrepo.SingleOptions[struct {
				Name string `yaml:"name" ops:"ref=ship"`
			}]{})}, 1, `ports.yaml:2:17: name names the ship "A"`},
			{"a value of another type", "ships: [{slug: fram, name: Fram}]\ncompany: {name: A}\n", []opsrepo.Section{ships, opsrepo.NewSingle("company", opsrepo.SingleOptions[struct {
				Name int `yaml:"name"`
			}]{})}, 1, `ports.yaml:2:17: `},
		} {
			f := follow(d)
			f.shelf.put(fmt.Sprintf("c%d", i), c.stored)
			f.Check(t.Context())
			b := &board{}
			other := opsrepo.NewFollower(opsrepo.FollowerOptions{Sections: c.sections, DB: d, Sink: b})
			if err := other.Restore(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := ships.Of(other.Current()); len(got) != c.ships || !strings.Contains(strings.Join(b.got, ""), c.says) {
				t.Errorf("%s: ships %+v, signals %q", c.name, got, b.got)
			}
		}
	})
}

func TestNothingStoredIsNoError(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		f := follow(d)
		if err := f.Restore(t.Context()); err != nil || f.Current() != nil {
			t.Errorf("Restore = %v, current = %v", err, f.Current())
		}
	})
}

func TestOneLostConnectionIsNoAlert(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		f := follow(d)
		f.shelf.fail(errors.New("connection refused"))
		f.Check(t.Context())
		f.Check(t.Context())
		if got := f.board.firing(); got != nil {
			t.Errorf("two failures fire %v", got)
		}
		f.Check(t.Context())
		f.Check(t.Context())
		if diff := cmp.Diff([]string{"OperationsRepositoryUnreachable firing: The operations repository cannot be fetched: connection refused"}, f.board.got); diff != "" {
			t.Errorf("signals (-want +got):\n%s", diff)
		}
		if f.Status().Err == nil {
			t.Error("the status does not say why")
		}
		f.shelf.put("c1", "ports: []\n")
		f.Check(t.Context())
		if got := f.board.firing(); got != nil || f.Status().Err != nil {
			t.Errorf("a repository that is back still fires %v", got)
		}
	})
}

func TestAnApplierThatFailsLeavesNothingBehind(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		f := follow(d)
		f.fleet.err = errors.New("disk full")
		f.shelf.put("c1", "ports: [{slug: oslo}]\n")
		for range 3 {
			f.Check(t.Context())
		}
		if f.fleet.ports != nil || f.Current() != nil {
			t.Error("a change that failed is in force")
		}
		if again := follow(d); again.Restore(t.Context()) != nil || again.Current() != nil {
			t.Error("a change that failed is stored")
		}
		if diff := cmp.Diff([]string{"OperationsRepositoryNotApplied"}, f.board.firing()); diff != "" {
			t.Errorf("firing (-want +got):\n%s", diff)
		}
		f.fleet.err = nil
		f.Check(t.Context())
		if f.Current() == nil || f.board.firing() != nil {
			t.Error("the change was not tried again")
		}
	})
}

func TestASignalThatWasNotTakenIsReportedAgain(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		f := follow(d)
		f.shelf.put("c1", "ports: 5\n")
		f.board.err = errors.New("busy")
		f.Check(t.Context())
		f.board.err = nil
		f.Check(t.Context())
		if diff := cmp.Diff([]string{"OperationsRepositoryInvalid"}, f.board.firing()); diff != "" {
			t.Errorf("firing (-want +got):\n%s", diff)
		}
	})
}

func TestAStartResolvesWhatFiredBeforeIt(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		f := follow(d)
		f.shelf.put("c1", "ports: []\n")
		f.Check(t.Context())
		if got := strings.Join(f.board.got, "\n"); !strings.Contains(got, "OperationsRepositoryInvalid resolved") {
			t.Errorf("signals = %s", got)
		}
	})
}

func TestOldGenerationsStayAsHistoryOnly(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		f := follow(d)
		for _, c := range []string{"c1", "c2", "c3", "c4", "c5", "c6", "c7"} {
			f.shelf.put(c, "ports: [{slug: "+c+"}]\n")
			f.Check(t.Context())
		}
		var kept int
		if err := d.Read().NewRaw("SELECT COUNT(*) FROM opsrepo_generation WHERE archive IS NOT NULL").Scan(t.Context(), &kept); err != nil {
			t.Fatal(err)
		}
		if got := len(f.Status().History); kept != 5 || got != 7 {
			t.Errorf("%d archives and %d lines of history, want 5 and 7", kept, got)
		}
	})
}

func TestRunChecksAtOnceAtIntervalsAndWhenKicked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Nothing is applied, so that no database is needed.
		s := &shelf{}
		s.fail(fs.ErrNotExist)
		f := opsrepo.NewFollower(opsrepo.FollowerOptions{Source: s, Interval: time.Minute})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- f.Run(ctx) }()
		count := func(want int) {
			t.Helper()
			synctest.Wait()
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.fetched != want {
				t.Errorf("fetched %d times, want %d", s.fetched, want)
			}
		}
		count(1)
		time.Sleep(time.Minute)
		count(2)
		f.Kick()
		count(3)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

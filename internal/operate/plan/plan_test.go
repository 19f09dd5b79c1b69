package plan_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/operate/plan"
	"github.com/vigie-ops/vigie/internal/operate/playbook"
	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/signal"
)

const company = `vigie: 1
company: {name: Halyard, domain: halyard.example, timezone: Europe/Paris, country: fr}
people: [{slug: ada, name: Ada, email: ada@halyard.example, role: operator}]
clients:
  - {slug: borealis, name: Borealis, account_manager: ada}
  - {slug: fjord, name: Fjord, account_manager: ada, timezone: America/New_York, country: us}
servers: [{slug: app-01, address: 127.0.0.1, roles: [app]}]
`

const catalogue = `playbooks:
  - {slug: site, file: site.yml}
  - {slug: restart, file: site.yml, variables: [{name: service, type: choice, choices: [nginx], required: true}]}
`

// load reads a repository with some sections more.
func load(t *testing.T, more string) (*opsrepo.Generation, opsrepo.Problems) {
	t.Helper()
	sections := slices.Concat(fleet.Sections(), people.Sections(), playbook.Sections(), plan.Sections())
	g, problems := opsrepo.Load(fstest.MapFS{
		"vigie.yaml": {Data: []byte(company)}, "playbooks/vigie.yaml": {Data: []byte(catalogue)}, "playbooks/site.yml": {Data: []byte("[]\n")},
		"plan.yaml": {Data: []byte(more)},
	}, sections)
	if g != nil {
		g.Commit = "1234567890abcdef"
	}
	return g, problems
}

// office is an office of runs in memory. It takes what it is told to.
type office struct {
	g       *opsrepo.Generation
	runs    []run.Run
	keys    map[string]string // of requests, with the run's id
	asked   []run.Request
	actors  []people.Actor
	refuse  string
	broken  error
	retried []string
}

func (o *office) AcceptedGeneration(context.Context) (*opsrepo.Generation, error) { return o.g, nil }

func (o *office) Ask(ctx context.Context, q run.Request) (run.Run, error) {
	if o.broken != nil {
		return run.Run{}, o.broken
	}
	if id, ok := o.keys[q.Key]; ok {
		return o.Get(ctx, id)
	}
	if o.refuse != "" {
		return run.Run{}, &run.RefusedError{Reason: o.refuse}
	}
	actor, _ := people.From(ctx)
	n := len(o.runs) + 1
	r := run.Run{ID: fmt.Sprintf("run-%d", n), Number: int64(n), State: run.Running, Playbook: q.Playbook}
	o.runs, o.asked, o.actors = append(o.runs, r), append(o.asked, q), append(o.actors, actor)
	o.keys[q.Key] = r.ID
	return r, nil
}

func (o *office) Get(_ context.Context, id string) (run.Run, error) {
	for _, r := range o.runs {
		if r.ID == id {
			return r, nil
		}
	}
	return run.Run{}, run.ErrNotFound
}

func (o *office) Retry(ctx context.Context, id, _ string) (run.Run, error) {
	o.retried = append(o.retried, id)
	return o.Ask(ctx, run.Request{Key: "retry of " + id})
}

func (o *office) Cancel(_ context.Context, id, _, _ string) (run.Run, error) {
	o.end(id, run.Canceled, time.Time{})
	return run.Run{}, nil
}

func (o *office) end(id string, s run.State, at time.Time) {
	for i := range o.runs {
		if o.runs[i].ID == id {
			o.runs[i].State, o.runs[i].EndedAt = s, at
		}
	}
}

type desk struct {
	*plan.Planner
	t    *testing.T
	db   *db.DB
	runs *office
	now  time.Time
	sent []signal.Signal
	acts []string
}

func (d *desk) Report(_ context.Context, s ...signal.Signal) error {
	d.sent = append(d.sent, s...)
	return nil
}

func (d *desk) Record(_ context.Context, _ *db.Tx, verb, _, _ string, _ map[string]any) error {
	d.acts = append(d.acts, verb)
	return nil
}

// each gives a test a planner on every engine, at noon of 26 November 2026 in
// Paris, a Thursday.
func each(t *testing.T, sections string, f func(d *desk)) {
	t.Helper()
	g, problems := load(t, sections)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	dbtest.Each(t, []db.Schema{plan.Tables}, func(t *testing.T, state *db.DB) {
		d := &desk{t: t, db: state, runs: &office{g: g, keys: map[string]string{}}, now: time.Date(2026, 11, 26, 11, 0, 0, 0, time.UTC)}
		d.restart()
		f(d)
	})
}

// restart is the hub started anew.
func (d *desk) restart() {
	d.Planner = plan.New(plan.Options{DB: d.db, Now: func() time.Time { return d.now }, Runs: d.runs, Audit: d, Sink: d})
}

func (d *desk) look() {
	d.t.Helper()
	if err := d.Look(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
}

// at moves the clock on to a time of day in UTC, and looks.
func (d *desk) at(day, hour, minute int) {
	d.t.Helper()
	d.now = time.Date(2026, 11, day, hour, minute, 0, 0, time.UTC)
	d.look()
}

func (d *desk) asked(n int) {
	d.t.Helper()
	if got := len(d.runs.asked); got != n {
		d.t.Fatalf("%d runs were asked for until %s, want %d", got, d.now, n)
	}
}

const nightly = `schedules:
  - {slug: nightly, playbook: site, limit: app, cron: "30 3 * * *"}
`

func TestASchedulesRunIsAskedForOnceAtItsTime(t *testing.T) {
	each(t, nightly, func(d *desk) {
		d.look()
		d.at(27, 2, 29)
		d.asked(0)
		d.at(27, 2, 30)
		d.look()
		d.restart()
		d.look()
		d.asked(1)
		q, actor := d.runs.asked[0], d.runs.actors[0]
		if q.Playbook != "site" || q.Limit != "app" || q.Commit != "1234567890abcdef" || q.Origin != "schedule:nightly" || q.Reason == "" {
			t.Errorf("asked for %+v", q)
		}
		if actor.Slug != "schedule:nightly" {
			t.Errorf("in the name of %+v", actor)
		}
		d.runs.end("run-1", run.Succeeded, d.now)
		d.at(28, 2, 30)
		d.asked(2)
	})
}

func TestAKillBetweenTheRequestAndItsNoteAsksForNothingTwice(t *testing.T) {
	each(t, nightly, func(d *desk) {
		d.look()
		d.now = time.Date(2026, 11, 27, 2, 30, 0, 0, time.UTC)
		ctx, cancel := context.WithCancel(t.Context())
		asking := killed{d.runs, cancel}
		p := plan.New(plan.Options{DB: d.db, Now: func() time.Time { return d.now }, Runs: asking, Audit: d, Sink: d})
		if err := p.Look(ctx); err == nil {
			t.Fatal("the look was not cut off")
		}
		d.asked(1)
		d.restart()
		d.look()
		d.asked(1)
		if s, err := d.Schedules(t.Context()); err != nil || s[0].Run != "run-1" {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

// killed ends the one who asks right after a request was taken.
type killed struct {
	*office
	kill context.CancelFunc
}

func (k killed) Ask(ctx context.Context, q run.Request) (run.Run, error) {
	r, err := k.office.Ask(ctx, q)
	k.kill()
	return r, err
}

func TestAHubThatWasAwayCatchesUpWithinAnHourAndSaysSoAfter(t *testing.T) {
	each(t, nightly, func(d *desk) {
		d.look()
		d.at(27, 3, 20)
		d.asked(1)
		d.runs.end("run-1", run.Succeeded, d.now)
		d.at(28, 9, 0)
		d.asked(1)
		last := d.sent[len(d.sent)-1]
		if last.State != signal.Firing || last.Labels[signal.LabelName] != "ScheduledRunNotStarted" || !strings.Contains(last.Annotations[signal.Description], "Sat 28 Nov 02:30") {
			t.Errorf("told %+v", last)
		}
		d.at(29, 2, 30)
		d.asked(2)
		if last := d.sent[len(d.sent)-1]; last.State != signal.Resolved {
			t.Errorf("what started again is told as %+v", last)
		}
	})
}

func TestWhatIsStillUnderWayIsNotStartedASecondTime(t *testing.T) {
	each(t, nightly, func(d *desk) {
		d.look()
		d.at(27, 2, 30)
		d.at(28, 2, 30)
		d.asked(1)
		s, err := d.Schedules(t.Context())
		if err != nil || !strings.Contains(s[0].Problem, "run #1") {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

func TestARefusalIsToldAndAFaultOfTheHubIsTriedAgain(t *testing.T) {
	each(t, nightly, func(d *desk) {
		d.look()
		d.now = time.Date(2026, 11, 27, 2, 30, 0, 0, time.UTC)
		d.runs.broken = errors.New("the disk is full")
		if err := d.Look(t.Context()); err == nil {
			t.Fatal("a fault is no error")
		}
		d.runs.broken = nil
		d.look()
		d.asked(1)
		d.runs.end("run-1", run.Succeeded, d.now)
		d.runs.refuse = "no host key is known of app-01"
		d.at(28, 2, 30)
		if s, err := d.Schedules(t.Context()); err != nil || s[0].Problem != d.runs.refuse {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

func TestANewTimetableCountsFromNowOn(t *testing.T) {
	each(t, nightly, func(d *desk) {
		d.look()
		d.at(27, 2, 30)
		d.runs.end("run-1", run.Succeeded, d.now)
		d.at(27, 12, 0)
		d.runs.g, _ = load(t, `schedules: [{slug: nightly, playbook: site, limit: all, cron: "0 8 * * *"}]`)
		d.look()
		d.look()
		d.asked(1)
		if last := d.sent[len(d.sent)-1]; last.State == signal.Firing {
			t.Errorf("told %+v", last)
		}
		d.at(28, 7, 0)
		d.asked(2)
	})
}

func TestAPausedScheduleStartsNothingAndMissesNothing(t *testing.T) {
	each(t, `schedules: [{slug: nightly, playbook: site, limit: all, cron: "30 3 * * *", paused: true}]`, func(d *desk) {
		d.look()
		d.at(28, 2, 31)
		d.runs.g, _ = load(t, nightly)
		d.at(28, 9, 0)
		d.asked(0)
		if len(d.sent) > 0 {
			t.Errorf("told %+v", d.sent)
		}
	})
}

func TestTimesFollowTheClientsClockItsOfficeAndItsHolidays(t *testing.T) {
	g, problems := load(t, `schedules:
  - {slug: ours, playbook: site, limit: all, cron: "0 3 * * *"}
  - {slug: theirs, playbook: site, limit: all, cron: "0 3 * * *", client: fjord}
  - {slug: closed, playbook: site, limit: all, cron: "0 */6 * * *", hours: outside office}
  - {slug: open, playbook: site, limit: all, cron: "0 */6 * * *", hours: office}
  - {slug: workdays, playbook: site, limit: all, cron: "0 10 * * *", client: fjord, holidays: skip}
  - {slug: monthly, playbook: site, limit: all, rule: "FREQ=MONTHLY;INTERVAL=2;BYDAY=1SU", starts: "2026-01-04T03:00"}
`)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	// The eve of Thanksgiving, 2026-11-26, which is a holiday in the United States.
	after := time.Date(2026, 11, 25, 20, 0, 0, 0, time.UTC)
	want := map[string]string{
		"ours": "2026-11-26 02:00", "theirs": "2026-11-26 08:00", "closed": "2026-11-25 23:00", "open": "2026-11-26 11:00",
		"workdays": "2026-11-27 15:00", "monthly": "2027-01-03 02:00",
	}
	for _, s := range plan.Schedules.Of(g) {
		if got := s.Next(fleet.NewSnapshot(g), after).UTC().Format("2006-01-02 15:04"); got != want[s.Slug] {
			t.Errorf("%s comes next at %s UTC, want %s", s.Slug, got, want[s.Slug])
		}
	}
}

func TestMistakesInAPlanNameTheirPlace(t *testing.T) {
	_, problems := load(t, `schedules:
  - {slug: a, playbook: site, cron: "30 3 * *"}
  - {slug: b, playbook: site}
  - {slug: c, playbook: site, chain: release, cron: "@daily"}
  - {slug: d, chain: release, limit: app, cron: "@daily"}
  - {slug: e, playbook: restart, cron: "@daily"}
  - {slug: f, playbook: site, rule: FREQ=DAILY}
  - {slug: g, playbook: site, cron: "0 0 30 2 *"}
  - {slug: h, playbook: nosuch, cron: "@daily"}
  - {slug: i, playbook: site, cron: "@daily", client: fjord, timezone: Europe/Oslo}
chains:
  - slug: release
    steps:
      - {playbook: site, wait: 5m}
      - {playbook: restart, variables: {service: apache}}
      - {limit: app}
`)
	var got []string
	for _, p := range problems {
		got = append(got, p.String())
	}
	for _, want := range []string{
		`plan.yaml:2:37: "30 3 * *" is no cron expression`, `plan.yaml:3:5: the schedule "b" has one timetable`, `plan.yaml:4:5: the schedule "c" runs one thing`,
		`plan.yaml:5:5: the steps of a chain say where`, `plan.yaml:6:25: service`, `plan.yaml:7:37: starts: "" is no beginning`, `plan.yaml:8:37: there is no such day`,
		`plan.yaml:9:25: playbook names the playbook "nosuch"`, `plan.yaml:10:72: the client "fjord" has a time zone`, `plan.yaml:14:32: nothing comes before the first step`,
		`plan.yaml:15:40: service`, `plan.yaml:6:25: nothing says on which servers`, `plan.yaml:14:20: nothing says on which servers`, `plan.yaml:16:9: a step runs a playbook`,
	} {
		if !slices.ContainsFunc(got, func(line string) bool { return strings.HasPrefix(line, want) }) {
			t.Errorf("no line begins with %s", want)
		}
	}
	if t.Failed() {
		t.Log(strings.Join(got, "\n"))
	}
}

const release = `chains:
  - slug: release
    name: Release
    steps:
      - {playbook: site, limit: app, check: true, name: build}
      - {playbook: site, limit: app, name: staging}
      - {playbook: site, limit: all, name: the rest, wait: 30m}
`

func (d *desk) start(slug string) plan.Progress {
	d.t.Helper()
	c, err := d.Start(people.With(d.t.Context(), people.Actor{Slug: "ada", Role: people.Operator, Via: people.ViaSession}), slug, "version 5")
	if err != nil {
		d.t.Fatal(err)
	}
	return c
}

func (d *desk) chain(id string) plan.Progress {
	d.t.Helper()
	c, err := d.Chain(d.t.Context(), id)
	if err != nil {
		d.t.Fatal(err)
	}
	return c
}

func TestTheStepsOfAChainFollowEachOther(t *testing.T) {
	each(t, release, func(d *desk) {
		c := d.start("release")
		d.asked(1)
		d.look()
		d.asked(1)
		d.runs.end("run-1", run.Succeeded, d.now)
		d.restart()
		d.look()
		d.asked(2)
		d.runs.end("run-2", run.Succeeded, d.now)
		d.look()
		d.now = d.now.Add(29 * time.Minute)
		d.look()
		d.asked(2)
		d.now = d.now.Add(time.Minute)
		d.look()
		d.asked(3)
		for i, q := range d.runs.asked {
			if q.Commit != c.Commit || q.Origin != "chain:"+c.ID || d.runs.actors[i].Slug != "ada" || q.Check != (i == 0) {
				t.Errorf("step %d asked for %+v as %s", i+1, q, d.runs.actors[i].Slug)
			}
		}
		d.runs.end("run-3", run.Succeeded, d.now)
		d.look()
		if c := d.chain(c.ID); c.State != plan.Succeeded || c.EndedAt.IsZero() {
			t.Errorf("the chain ended as %+v", c)
		}
	})
}

func TestAChainStopsWhereAStepFailsAndGoesOnFromThere(t *testing.T) {
	each(t, release, func(d *desk) {
		c := d.start("release")
		d.runs.end("run-1", run.Failed, d.now)
		d.look()
		d.look()
		d.asked(1)
		if c := d.chain(c.ID); c.State != plan.Failed || !strings.Contains(c.Cause, "run #1, step 1 of 3") {
			t.Fatalf("the chain is %+v", c)
		}
		if _, err := d.Resume(t.Context(), c.ID, "ada", "mended"); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(d.runs.retried, []string{"run-1"}) {
			t.Errorf("tried again: %v", d.runs.retried)
		}
		d.runs.end("run-2", run.Succeeded, d.now)
		d.look()
		d.asked(3)
		if c := d.chain(c.ID); c.State != plan.Running || c.Step != 1 {
			t.Errorf("the chain is %+v", c)
		}
	})
}

func TestARefusedStepEndsAChainInItsWords(t *testing.T) {
	each(t, release, func(d *desk) {
		d.runs.refuse = "the commit was not accepted"
		if c := d.start("release"); c.State != plan.Failed || !strings.Contains(c.Cause, d.runs.refuse) {
			t.Errorf("the chain is %+v", c)
		}
	})
}

func TestAStoppedChainCancelsItsRunAndStaysStopped(t *testing.T) {
	each(t, release, func(d *desk) {
		c := d.start("release")
		if _, err := d.Stop(t.Context(), c.ID, "ada", "wrong version"); err != nil {
			t.Fatal(err)
		}
		d.look()
		d.asked(1)
		if c := d.chain(c.ID); c.State != plan.Stopped {
			t.Errorf("the chain is %+v", c)
		}
		if r, _ := d.runs.Get(t.Context(), "run-1"); r.State != run.Canceled {
			t.Errorf("its run is %s", r.State)
		}
		var refused *plan.RefusedError
		if _, err := d.Resume(t.Context(), c.ID, "ada", ""); !errors.As(err, &refused) {
			t.Errorf("a stopped chain is resumed: %v", err)
		}
		if !slices.Equal(d.acts, []string{"chain.start", "chain.stop"}) {
			t.Errorf("the trail holds %v", d.acts)
		}
	})
}

func TestAScheduledChainIsBegunOnce(t *testing.T) {
	each(t, release+`schedules: [{slug: weekly, chain: release, cron: "0 12 * * 5"}]`+"\n", func(d *desk) {
		d.look()
		d.at(27, 11, 0)
		d.restart()
		d.look()
		d.asked(1)
		all, err := d.Chains(t.Context(), 10)
		if err != nil || len(all) != 1 || all[0].By != "schedule:weekly" {
			t.Errorf("%+v, %v", all, err)
		}
	})
}

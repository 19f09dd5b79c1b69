package logbook_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/respond/logbook"
	"github.com/vigie-ops/vigie/internal/signal"
)

// harness is a desk, and events as a board would hand them over.
type harness struct {
	t     *testing.T
	ctx   context.Context
	db    *db.DB
	now   time.Time
	pages []logbook.Page
	verbs []string
	*logbook.Desk
}

func each(t *testing.T, f func(h *harness)) {
	dbtest.Each(t, []db.Schema{alert.Tables, logbook.Tables}, func(t *testing.T, d *db.DB) {
		h := &harness{t: t, ctx: context.Background(), db: d, now: time.Date(2026, 3, 2, 3, 4, 5, 0, time.UTC)}
		h.Desk = logbook.New(logbook.Options{DB: d, Log: slog.New(slog.DiscardHandler), Next: h, Audit: h, Fleet: h, Now: func() time.Time { return h.now }})
		f(h)
	})
}

func (h *harness) Page(_ context.Context, tx *db.Tx, p logbook.Page) error {
	tx.After(func() { h.pages = append(h.pages, p) })
	return nil
}

func (h *harness) Record(_ context.Context, tx *db.Tx, verb, _, _ string, _ map[string]any) error {
	tx.After(func() { h.verbs = append(h.verbs, verb) })
	return nil
}

func (h *harness) ClientOf(instance string) string {
	return map[string]string{"borealis": "acme", "zephyr": "globex"}[instance]
}

func (h *harness) InstancesOn(server string) []string {
	return map[string][]string{"app-01": {"borealis", "zephyr"}}[server]
}

func (h *harness) ServersOf(instance string) []string {
	return map[string][]string{"borealis": {"app-01", "db-01"}}[instance]
}

func one(id string, s signal.Severity) alert.Alert {
	return alert.Alert{ID: id, Name: "DiskFull", Severity: s, Subject: signal.Subject{Kind: signal.Server, Slug: "app-01"}, State: alert.Firing,
		Annotations: map[string]string{"summary": "Disk of app-01 is full", "description": "Nothing can be written."}}
}

// event fills in what every event has.
func (h *harness) event(reason alert.Reason, change func(e *alert.Event)) {
	h.t.Helper()
	e := alert.Event{ID: fmt.Sprint("event-", h.now.UnixNano()), At: h.now, Reason: reason, Tell: true, Group: alert.Group{Key: "g"}, Policy: alert.DefaultPolicy()}
	change(&e)
	if err := h.db.Write(h.ctx, func(ctx context.Context, tx *db.Tx) error { return h.Take(ctx, tx, e) }); err != nil {
		h.t.Fatal(err)
	}
}

func (h *harness) fires(as ...alert.Alert) {
	h.t.Helper()
	h.event(alert.ReasonFiring, func(e *alert.Event) { e.New, e.Firing = as, as })
}

func (h *harness) resolves(change func(e *alert.Event), as ...alert.Alert) {
	h.t.Helper()
	for i := range as {
		as[i].State = alert.Resolved
	}
	h.event(alert.ReasonResolved, func(e *alert.Event) { e.Resolved = as; change(e) })
}

func same(*alert.Event) {}

func (h *harness) issues() []logbook.Issue {
	h.t.Helper()
	p, err := h.List(h.ctx, logbook.Filter{})
	if err != nil {
		h.t.Fatal(err)
	}
	return p.Items
}

func (h *harness) wantStates(want ...logbook.State) {
	h.t.Helper()
	var got []logbook.State
	for _, i := range h.issues() {
		got = append(got, i.State)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		h.t.Fatalf("states of the issues, newest first (-want +got):\n%s", diff)
	}
}

func TestOneIssueForAGroupUntilItIsOver(t *testing.T) {
	each(t, func(h *harness) {
		h.fires(one("a1", signal.Warning))
		h.now = h.now.Add(time.Minute)
		h.fires(one("a2", signal.Critical))
		h.wantStates(logbook.Open)
		i := h.issues()[0]
		if i.Severity != signal.Critical || i.Title != "Disk of app-01 is full" || i.Firing != 2 || i.Alerts != 2 {
			h.t.Errorf("issue %+v", i)
		}
		if diff := cmp.Diff([][]string{{"app-01"}, {"borealis", "zephyr"}, {"acme", "globex"}}, [][]string{i.Servers, i.Instances, i.Clients}); diff != "" {
			h.t.Errorf("affected (-want +got):\n%s", diff)
		}
		if q := i.Questions[0]; q.Text != "" || q.Suggestion != "Disk of app-01 is full\n\nNothing can be written." {
			h.t.Errorf("first question %+v; want a suggestion and no answer", q)
		}
		h.resolves(same, one("a1", signal.Warning))
		h.wantStates(logbook.Open)
		h.resolves(same, one("a2", signal.Critical))
		h.wantStates(logbook.Closed)
		if len(h.pages) != 4 || !h.pages[0].Opened || h.pages[1].Opened || h.pages[3].Issue.State != logbook.Closed {
			h.t.Errorf("pages %+v", h.pages)
		}
	})
}

func TestTheIssueOfAnInstanceNamesTheServersItRunsOn(t *testing.T) {
	each(t, func(h *harness) {
		f := func(what string, i logbook.Issue, servers ...string) {
			h.t.Helper()
			if diff := cmp.Diff([][]string{servers, {"borealis"}, {"acme"}}, [][]string{i.Servers, i.Instances, i.Clients}); diff != "" {
				h.t.Errorf("%s (-want +got):\n%s", what, diff)
			}
		}
		a := one("a1", signal.Warning)
		a.Subject = signal.Subject{Kind: signal.Instance, Slug: "borealis"}
		h.fires(a)
		f("an alert", h.issues()[0], "app-01", "db-01")
		h.event(alert.ReasonFiring, func(e *alert.Event) {
			b := a
			b.ID, b.Labels = "a2", map[string]string{signal.LabelServer: "app-01"}
			e.Group.Key, e.New, e.Firing = "another", []alert.Alert{b}, []alert.Alert{b}
		})
		f("an alert that knows on which", h.issues()[0], "app-01")
		i, err := h.Declare(h.ctx, "nadia", logbook.Declaration{Title: "Slow", Instances: []string{"borealis"}})
		if err != nil {
			h.t.Fatal(err)
		}
		f("declared", i, "app-01", "db-01")
		if i, err = h.Declare(h.ctx, "nadia", logbook.Declaration{Title: "Slow", Instances: []string{"borealis"}, Servers: []string{"db-01"}}); err != nil {
			h.t.Fatal(err)
		}
		f("declared by somebody who knows on which", i, "db-01")
	})
}

func TestAnIssueThatComesBackSoonIsTheSame(t *testing.T) {
	each(t, func(h *harness) {
		h.fires(one("a1", signal.Warning))
		h.resolves(same, one("a1", signal.Warning))
		h.now = h.now.Add(30 * time.Minute)
		h.fires(one("a2", signal.Warning))
		h.wantStates(logbook.Open)
		h.resolves(same, one("a2", signal.Warning))
		h.now = h.now.Add(31 * time.Minute)
		h.fires(one("a3", signal.Warning))
		h.wantStates(logbook.Open, logbook.Closed)
		if n := h.issues()[0].Number; n != 2 {
			h.t.Errorf("the second issue has number %d", n)
		}
	})
}

func TestWhoClosesAnIssueIsThePolicys(t *testing.T) {
	each(t, func(h *harness) {
		h.fires(one("a1", signal.Warning))
		h.resolves(func(e *alert.Event) { e.Policy.CloseWhenResolved = false }, one("a1", signal.Warning))
		h.wantStates(logbook.Resolved)
		if _, err := h.Close(h.ctx, "nadia", "1", "disk was extended"); err != nil {
			h.t.Fatal(err)
		}
		h.wantStates(logbook.Closed)
		var invalid *logbook.Invalid
		if _, err := h.Close(h.ctx, "nadia", "1", ""); !errors.As(err, &invalid) {
			h.t.Errorf("closed twice: %v", err)
		}
		if _, err := h.Reopen(h.ctx, "nadia", "#1", "not quite"); err != nil {
			h.t.Fatal(err)
		}
		h.wantStates(logbook.Open)
	})
}

func TestWhatIsNotSevereOpensNoIssueButIsPaged(t *testing.T) {
	each(t, func(h *harness) {
		h.fires(one("a1", signal.Info))
		h.wantStates()
		if len(h.pages) != 1 || h.pages[0].Issue != nil {
			h.t.Errorf("pages %+v", h.pages)
		}
		worse := one("a1", signal.Critical)
		h.event(alert.ReasonSeverity, func(e *alert.Event) { e.Changed, e.Firing = []alert.Alert{worse}, []alert.Alert{worse} })
		h.wantStates(logbook.Open)
	})
}

func TestAnIssueClosedWhileItFiresStaysClosedUntilSomethingNew(t *testing.T) {
	each(t, func(h *harness) {
		a := one("a1", signal.Warning)
		h.fires(a)
		if _, err := h.Close(h.ctx, "nadia", "1", ""); err != nil {
			h.t.Fatal(err)
		}
		h.event(alert.ReasonRepeat, func(e *alert.Event) { e.Firing = []alert.Alert{a} })
		h.wantStates(logbook.Closed)
		h.fires(one("a2", signal.Warning))
		h.wantStates(logbook.Open)
	})
}

func TestWhoAcknowledgesHasTheIssue(t *testing.T) {
	each(t, func(h *harness) {
		a := one("a1", signal.Warning)
		h.fires(a)
		for _, actor := range []string{"nadia", "tom"} {
			h.event(alert.ReasonAcknowledged, func(e *alert.Event) { e.Again, e.Actor, e.Text, e.Tell = []alert.Alert{a}, actor, "on it", false })
		}
		if got := h.issues()[0].TakenBy; got != "nadia" {
			h.t.Errorf("taken by %q, want who was first", got)
		}
		i, err := h.TakeOver(h.ctx, "tom", "1")
		if err != nil || i.TakenBy != "tom" {
			h.t.Errorf("taken by %q, %v; want tom", i.TakenBy, err)
		}
		if len(h.pages) != 1 {
			h.t.Errorf("an acknowledgement paged: %+v", h.pages)
		}
	})
}

func TestPeopleWriteTheRest(t *testing.T) {
	each(t, func(h *harness) {
		i, err := h.Declare(h.ctx, "nadia", logbook.Declaration{Title: "Mail is\nslow", Text: "Queue grows.", Instances: []string{"borealis"}})
		if err != nil || i.Title != "Mail is slow" || i.TakenBy != "nadia" || i.Questions[0].Text != "Queue grows." || i.Clients[0] != "acme" {
			h.t.Fatalf("declared %+v, %v", i, err)
		}
		if _, err := h.Comment(h.ctx, "tom", i.ID, "Looking at **postfix**."); err != nil {
			h.t.Fatal(err)
		}
		if i, err = h.Answer(h.ctx, "tom", i.ID, logbook.Avoid, "Alert on the queue."); err != nil || i.Questions[4].By != "tom" {
			h.t.Fatalf("answered %+v, %v", i.Questions, err)
		}
		commit := logbook.Commit{Hash: "abc123", Author: "Tom", Subject: "playbooks: raise limit"}
		for range 2 {
			if err := h.db.Write(h.ctx, func(ctx context.Context, tx *db.Tx) error { return h.NoteCommit(ctx, tx, commit) }); err != nil {
				h.t.Fatal(err)
			}
		}
		var kinds []string
		var cursor string
		for {
			p, err := h.Timeline(h.ctx, "1", logbook.TimelineFilter{Limit: 2, Cursor: cursor})
			if err != nil {
				h.t.Fatal(err)
			}
			for _, e := range p.Items {
				kinds = append(kinds, e.Kind)
			}
			if cursor = p.Next; cursor == "" {
				break
			}
		}
		want := []string{logbook.KindState, logbook.KindAnswer, logbook.KindComment, logbook.KindAnswer, logbook.KindCommit}
		if diff := cmp.Diff(want, kinds); diff != "" {
			h.t.Errorf("timeline (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"issue.declare", "issue.comment", "issue.answer"}, h.verbs); diff != "" {
			h.t.Errorf("audit (-want +got):\n%s", diff)
		}
		for _, f := range []logbook.Filter{{Text: "QUEUE alert"}, {Instance: "borealis"}, {Client: "acme"}, {TakenBy: "nadia"}, {State: logbook.Open}} {
			if p, err := h.List(h.ctx, f); err != nil || len(p.Items) != 1 {
				h.t.Errorf("%+v finds %d issues, %v", f, len(p.Items), err)
			}
		}
		if p, err := h.List(h.ctx, logbook.Filter{Text: "100%"}); err != nil || len(p.Items) != 0 {
			h.t.Errorf("a percent sign matches everything: %v, %v", p.Items, err)
		}
		c, err := h.Counts(h.ctx)
		if err != nil || c.Open != 1 || c.Untaken != 0 {
			h.t.Errorf("counts %+v, %v", c, err)
		}
	})
}

func TestWordsAreFoundInWhateverCaseAndAlphabet(t *testing.T) {
	each(t, func(h *harness) {
		i, err := h.Declare(h.ctx, "nadia", logbook.Declaration{Title: "L'Été est là", Text: "Файл не открывается"})
		if err != nil {
			h.t.Fatal(err)
		}
		if _, err := h.Answer(h.ctx, "nadia", i.ID, logbook.Done, "ÜBERGABE an 10_0 Leute"); err != nil {
			h.t.Fatal(err)
		}
		f := func(text string, found int) {
			h.t.Helper()
			if p, err := h.List(h.ctx, logbook.Filter{Text: text}); err != nil || len(p.Items) != found {
				h.t.Errorf("%q finds %d issues, %v; want %d", text, len(p.Items), err, found)
			}
		}
		f("ÉTÉ", 1)
		f("été LÀ", 1)
		f("ФАЙЛ", 1)
		f("übergabe", 1)
		f("10_0", 1)
		f("10x0", 0)
		f("hiver", 0)
	})
}

func TestMassesAreSummedUp(t *testing.T) {
	each(t, func(h *harness) {
		var as []alert.Alert
		for n := range 1000 {
			as = append(as, one(fmt.Sprint("a", n), signal.Warning))
		}
		h.fires(as...)
		p, err := h.Timeline(h.ctx, "1", logbook.TimelineFilter{Kinds: []string{logbook.KindFiring}})
		if err != nil || len(p.Items) != 21 || p.Items[20].Text != "and 980 more" {
			h.t.Errorf("%d lines, %v; want 20 and a sum", len(p.Items), err)
		}
		if i := h.issues()[0]; i.Firing != 1000 {
			h.t.Errorf("%d alerts fire, want 1000", i.Firing)
		}
	})
}

func TestWhatPeopleAskWronglyIsExplained(t *testing.T) {
	each(t, func(h *harness) {
		h.fires(one("a1", signal.Warning))
		var invalid *logbook.Invalid
		for name, err := range map[string]error{
			"an empty comment":   second(h.Comment(h.ctx, "nadia", "1", " ")),
			"no such question":   second(h.Answer(h.ctx, "nadia", "1", "why", "x")),
			"an untitled issue":  second(h.Declare(h.ctx, "nadia", logbook.Declaration{})),
			"a made-up severity": second(h.Declare(h.ctx, "nadia", logbook.Declaration{Title: "x", Severity: "huge"})),
			"opened when it is":  second(h.Reopen(h.ctx, "nadia", "1", "")),
		} {
			if !errors.As(err, &invalid) {
				h.t.Errorf("%s: %v, want an explanation", name, err)
			}
		}
		if _, err := h.Get(h.ctx, "99"); !errors.Is(err, logbook.ErrNotFound) {
			h.t.Errorf("issue 99: %v", err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

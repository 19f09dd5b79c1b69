package notify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/lib/secret"
	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/respond/logbook"
	"github.com/vigie-ops/vigie/internal/respond/notify"
	"github.com/vigie-ops/vigie/internal/respond/notify/smtp"
	"github.com/vigie-ops/vigie/internal/respond/notify/webhook"
	"github.com/vigie-ops/vigie/internal/signal"
)

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// company is two people in one team.
type company struct{}

func (company) Person(slug string) (notify.Recipient, bool) {
	r, ok := map[string]notify.Recipient{
		"nadia": {Slug: "nadia", Name: "Nadia Benali", Email: "nadia@example.com"},
		"tom":   {Slug: "tom", Name: "Tom Riis", Email: "tom@example.com"},
	}[slug]
	return r, ok
}

func (c company) Members(team string) []notify.Recipient {
	if team != "ops" {
		return nil
	}
	nadia, _ := c.Person("nadia")
	tom, _ := c.Person("tom")
	return []notify.Recipient{nadia, tom}
}

// keys hands out one key, unless a test has it fail.
type keys struct{ f *faults }

func (k keys) Key(context.Context, string) ([]byte, error) {
	return []byte("0123456789abcdef0123456789abcdef"), k.f.hit("key")
}

func (company) ClientOf(string) string        { return "acme" }
func (company) ServersOf(string) []string     { return []string{"app-01"} }
func (company) InstancesOn(s string) []string { return map[string][]string{"app-01": {"borealis"}}[s] }

// faults fails the steps of the river that a test names, once each.
type faults struct {
	mu   sync.Mutex
	next map[string]int
}

var errInjected = errors.New("injected fault")

func (f *faults) hit(step string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.next[step] > 0 {
		f.next[step]--
		return errInjected
	}
	return nil
}

// audit counts the acts, and may fail.
type audit struct {
	f     *faults
	verbs []string
}

func (a *audit) Record(_ context.Context, tx *db.Tx, verb, _, _ string, _ map[string]any) error {
	if err := a.f.hit("audit"); err != nil {
		return err
	}
	tx.After(func() { a.verbs = append(a.verbs, verb) })
	return nil
}

type failingPager struct {
	f *faults
	logbook.Pager
}

func (p failingPager) Page(ctx context.Context, tx *db.Tx, page logbook.Page) error {
	if err := p.Pager.Page(ctx, tx, page); err != nil {
		return err
	}
	return p.f.hit("page") // after the work, so that it has to be undone
}

type failingBook struct {
	f *faults
	notify.Book
}

func (b failingBook) Note(ctx context.Context, tx *db.Tx, issue string, e logbook.Entry) error {
	if err := b.f.hit("note " + e.Kind); err != nil {
		return err
	}
	return b.Book.Note(ctx, tx, issue, e)
}

// river is the whole of respond on one state, with a real mail server.
type river struct {
	t       *testing.T
	ctx     context.Context
	db      *db.DB
	clock   *clock
	faults  *faults
	audit   *audit
	log     *bytes.Buffer
	mail    *mailbox
	board   *alert.Board
	desk    *logbook.Desk
	courier *notify.Courier
	policy  alert.Policy
}

var tables = []db.Schema{alert.Tables, logbook.Tables, notify.Tables}

func newRiver(t *testing.T, d *db.DB) *river {
	r := &river{t: t, ctx: context.Background(), db: d, clock: &clock{t: time.Date(2026, 3, 2, 3, 4, 5, 0, time.UTC)}, faults: &faults{next: map[string]int{}}, log: &bytes.Buffer{}, mail: newMailbox(t)}
	r.audit = &audit{f: r.faults}
	r.policy = alert.DefaultPolicy()
	r.policy.Routes = []alert.Route{{To: []alert.Target{{Team: "ops", Channel: "mail"}, {Person: "nadia", Channel: "mail"}}}}
	r.restart()
	return r
}

func eachRiver(t *testing.T, f func(r *river)) {
	dbtest.Each(t, tables, func(t *testing.T, d *db.DB) { f(newRiver(t, d)) })
}

// restart is what a killed hub does: everything anew on the same state.
func (r *river) restart() {
	log := slog.New(slog.DiscardHandler)
	r.desk = logbook.New(logbook.Options{DB: r.db, Log: log, Next: latePager{r}, Audit: r.audit, Fleet: company{}, Now: r.clock.Now})
	r.board = alert.New(alert.Options{DB: r.db, Log: log, Next: r.desk, Audit: r.audit, Now: r.clock.Now, Policy: r.policy})
	r.courier = notify.New(notify.Options{
		DB: r.db, Log: slog.New(slog.NewTextHandler(r.log, nil)), Board: r.board, Book: failingBook{r.faults, r.desk}, People: company{}, Keys: keys{r.faults}, Audit: r.audit, Now: r.clock.Now,
		Kinds: map[string]notify.Maker{notify.SMTP: smtp.Within(2 * time.Second), notify.Webhook: webhook.New}, BaseURL: func() string { return "https://vigie.example.com" }, Company: func() string { return "Example" },
	})
	r.courier.SetChannels([]notify.Config{r.mail.channel("mail")})
	r.courier.ReportTo(r.board)
}

type latePager struct{ r *river }

func (p latePager) Page(ctx context.Context, tx *db.Tx, page logbook.Page) error {
	return failingPager{f: p.r.faults, Pager: p.r.courier}.Page(ctx, tx, page)
}

func (r *river) probe(state signal.State) signal.Signal {
	return signal.Signal{
		Detector: "probe", Subject: signal.Subject{Kind: signal.Instance, Slug: "borealis"}, State: state,
		Labels:      map[string]string{"alertname": "StatusPageDown", "severity": "critical", "app_instance": "borealis", "client": "acme"},
		Annotations: map[string]string{"summary": "Status page answers 502", "value": "502", "limit": "200", "first_step": "Look at the log of the API."},
		StartsAt:    r.clock.Now(), At: r.clock.Now(),
	}
}

func (r *river) report(s ...signal.Signal) {
	r.t.Helper()
	if err := r.board.Report(r.ctx, s...); err != nil {
		r.t.Fatal(err)
	}
}

func (r *river) pass(d time.Duration) {
	r.t.Helper()
	r.clock.Pass(d)
	if _, err := r.board.Flush(r.ctx); err != nil && !errors.Is(err, errInjected) {
		r.t.Fatal(err)
	}
}

// work does what the jobs do: it tries every delivery that waits once.
func (r *river) work() (failed int) {
	r.t.Helper()
	page, err := r.courier.List(r.ctx, notify.Filter{State: notify.Queued})
	if err != nil {
		r.t.Fatal(err)
	}
	for _, d := range page.Items {
		if err := r.courier.Send(r.ctx, d.ID); err != nil {
			failed++
		}
	}
	return failed
}

func (r *river) issue() logbook.Issue {
	r.t.Helper()
	page, err := r.desk.List(r.ctx, logbook.Filter{})
	if err != nil {
		r.t.Fatal(err)
	}
	if len(page.Items) != 1 {
		r.t.Fatalf("%d issues, want 1", len(page.Items))
	}
	return page.Items[0]
}

func (r *river) kinds() []string {
	r.t.Helper()
	page, err := r.desk.Timeline(r.ctx, r.issue().ID, logbook.TimelineFilter{})
	if err != nil {
		r.t.Fatal(err)
	}
	var kinds []string
	for _, e := range page.Items {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

func TestFromAFaultToAPersonAndBack(t *testing.T) {
	eachRiver(t, func(r *river) {
		t := r.t
		r.report(r.probe(signal.Firing))
		r.pass(10 * time.Second)
		if n := r.work(); n != 0 {
			t.Fatalf("%d deliveries failed", n)
		}
		mails := r.mail.take()
		if len(mails) != 2 { // nadia is named twice by the route, and told once
			t.Fatalf("%d mails, want one for each of two people", len(mails))
		}
		if got, want := mails[0].subject, "[critical] borealis: Status page answers 502"; got != want {
			t.Errorf("subject %q, want %q", got, want)
		}
		for _, want := range []string{"Look at the log of the API.", "Value:      502", "https://vigie.example.com/issues/" + r.issue().ID, "/ack/"} {
			if !strings.Contains(mails[0].text, want) {
				t.Errorf("the mail does not say %q:\n%s", want, mails[0].text)
			}
		}
		i := r.issue()
		if i.State != logbook.Open || i.Number != 1 || fmt.Sprint(i.Instances, i.Clients) != "[borealis] [acme]" || i.Questions[0].Suggestion == "" {
			t.Errorf("issue %+v", i)
		}

		var nadia mail
		for _, m := range mails {
			if m.to == "nadia@example.com" {
				nadia = m
			}
		}
		for range 3 { // a mail scanner opens every link
			o, err := r.courier.Links().Open(r.ctx, nadia.token(t))
			if err != nil || o.Acknowledged || len(o.Alerts) != 1 || o.PersonName != "Nadia Benali" {
				t.Fatalf("opened %+v, %v", o, err)
			}
		}
		for range 2 {
			o, err := r.courier.Links().Acknowledge(r.ctx, nadia.token(t), "on it")
			if err != nil || !o.Acknowledged {
				t.Fatalf("acknowledged %+v, %v", o, err)
			}
		}
		if got := r.issue().TakenBy; got != "nadia" {
			t.Errorf("the issue is in the hands of %q, want nadia", got)
		}
		if fmt.Sprint(r.audit.verbs) != "[alert.acknowledge]" {
			t.Errorf("audit %v, want one acknowledgement", r.audit.verbs)
		}
		r.pass(5 * time.Hour)
		if n := r.mail.count(); n != 0 {
			t.Errorf("%d reminders although somebody has it", n)
		}
		r.report(r.probe(signal.Resolved))
		r.pass(10 * time.Second)
		r.work()
		mails = r.mail.take()
		if len(mails) != 2 || !strings.HasPrefix(mails[0].subject, "[resolved] borealis: ") || mails[0].header.Get("References") != nadia.header.Get("References") {
			t.Errorf("resolved mails %+v", mails)
		}
		if i := r.issue(); i.State != logbook.Closed || i.ClosedBy != "" {
			t.Errorf("issue %s, closed by %q; want closed with its last alert", i.State, i.ClosedBy)
		}
		want := "[state changed alert firing notification sent notification sent acknowledged alert resolved state changed notification sent notification sent]"
		if got := fmt.Sprint(r.kinds()); got != want {
			t.Errorf("timeline %s, want %s", got, want)
		}
	})
}

func TestTheIssueOfWhatFlapsIsRightAtOnceAndItsMailWaits(t *testing.T) {
	eachRiver(t, func(r *river) {
		t := r.t
		turn := func(state signal.State, issue logbook.State, mails int) {
			t.Helper()
			r.report(r.probe(state))
			r.pass(10 * time.Second)
			if n := r.work(); n != 0 {
				t.Fatalf("%d deliveries failed", n)
			}
			if got := r.issue().State; got != issue {
				t.Errorf("the issue is %s, want %s", got, issue)
			}
			if n := r.mail.count(); n != mails {
				t.Errorf("%d mails, want %d", n, mails)
			}
		}
		for range 5 {
			turn(signal.Firing, logbook.Open, 2)
			r.mail.take()
			turn(signal.Resolved, logbook.Closed, 2)
			r.mail.take()
		}
		turn(signal.Firing, logbook.Open, 2)
		m := r.mail.take()[0]
		if want := "It has come back 5 times; you are told that it is over once it has been so for 15 min."; !strings.Contains(m.text, want) || !strings.Contains(m.html, want) {
			t.Errorf("the mail does not say that it flaps:\n%s", m.text)
		}
		for range 3 {
			turn(signal.Resolved, logbook.Closed, 0)
			turn(signal.Firing, logbook.Open, 0)
		}
		turn(signal.Resolved, logbook.Closed, 0)
		r.pass(15 * time.Minute)
		r.work()
		last := r.mail.take()
		if len(last) != 2 || !strings.HasPrefix(last[0].subject, "[resolved] ") || last[0].header.Get("References") != m.header.Get("References") {
			t.Errorf("at its end: %+v, want it told to be over, in the thread of the issue", last)
		}
	})
}

func TestTheIssueIsInTheHandsOfWhoeverHasItsAlerts(t *testing.T) {
	eachRiver(t, func(r *river) {
		var ids []string
		for _, component := range []string{"api", "worker"} {
			s := r.probe(signal.Firing)
			s.Labels["component"] = component
			r.report(s)
		}
		r.pass(10 * time.Second)
		page, err := r.board.List(r.ctx, alert.Filter{})
		if err != nil || len(page.Items) != 2 {
			r.t.Fatalf("%d alerts, %v", len(page.Items), err)
		}
		for _, a := range page.Items {
			ids = append(ids, a.ID)
		}
		ack := func(who string, until time.Duration, ids ...string) {
			r.t.Helper()
			end := time.Time{}
			if until > 0 {
				end = r.clock.Now().Add(until)
			}
			if _, err := r.board.Acknowledge(r.ctx, who, "on it", end, ids...); err != nil {
				r.t.Fatal(err)
			}
		}
		giveBack := func(who string, ids ...string) {
			r.t.Helper()
			if err := r.board.Unacknowledge(r.ctx, who, "asleep", ids...); err != nil {
				r.t.Fatal(err)
			}
		}
		want := func(who, what string) {
			r.t.Helper()
			if i := r.issue(); i.TakenBy != who || i.TakenAt.IsZero() != (who == "") {
				r.t.Errorf("%s: the issue is in the hands of %q since %v, want %q", what, i.TakenBy, i.TakenAt, who)
			}
		}
		ack("nadia", 0, ids...)
		want("nadia", "acknowledged")
		ack("tom", time.Hour, ids[0])
		want("nadia", "one of two taken over")
		giveBack("nadia", ids[1])
		want("tom", "given back, and another has the rest")
		ack("nadia", 0, ids[1])
		want("tom", "somebody helps")
		ack("nadia", time.Hour, ids[0])
		want("nadia", "all taken over")
		giveBack("tom", ids[1])
		want("nadia", "one of two taken away")
		r.pass(61 * time.Minute)
		want("", "the acknowledgement has ended")
		ack("tom", 0, ids[0])
		giveBack("tom", ids[0])
		want("", "given back")
		if _, err := r.desk.TakeOver(r.ctx, "nadia", r.issue().ID); err != nil {
			r.t.Fatal(err)
		}
		ack("tom", 0, ids[0])
		giveBack("tom", ids[0])
		want("nadia", "taken by hand")
		timeline, err := r.desk.Timeline(r.ctx, r.issue().ID, logbook.TimelineFilter{Kinds: []string{logbook.KindState}})
		if err != nil {
			r.t.Fatal(err)
		}
		var said []string
		for _, e := range timeline.Items {
			said = append(said, e.Actor+": "+e.Text)
		}
		if got, want := strings.Join(said, "; "), ": opened; nadia: gave it back: asleep; tom has it now; : the acknowledgement of nadia has ended; tom: gave it back: asleep; nadia: has it now"; got != want {
			r.t.Errorf("timeline\n%s\nwant\n%s", got, want)
		}
	})
}

func TestAMessageGoesOutAlsoWhenItsLinkCannotBeMade(t *testing.T) {
	eachRiver(t, func(r *river) {
		r.report(r.probe(signal.Firing))
		r.pass(10 * time.Second)
		r.faults.next["key"] = 2
		if n := r.work(); n != 0 {
			r.t.Fatalf("%d deliveries failed", n)
		}
		mails := r.mail.take()
		if len(mails) != 2 {
			r.t.Fatalf("%d mails, want one for each of two people", len(mails))
		}
		for _, m := range mails {
			if strings.Contains(m.text, "/ack/") || !strings.Contains(m.text, "could not be made. Acknowledge it in the console:\nhttps://vigie.example.com/alerts") {
				r.t.Errorf("the mail does not say that it has no link:\n%s", m.text)
			}
		}
		if n := strings.Count(r.log.String(), "without a link"); n != 1 {
			r.t.Errorf("logged %d times, want once:\n%s", n, r.log.String())
		}
	})
}

func TestAFaultAtAnyStepLosesAndDoublesNothing(t *testing.T) {
	for _, step := range []string{"page", "note " + logbook.KindSent, "none"} {
		t.Run(step, func(t *testing.T) {
			eachRiver(t, func(r *river) {
				t := r.t
				settle := func() {
					for range 4 {
						r.pass(3 * time.Second)
						r.work()
						r.restart() // killed after each step
					}
				}
				r.faults.next[step] = 1
				r.report(r.probe(signal.Firing))
				r.pass(10 * time.Second)
				settle()
				r.faults.next[step] = 1
				r.report(r.probe(signal.Resolved))
				r.pass(10 * time.Second)
				settle()
				sent := map[string]map[string]bool{} // subject and person: message ids
				total := 0
				for _, m := range r.mail.take() {
					k := m.to + " " + m.subject
					if sent[k] == nil {
						sent[k] = map[string]bool{}
					}
					sent[k][m.header.Get("Message-Id")] = true
					total++
				}
				if len(sent) != 4 {
					t.Errorf("told %v, want two people of two things", sent)
				}
				for k, ids := range sent {
					if len(ids) != 1 {
						t.Errorf("%s was sent under %d ids", k, len(ids))
					}
				}
				repeats := map[string]int{"note " + logbook.KindSent: 2}[step] // one for each fault after a send
				if total != 4+repeats {
					t.Errorf("%d mails, want %d", total, 4+repeats)
				}
				if r.issue().State != logbook.Closed {
					t.Errorf("the issue is %s", r.issue().State)
				}
			})
		})
	}
}

func TestAnActThatIsNotAuditedIsNotDone(t *testing.T) {
	eachRiver(t, func(r *river) {
		r.report(r.probe(signal.Firing))
		r.pass(10 * time.Second)
		r.work()
		token := r.mail.take()[0].token(r.t)
		r.faults.next["audit"] = 1
		if _, err := r.courier.Links().Acknowledge(r.ctx, token, ""); !errors.Is(err, errInjected) {
			r.t.Fatalf("got %v, want the injected fault", err)
		}
		o, err := r.courier.Links().Open(r.ctx, token)
		if err != nil || o.Acknowledged || r.issue().TakenBy != "" {
			r.t.Fatalf("opened %+v, %v; want nothing acknowledged", o, err)
		}
		if o, err = r.courier.Links().Acknowledge(r.ctx, token, ""); err != nil || !o.Acknowledged {
			r.t.Fatalf("acknowledged %+v, %v", o, err)
		}
		r.clock.Pass(73 * time.Hour)
		if _, err := r.courier.Links().Open(r.ctx, token); !errors.Is(err, notify.ErrLinkExpired) {
			r.t.Errorf("after three days: %v, want %v", err, notify.ErrLinkExpired)
		}
		if _, err := r.courier.Links().Open(r.ctx, token[1:]); !errors.Is(err, notify.ErrLinkInvalid) {
			r.t.Errorf("a changed link: %v, want %v", err, notify.ErrLinkInvalid)
		}
	})
}

func TestADeliveryWhoseJobIsLostIsQueuedAgain(t *testing.T) {
	eachRiver(t, func(r *river) {
		r.report(r.probe(signal.Firing))
		r.pass(10 * time.Second)
		err := r.db.Write(r.ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.NewRaw("DELETE FROM river_job").Exec(ctx)
			return err
		})
		if err != nil {
			r.t.Fatal(err)
		}
		r.clock.Pass(10 * time.Minute)
		if err := r.courier.Watch(r.ctx); err != nil {
			r.t.Fatal(err)
		}
		var jobs int
		if err := r.db.Read().NewRaw("SELECT COUNT(*) FROM river_job").Scan(r.ctx, &jobs); err != nil || jobs != 2 {
			r.t.Errorf("%d jobs, %v; want one for each of two deliveries", jobs, err)
		}
	})
}

func TestTheJobsDeliverWhatIsCommitted(t *testing.T) {
	eachRiver(t, func(r *river) {
		ctx, stop := context.WithCancel(r.ctx)
		j := db.NewJobs(r.db, slog.New(slog.DiscardHandler))
		r.courier.Handle(j)
		done := make(chan error, 1)
		go func() { done <- j.Run(ctx) }()
		r.report(r.probe(signal.Firing))
		r.pass(10 * time.Second)
		for range 2 {
			<-r.mail.arrived
		}
		stop()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
	})
}

func TestAMailServerThatIsAwayDelaysAndARefusalEnds(t *testing.T) {
	eachRiver(t, func(r *river) {
		t := r.t
		r.mail.answer(451)
		r.report(r.probe(signal.Firing))
		r.pass(10 * time.Second)
		if n := r.work(); n != 2 {
			t.Fatalf("%d deliveries are to be tried again, want 2", n)
		}
		r.work()
		if err := r.courier.Watch(r.ctx); err != nil {
			t.Fatal(err)
		}
		p, err := r.board.List(r.ctx, alert.Filter{Name: notify.NotificationsFailing, State: "open"})
		if err != nil || len(p.Items) != 1 {
			t.Fatalf("alerts about the channel: %v, %v; want one", p.Items, err)
		}
		r.mail.answer(0)
		r.report(r.probe(signal.Resolved))
		r.work()
		for _, m := range r.mail.take() {
			if !strings.HasPrefix(m.subject, "[resolved meanwhile] ") {
				t.Errorf("subject %q does not say that it is over", m.subject)
			}
		}
		if err := r.courier.Watch(r.ctx); err != nil {
			t.Fatal(err)
		}
		p, err = r.board.List(r.ctx, alert.Filter{Name: notify.NotificationsFailing, State: "resolved"})
		if err != nil || len(p.Items) != 1 {
			t.Fatalf("alerts about the channel that are over: %v, %v; want one", p.Items, err)
		}
		r.mail.answer(550)
		if d, err := r.courier.Test(r.ctx, "nadia", "mail", "tom"); err != nil || r.courier.Send(r.ctx, d.ID) != nil {
			t.Fatalf("test: %v", err)
		}
		page, err := r.courier.List(r.ctx, notify.Filter{State: notify.Failed})
		if err != nil || len(page.Items) != 1 || page.Items[0].Attempts != 1 || !strings.Contains(page.Items[0].LastError, "550") {
			t.Errorf("failed deliveries %+v, %v; want the one that was refused", page.Items, err)
		}
	})
}

// One mailbox that is gone must not keep the others awake with alerts about
// the channel, and their ends.
func TestOneRefusedMessageIsNoFailingChannel(t *testing.T) {
	eachRiver(t, func(r *river) {
		t := r.t
		failing := func() int {
			t.Helper()
			if err := r.courier.Watch(r.ctx); err != nil {
				t.Fatal(err)
			}
			p, err := r.board.List(r.ctx, alert.Filter{Name: notify.NotificationsFailing, State: "open"})
			if err != nil {
				t.Fatal(err)
			}
			return len(p.Items)
		}
		refuse := func() {
			t.Helper()
			r.mail.answer(550)
			d, err := r.courier.Test(r.ctx, "nadia", "mail", "tom")
			if err != nil || r.courier.Send(r.ctx, d.ID) != nil {
				t.Fatalf("test: %v", err)
			}
		}
		refuse()
		r.clock.Pass(time.Hour)
		if n := failing(); n != 0 {
			t.Errorf("%d alerts after one refusal", n)
		}
		refuse()
		refuse()
		if n := failing(); n != 1 {
			t.Errorf("%d alerts after three refusals in a row, want one", n)
		}
	})
}

// Every message will have what the first one has.
func TestAChannelThatRefusesUsIsAnAlertAtOnce(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	defer gone.Close()
	t.Setenv("VIGIE_MAIL_PASSWORD", "yesterday's")
	eachRiver(t, func(r *river) {
		hook := notify.Config{Slug: "hook", Kind: notify.Webhook, URL: notify.URL{Text: gone.URL}}
		signIn := r.mail.channel("sign-in")
		signIn.Username, signIn.Password = "vigie", secret.Ref{Env: "VIGIE_MAIL_PASSWORD"}
		unset := r.mail.channel("unset")
		unset.Username, unset.Password = "vigie", secret.Ref{Env: "VIGIE_NOT_SET"}
		r.courier.SetChannels([]notify.Config{r.mail.channel("mail"), hook, signIn, unset})
		failing := func() []string {
			r.t.Helper()
			if err := r.courier.Watch(r.ctx); err != nil {
				r.t.Fatal(err)
			}
			p, err := r.board.List(r.ctx, alert.Filter{Name: notify.NotificationsFailing, State: "open"})
			if err != nil {
				r.t.Fatal(err)
			}
			var channels []string
			for _, a := range p.Items {
				channels = append(channels, a.Labels[notify.LabelChannel])
			}
			slices.Sort(channels)
			return channels
		}
		for _, channel := range []string{"mail", "hook", "sign-in", "unset"} {
			d, err := r.courier.Test(r.ctx, "nadia", channel, "tom")
			if err != nil {
				r.t.Fatal(err)
			}
			if err := r.courier.Send(r.ctx, d.ID); (err == nil) != (channel == "mail") {
				r.t.Errorf("%s: %v", channel, err)
			}
		}
		if got := fmt.Sprint(failing()); got != "[hook sign-in unset]" {
			r.t.Errorf("channels that fail after one message each: %s", got)
		}
		// Mended.
		r.courier.SetChannels([]notify.Config{r.mail.channel("mail"), r.mail.channel("sign-in"), r.mail.channel("unset")})
		r.work()
		if got := failing(); len(got) != 0 {
			r.t.Errorf("channels that fail when they are mended: %s", got)
		}
	})
}

func TestOldDeliveriesAreForgotten(t *testing.T) {
	eachRiver(t, func(r *river) {
		var ids []string
		for range 2 {
			d, err := r.courier.Test(r.ctx, "nadia", "mail", "tom")
			if err != nil {
				r.t.Fatal(err)
			}
			ids = append(ids, d.ID)
		}
		if err := r.courier.Send(r.ctx, ids[0]); err != nil {
			r.t.Fatal(err)
		}
		for _, days := range []int{179, 2} {
			r.clock.Pass(time.Duration(days) * 24 * time.Hour)
			if err := r.courier.Prune(r.ctx); err != nil {
				r.t.Fatal(err)
			}
			_, err := r.courier.Get(r.ctx, ids[0])
			if gone := errors.Is(err, notify.ErrNotFound); gone != (days == 2) {
				r.t.Errorf("%d days on, the delivery that was sent: %v", days, err)
			}
		}
		if _, err := r.courier.Get(r.ctx, ids[1]); err != nil {
			r.t.Errorf("the delivery that waits: %v", err)
		}
	})
}

func TestAReminderIsAboutWhatNobodyHas(t *testing.T) {
	eachRiver(t, func(r *river) {
		t := r.t
		one, other := r.probe(signal.Firing), r.probe(signal.Firing)
		one.Labels["probe"], other.Labels["probe"] = "one", "other"
		one.Annotations = map[string]string{"summary": "the one"}
		other.Annotations = map[string]string{"summary": "the other"}
		r.report(one, other)
		r.pass(10 * time.Second)
		r.work()
		r.mail.take()
		p, err := r.board.List(r.ctx, alert.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range p.Items {
			if a.Labels["probe"] == "one" {
				if _, err := r.board.Acknowledge(r.ctx, "tom", "on it", time.Time{}, a.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		r.pass(5 * time.Hour)
		r.work()
		mails := r.mail.take()
		if len(mails) != 2 {
			t.Fatalf("%d reminders, want one a person", len(mails))
		}
		for _, m := range mails {
			if !strings.Contains(m.subject, "the other") || strings.Contains(m.subject, "more") {
				t.Errorf("reminded of %q, want the other alone", m.subject)
			}
		}
	})
}

func TestAServerThatHangsIsTriedAgain(t *testing.T) {
	d := dbtest.Open(t, dbtest.SQLite(t), tables...)
	r := newRiver(t, d)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	config := r.mail.channel("mail")
	config.Port = l.Addr().(*net.TCPAddr).Port
	r.courier.SetChannels([]notify.Config{config})
	test, err := r.courier.Test(r.ctx, "nadia", "mail", "tom")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.courier.Send(r.ctx, test.ID); err == nil {
		t.Error("a server that never answers took the message")
	}
	r.clock.Pass(25 * time.Hour)
	if err := r.courier.Send(r.ctx, test.ID); err != nil {
		t.Error(err)
	}
	if got, err := r.courier.Get(r.ctx, test.ID); err != nil || got.State != notify.GivenUp {
		t.Errorf("state %s, %v; want given up after a day", got.State, err)
	}
}

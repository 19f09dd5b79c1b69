package notify_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/respond/notify"
	"github.com/vigie-ops/vigie/internal/signal"
)

func approve() notify.Notice {
	return notify.Notice{
		To: []string{"nadia", "tom", "nadia"}, About: "01JRUN", Link: "/runs/01JRUN", Button: "Look and decide", Subject: "Approve? Restart the API on app-01",
		Text: "Ada asks to run Restart the API.\n\nWhy: it <b>hangs</b>\non app-01.",
	}
}

// tell tells in a transaction of its own.
func (r *river) tell(notices ...notify.Notice) {
	r.t.Helper()
	err := r.db.Write(r.ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, n := range notices {
			if err := r.courier.Notice(ctx, tx, n); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *river) open(name string) []alert.Alert {
	r.t.Helper()
	if err := r.courier.Watch(r.ctx); err != nil {
		r.t.Fatal(err)
	}
	p, err := r.board.List(r.ctx, alert.Filter{Name: name, State: "open"})
	if err != nil {
		r.t.Fatal(err)
	}
	return p.Items
}

func TestANoticeReachesEachPersonOnceIfItsTransactionCommits(t *testing.T) {
	eachRiver(t, func(r *river) {
		t := r.t
		err := r.db.Write(r.ctx, func(ctx context.Context, tx *db.Tx) error {
			return errors.Join(r.courier.Notice(ctx, tx, approve()), errInjected)
		})
		if !errors.Is(err, errInjected) || len(r.queued()) != 0 {
			t.Fatalf("%v, and %d deliveries of what was not committed", err, len(r.queued()))
		}
		r.tell(approve())
		r.restart() // killed before anything was sent
		r.work()
		r.work()
		mails := r.mail.take()
		if len(mails) != 2 || mails[0].to == mails[1].to || mails[0].header.Get("Message-Id") == mails[1].header.Get("Message-Id") {
			t.Fatalf("%d mails, want one of its own for each of two people: %+v", len(mails), mails)
		}
		m := mails[0]
		if want := "[notice] Approve? Restart the API on app-01"; m.subject != want {
			t.Errorf("subject %q, want %q", m.subject, want)
		}
		for _, want := range []string{"This is no alert", "Ada asks to run Restart the API.\n\nWhy: it <b>hangs</b>\non app-01.", "Mon 2 Mar 2026 03:04 UTC", "Look and decide (sign in to the console):\nhttps://vigie.example.com/runs/01JRUN\n", "Vigie of Example"} {
			if !strings.Contains(m.text, want) {
				t.Errorf("the mail does not say %q:\n%s", want, m.text)
			}
		}
		for _, want := range []string{"Ada asks to run Restart the API.</p>", "Why: it &lt;b&gt;hangs&lt;/b&gt;<br>on app-01.</p>", `<a href="https://vigie.example.com/runs/01JRUN"`, ">Look and decide</a>"} {
			if !strings.Contains(m.html, want) {
				t.Errorf("the mail does not say %q:\n%s", want, m.html)
			}
		}
		// Whoever, or whatever scanner, opens its links acts by none of them.
		if strings.Contains(m.text+m.html, notify.LinkPath) || strings.Contains(m.text, "\n\n\n") {
			t.Errorf("the mail has a link that acts, or gaps:\n%s", m.text)
		}
		if got := m.header.Get("Importance"); got != "" {
			t.Errorf("importance %q of what is not urgent", got)
		}
		page, err := r.courier.List(r.ctx, notify.Filter{Person: "nadia"})
		if err != nil || len(page.Items) != 1 {
			t.Fatalf("%d deliveries, %v", len(page.Items), err)
		}
		if d := page.Items[0]; d.State != notify.Sent || d.Kind != notify.KindNotice || d.Link != "/runs/01JRUN" || d.Subject != m.subject {
			t.Errorf("delivery %+v", d)
		}

		urgent := approve()
		urgent.Urgent, urgent.To = true, []string{"nadia"}
		r.tell(urgent)
		r.work()
		again := r.mail.take()
		if len(again) != 1 || !strings.HasPrefix(again[0].subject, "[urgent] ") || again[0].header.Get("Importance") != "high" || again[0].header.Get("References") != m.header.Get("References") {
			t.Errorf("urgent, on the same run: %+v; want it important and in the same thread", again)
		}
	})
}

func TestNoticesSurviveAKillAndAServerThatIsAway(t *testing.T) {
	eachRiver(t, func(r *river) {
		t := r.t
		exec := func(q string) {
			t.Helper()
			err := r.db.Write(r.ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.NewRaw(q).Exec(ctx)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		n := approve()
		n.To = []string{"nadia"}
		r.mail.answer(451)
		r.tell(n)
		for range 3 {
			if failed := r.work(); failed != 1 {
				t.Fatalf("%d deliveries are to be tried again, want 1", failed)
			}
			r.restart()
		}
		if open := r.open(notify.NotificationsFailing); len(open) != 1 {
			t.Errorf("alerts about the channel: %+v, want one", open)
		}
		exec("DELETE FROM river_job")
		r.clock.Pass(10 * time.Minute)
		if err := r.courier.Watch(r.ctx); err != nil {
			t.Fatal(err)
		}
		var jobs int
		if err := r.db.Read().NewRaw("SELECT COUNT(*) FROM river_job").Scan(r.ctx, &jobs); err != nil || jobs != 1 {
			t.Errorf("%d jobs, %v; want that of the notice again", jobs, err)
		}
		r.mail.answer(0)
		r.work()
		exec("UPDATE notify_delivery SET state = 'queued', sent_at = NULL") // what a kill after the send, and before the note, leaves
		r.restart()
		r.work()
		mails := r.mail.take()
		if len(mails) != 2 || mails[0].header.Get("Message-Id") != mails[1].header.Get("Message-Id") || mails[0].text != mails[1].text {
			t.Errorf("%+v; want the same message twice", mails)
		}
		if open := r.open(notify.NotificationsFailing); len(open) != 0 {
			t.Errorf("alerts about the channel that works: %+v", open)
		}
	})
}

func TestTheJobsDeliverNotices(t *testing.T) {
	eachRiver(t, func(r *river) {
		ctx, stop := context.WithCancel(r.ctx)
		j := db.NewJobs(r.db, slog.New(slog.DiscardHandler))
		r.courier.Handle(j)
		done := make(chan error, 1)
		go func() { done <- j.Run(ctx) }()
		r.tell(approve())
		for range 2 {
			<-r.mail.arrived
		}
		stop()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
	})
}

func TestWhoCannotBeReachedKeepsANoticeFromNobody(t *testing.T) {
	eachRiver(t, func(r *river) {
		t := r.t
		r.courier.SetRoutes(nil)
		ids := func() string {
			var whom []string
			for _, a := range r.open(notify.NoticeReachesNobody) {
				whom = append(whom, a.Labels["target"]+" by "+a.Labels["channel"])
			}
			return strings.Join(whom, ", ")
		}
		n := approve()
		n.To = []string{"ghost", "nadia"}
		r.tell(n)
		r.work()
		if mails := r.mail.take(); len(mails) != 1 || mails[0].to != "nadia@example.com" {
			t.Errorf("mails %+v, want one to nadia", mails)
		}
		page, err := r.courier.List(r.ctx, notify.Filter{State: notify.Failed})
		if err != nil || len(page.Items) != 1 || page.Items[0].Person != "ghost" || !strings.Contains(page.Items[0].LastError, "no e-mail address of ghost") {
			t.Errorf("failed deliveries %+v, %v", page.Items, err)
		}
		if !strings.Contains(r.log.String(), "a notification cannot be sent") {
			t.Errorf("the log says nothing of it:\n%s", r.log.String())
		}
		if got, want := ids(), "person ghost by mail"; got != want {
			t.Errorf("alerts about %q, want %q", got, want)
		}
		r.restart() // another hub knows of it from the state alone
		r.courier.SetRoutes(nil)
		if got, want := ids(), "person ghost by mail"; got != want {
			t.Errorf("after a restart alerts about %q, want %q", got, want)
		}
		r.clock.Pass(25 * time.Hour)
		if got := ids(); got != "" {
			t.Errorf("a day later alerts about %q", got)
		}

		n.To, n.Channel = []string{"nadia", "tom"}, "sms"
		nobody := notify.Notice{Subject: "Nobody leads"}
		r.tell(n, nobody)
		r.clock.Pass(10 * time.Second)
		page, err = r.courier.List(r.ctx, notify.Filter{Channel: "sms", State: notify.Failed})
		if err != nil || len(page.Items) != 2 {
			t.Errorf("%d failed deliveries by a channel that there is not, %v; want one for each of two people", len(page.Items), err)
		}
		if n := len(r.open(notify.NoticeReachesNobody)); n != 3 {
			t.Errorf("%d alerts, want those about nadia, tom, and nobody", n)
		}
		sms := r.mail.channel("sms")
		r.courier.SetChannels([]notify.Config{r.mail.channel("mail"), sms})
		r.courier.SetRoutes(nil)
		if got, want := ids(), "nobody by mail"; got != want {
			t.Errorf("once there is the channel, alerts about %q, want %q", got, want)
		}

		r.courier.SetChannels(nil)
		r.tell(approve())
		page, err = r.courier.List(r.ctx, notify.Filter{Person: "tom", State: notify.Failed, Limit: 1})
		if err != nil || len(page.Items) != 1 || !strings.Contains(page.Items[0].LastError, "no channel that sends mail") {
			t.Errorf("without any channel: %+v, %v", page.Items, err)
		}
	})
}

func TestAnEmptyChannelIsTheFirstThatSendsMail(t *testing.T) {
	eachRiver(t, func(r *river) {
		r.courier.SetChannels([]notify.Config{{Slug: "a-hook", Kind: notify.Webhook}, r.mail.channel("z-mail"), r.mail.channel("b-mail")})
		r.tell(approve())
		for _, d := range r.queued() {
			if d.Channel != "z-mail" {
				r.t.Errorf("sent by %s, want z-mail", d.Channel)
			}
		}
	})
}

func TestAWebhookGetsANoticeOnceWithWhomItIsFor(t *testing.T) {
	posted := make(chan string, 10)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		b := make([]byte, 1<<16)
		n, _ := req.Body.Read(b)
		posted <- string(b[:n])
	}))
	defer s.Close()
	eachRiver(t, func(r *river) {
		r.courier.SetChannels([]notify.Config{{Slug: "hook", Kind: notify.Webhook, URL: notify.URL{Text: s.URL}}})
		n := approve()
		n.Channel = "hook"
		r.tell(n)
		if failed := r.work(); failed != 0 || len(posted) != 1 {
			r.t.Fatalf("%d failed, %d posts; want one", failed, len(posted))
		}
		body := <-posted
		for _, want := range []string{`"kind":"notice"`, `"groupKey":"notice-01JRUN"`, `"alerts":[]`, `"groupLabels":{}`, `"url":"https://vigie.example.com/runs/01JRUN"`, `"about":"01JRUN"`, `"urgent":false`, `"for":["nadia","tom"]`} {
			if !strings.Contains(body, want) {
				r.t.Errorf("the post has no %s:\n%s", want, body)
			}
		}
	})
}

func TestNoticesFoldWithEverythingElse(t *testing.T) {
	eachRiver(t, func(r *river) {
		t := r.t
		config := r.mail.channel("mail")
		config.FoldAfter = 1
		r.courier.SetChannels([]notify.Config{config})
		notice := func(i int, urgent bool) notify.Notice {
			return notify.Notice{To: []string{"nadia"}, Urgent: urgent, Subject: fmt.Sprintf("Notice %d", i), Text: "Because\nof <i>.", Link: fmt.Sprintf("/runs/%d", i)}
		}
		one := func(what, subject string, text ...string) mail {
			t.Helper()
			r.clock.Pass(11 * time.Minute)
			mails := r.deliver()
			if len(mails) != 1 || mails[0].subject != subject {
				t.Fatalf("%s: %d mails, %.300v; want one %q", what, len(mails), mails, subject)
			}
			for _, want := range text {
				if !strings.Contains(mails[0].text, want) {
					t.Errorf("%s: the mail does not say %q:\n%s", what, want, mails[0].text)
				}
			}
			if strings.Contains(mails[0].html, "<i>") {
				t.Errorf("%s: text of others is markup:\n%s", what, mails[0].html)
			}
			return mails[0]
		}
		enough := func() { // and what comes next is folded
			t.Helper()
			r.tell(notice(0, false))
			if n := len(r.deliver()); n != 1 {
				t.Fatalf("%d mails, want one", n)
			}
		}
		enough()
		r.tell(notice(1, false), notice(2, true), notice(3, false))
		m := one("notices alone", "[3 notices] Notice 2", "[urgent] Notice 2\n", "[notice] Notice 3\n  ", "https://vigie.example.com/runs/3\n  Because of <i>.")
		if m.header.Get("Importance") != "high" || strings.Contains(m.text, "alert") || strings.Contains(m.text, notify.LinkPath) {
			t.Errorf("notices alone:\n%s", m.text)
		}

		enough()
		r.tell(notice(4, true))
		r.report(r.burst(2, signal.Firing)...)
		r.pass(10 * time.Second)
		m = one("with alerts", "[2 alerts, 1 notice] app-0001: Disk full on app-0001", "So much came at once", "Notice 4", "Disk full on app-0000")
		if o, err := r.courier.Links().Open(r.ctx, m.token(t)); err != nil || len(o.Alerts) != 2 {
			t.Errorf("the link of the mail is about %d alerts, %v; want 2", len(o.Alerts), err)
		}

		enough()
		r.tell(notice(5, false))
		r.report(r.burst(2, signal.Resolved)...)
		r.pass(10 * time.Second)
		if m = one("with alerts that are over", "[1 notice, 2 alerts resolved] Notice 5", "Notice 5", "[resolved]"); strings.Contains(m.text, notify.LinkPath) {
			t.Errorf("a link to acknowledge what is over:\n%s", m.text)
		}

		enough()
		r.report(r.burst(2, signal.Firing)...)
		r.pass(10 * time.Second)
		r.tell(notice(6, false))
		waits := r.queued()
		lead := waits[len(waits)-1]
		r.mail.answer(451)
		r.clock.Pass(11 * time.Minute)
		_ = r.courier.Send(r.ctx, lead.ID) // folded, and not taken by the server
		r.mail.answer(0)
		r.report(r.burst(2, signal.Resolved)...)
		if err := r.courier.Send(r.ctx, lead.ID); err != nil {
			t.Fatal(err)
		}
		mails := r.toNadia()
		if len(mails) != 1 || mails[0].subject != "[1 notice, 2 alerts resolved meanwhile] Notice 6" || !strings.Contains(mails[0].text, "The alerts among them resolved while it waited") {
			t.Errorf("resolved while it waited: %.500v", mails)
		}
	})
}

func TestANoticeCannotWriteHeadersOrLeadElsewhere(t *testing.T) {
	eachRiver(t, func(r *river) {
		t := r.t
		r.tell(notify.Notice{
			To: []string{"nadia"}, Subject: "x\r\nBcc: eve@example.com\u2028y", About: "a>\r\nBcc: eve@example.com", Link: "//evil.example.com/x", Button: "<script>",
			Text: "a\r\n.\r\nBcc: \x00\x1b[31mred\r\n\r\n\r\n\r\n<script>",
		}, notify.Notice{To: []string{"nadia"}, Subject: strings.Repeat("ä", 500), Text: strings.Repeat("ä\n", 30_000)})
		mails := r.deliver()
		if len(mails) != 2 {
			t.Fatalf("%d mails, want 2", len(mails))
		}
		m := mails[0]
		if m.subject != "[notice] x Bcc: eve@example.com y" || m.header.Get("Bcc") != "" || m.header.Get("References") != "<group-notice-aBcceveexamplecom@vigie.example.com>" {
			t.Errorf("headers %q %+v", m.subject, m.header)
		}
		if strings.Contains(m.html, "<script") || strings.Contains(m.text+m.html, "evil") || strings.ContainsAny(m.text, "\x00\x1b") || strings.Contains(m.text, "\n\n\n") {
			t.Errorf("the mail:\n%q\n%s", m.text, m.html)
		}
		if n := len([]rune(mails[1].subject)); n > 200 {
			t.Errorf("a subject of %d characters", n)
		}
	})
}

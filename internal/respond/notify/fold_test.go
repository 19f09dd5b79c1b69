package notify_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/respond/logbook"
	"github.com/vigie-ops/vigie/internal/respond/notify"
	"github.com/vigie-ops/vigie/internal/signal"
)

// burst is n signals of as many groups; the one in the middle is critical.
func (r *river) burst(n int, state signal.State) []signal.Signal {
	all := make([]signal.Signal, n)
	for i := range all {
		slug := fmt.Sprintf("app-%04d", i)
		severity := signal.Warning
		if i == n/2 {
			severity = signal.Critical
		}
		all[i] = signal.Signal{
			Detector: "probe", Subject: signal.Subject{Kind: signal.Server, Slug: slug}, State: state,
			Labels:      map[string]string{"alertname": "DiskFull", "severity": string(severity), "server": slug},
			Annotations: map[string]string{"summary": "Disk full on " + slug},
			StartsAt:    r.clock.Now(), At: r.clock.Now(),
		}
	}
	return all
}

// queued returns what waits, the oldest first.
func (r *river) queued() []notify.Delivery {
	r.t.Helper()
	var all []notify.Delivery
	for f := (notify.Filter{State: notify.Queued, Limit: 500}); ; {
		page, err := r.courier.List(r.ctx, f)
		if err != nil {
			r.t.Fatal(err)
		}
		all = append(all, page.Items...)
		if f.Cursor = page.Next; page.Next == "" {
			slices.Reverse(all)
			return all
		}
	}
}

// deliver tries what waits, the oldest first, and returns what was sent to nadia.
func (r *river) deliver() []mail {
	r.t.Helper()
	for _, d := range r.queued() {
		_ = r.courier.Send(r.ctx, d.ID) // what has to wait stays queued
	}
	return r.toNadia()
}

func (r *river) toNadia() []mail {
	for len(r.mail.arrived) > 0 {
		<-r.mail.arrived
	}
	return slices.DeleteFunc(r.mail.take(), func(m mail) bool { return m.to != "nadia@example.com" })
}

func TestABurstIsAFewMessagesAndLosesNothing(t *testing.T) {
	eachRiver(t, func(r *river) {
		t := r.t
		const n = 500
		r.report(r.burst(n, signal.Firing)...)
		r.pass(10 * time.Second)
		mails := r.deliver()
		if len(mails) != 21 {
			t.Fatalf("%d mails to nadia, want 20 and one for the rest", len(mails))
		}
		digest := mails[20]
		if want := "[480 alerts] app-0250: Disk full on app-0250"; digest.subject != want {
			t.Errorf("subject %q, want %q", digest.subject, want)
		}
		if got := strings.Count(digest.text, "\n[") + strings.Count(digest.text, "\n\n["); got < 50 || !strings.Contains(digest.text, "430 more: https://vigie.example.com/alerts") {
			t.Errorf("the mail lists %d alerts:\n%.600s", got, digest.text)
		}
		if !strings.Contains(digest.html, "<table") || strings.Count(digest.html, "/alerts/") != 50 {
			t.Errorf("%d alerts in the table, want 50", strings.Count(digest.html, "/alerts/"))
		}

		// Every alert is in exactly one message to nadia, and each issue says so once.
		in := map[string]map[string]bool{}
		page := notify.Deliveries{Next: "~"}
		for page.Next != "" {
			var err error
			if page, err = r.courier.List(r.ctx, notify.Filter{Person: "nadia", State: notify.Sent, Limit: 500, Cursor: page.Next}); err != nil {
				t.Fatal(err)
			}
			for _, d := range page.Items {
				for _, a := range d.Alerts {
					if in[a] == nil {
						in[a] = map[string]bool{}
					}
					in[a][d.MessageID] = true
				}
				if d.Digest != "" && "<"+d.MessageID+">" != digest.header.Get("Message-Id") {
					t.Fatalf("delivery %s was folded and has the id %s, want %s", d.ID, d.MessageID, digest.header.Get("Message-Id"))
				}
			}
		}
		if len(in) != n {
			t.Errorf("%d alerts were told, want %d", len(in), n)
		}
		for a, ids := range in {
			if len(ids) != 1 {
				t.Errorf("alert %s is in %d messages", a, len(ids))
			}
		}
		issues, err := r.desk.List(r.ctx, logbook.Filter{Text: "app-0400"})
		if err != nil || len(issues.Items) == 0 {
			t.Fatalf("%d issues, %v", len(issues.Items), err)
		}
		lines, err := r.desk.Timeline(r.ctx, issues.Items[0].ID, logbook.TimelineFilter{})
		if err != nil {
			t.Fatal(err)
		}
		told := 0
		for _, e := range lines.Items {
			if e.Kind == logbook.KindSent {
				told++
			}
		}
		if told != 2 {
			t.Errorf("the issue says %d times that somebody was told, want once for each of two", told)
		}

		o, err := r.courier.Links().Acknowledge(r.ctx, digest.token(t), "all of it")
		if err != nil || !o.Acknowledged || len(o.Alerts) != 480 {
			t.Fatalf("acknowledged %d, %v, %v; want all 480", len(o.Alerts), o.Acknowledged, err)
		}
		if c, err := r.board.Counts(r.ctx); err != nil || c.Acknowledged != 480 || c.Firing != 20 {
			t.Errorf("counts %+v, %v", c, err)
		}

		// The ends of these alerts fold as well.
		r.report(r.burst(n, signal.Resolved)...)
		r.pass(10 * time.Second)
		if early := r.deliver(); len(early) != 0 {
			t.Errorf("%d mails %v after the last one to an address that has enough", len(early), 10*time.Second)
		}
		r.clock.Pass(time.Minute)
		mails = r.deliver()
		if len(mails) != 1 || !strings.HasPrefix(mails[0].subject, "[500 alerts resolved] ") || strings.Contains(mails[0].text, notify.LinkPath) {
			t.Errorf("%d mails, want one that 500 are over: %.300v", len(mails), mails)
		}
		if left := r.queued(); len(left) != 0 {
			t.Errorf("%d deliveries still wait", len(left))
		}
	})
}

func TestAKillBetweenSendAndNoteRepeatsTheSameDigest(t *testing.T) {
	eachRiver(t, func(r *river) {
		t := r.t
		r.report(r.burst(40, signal.Firing)...)
		r.pass(10 * time.Second)
		all := r.queued()
		last := all[len(all)-1] // over the limit: it takes with it whatever waits for the same person
		r.faults.next["note "+logbook.KindSent] = 1
		if err := r.courier.Send(r.ctx, last.ID); err == nil {
			t.Fatal("the fault was not seen")
		}
		r.restart()
		more := r.burst(60, signal.Firing)[50:] // comes too late for this message
		r.report(more...)
		r.pass(10 * time.Second)
		for _, d := range r.queued() {
			_ = r.courier.Send(r.ctx, d.ID)
		}
		for len(r.mail.arrived) > 0 {
			<-r.mail.arrived
		}
		mails := slices.DeleteFunc(r.mail.take(), func(m mail) bool { return m.to != last.Address })
		if len(mails) != 2 {
			t.Fatalf("%d mails, want the same twice", len(mails))
		}
		first, again := mails[0], mails[1]
		if first.subject != again.subject || !strings.HasPrefix(first.subject, "[40 alerts] ") || first.text != again.text ||
			first.header.Get("Message-Id") != again.header.Get("Message-Id") {
			t.Errorf("repeated as %q %s, want %q %s", again.subject, again.header.Get("Message-Id"), first.subject, first.header.Get("Message-Id"))
		}
		r.clock.Pass(time.Minute)
		r.work()
		if mails := slices.DeleteFunc(r.mail.take(), func(m mail) bool { return m.to != last.Address }); len(mails) != 1 || !strings.HasPrefix(mails[0].subject, "[10 alerts] ") {
			t.Errorf("%d mails on what came later", len(mails))
		}
	})
}

func TestAFewAlertsAreAFewMessages(t *testing.T) {
	d := dbtest.Open(t, dbtest.SQLite(t), tables...)
	r := newRiver(t, d)
	for round := range 2 {
		all := r.burst(20*(round+1), signal.Firing)[20*round:]
		r.report(all...)
		r.pass(10 * time.Second)
		if n := len(r.deliver()); n != 20 {
			t.Errorf("%d mails, want 20", n)
		}
		r.clock.Pass(11 * time.Minute) // the next ones are not of this burst
	}
	page, err := r.board.List(r.ctx, alert.Filter{State: "open"})
	if err != nil || len(page.Items) != 40 {
		t.Errorf("%d alerts, %v", len(page.Items), err)
	}
}

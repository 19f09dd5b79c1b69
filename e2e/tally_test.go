package e2e_test

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// settle waits until everything that has to be told is told, and then a while
// for what should not come.
func (d *driver) settle() {
	d.t.Helper()
	began := time.Now()
	// Kills in the middle of sending count as attempts, so that a message which
	// was cut off five times and then refused once waits up to 160 s.
	within(d.t, 4*time.Minute, "everybody is told", func() error {
		told := d.tellings()
		for _, a := range d.alerts() {
			for _, what := range a.due() {
				for _, to := range toldOf[a.severity] {
					if len(told[what+" "+a.token][to]) == 0 {
						return fmt.Errorf("%s was not told %s %s (of %d alerts)", to, what, a.token, len(d.alerts()))
					}
				}
			}
		}
		return nil
	})
	d.t.Logf("everybody was told %v after the last kill", time.Since(began).Round(100*time.Millisecond))
	<-time.After(8 * time.Second) // longer than the pause before a second attempt
}

// tellings is which mails said what to whom: statement, address, Message-IDs.
func (d *driver) tellings() map[string]map[string]map[string]bool {
	all := map[string]map[string]map[string]bool{}
	for _, m := range d.sink.all() {
		for _, what := range m.told() {
			if all[what] == nil {
				all[what] = map[string]map[string]bool{}
			}
			if all[what][m.To] == nil {
				all[what][m.To] = map[string]bool{}
			}
			all[what][m.To][m.ID] = true
		}
	}
	return all
}

// checkMails counts the mails.
func (d *driver) checkMails(kills []time.Time) {
	t := d.t
	known := map[string]*tracked{}
	for _, a := range d.alerts() {
		known[a.token] = a
	}
	for statement, to := range d.tellings() {
		what, token, _ := strings.Cut(statement, " ")
		a := known[token]
		if a == nil {
			t.Errorf("a mail says %s, which nobody posted", statement)
			continue
		}
		for address, ids := range to {
			if !slices.Contains(toldOf[a.severity], address) {
				t.Errorf("%s was told %s, which is for %v", address, statement, toldOf[a.severity])
			}
			if len(ids) != 1 {
				t.Errorf("%s was told %s by %d different messages", address, statement, len(ids))
			}
		}
		if a.hidden {
			t.Errorf("%s is silenced, and told", token)
		}
		if what == "resolved" && !a.resolving {
			t.Errorf("%s is told as resolved, and nobody resolved it", token)
		}
	}
	first, repeats, by := map[string]sunk{}, 0, make([]int, len(kills))
	mails := d.sink.all()
	for _, m := range mails {
		if len(m.told()) == 0 && m.To != hubNews {
			t.Errorf("a mail to %s says nothing of the story: %s", m.To, m.Subject)
		}
		f, again := first[m.ID]
		if !again {
			first[m.ID] = m
			continue
		}
		repeats++
		for i, at := range kills { // the first kill after it was sent cut its note off
			if at.After(f.At) {
				by[i]++
				break
			}
		}
		first[m.ID] = m
		// A repeat says so when its alerts resolved since; all else is the same.
		_, now, _ := strings.Cut(m.Subject, "] ")
		_, then, _ := strings.Cut(f.Subject, "] ")
		if m.To != f.To || now != then || m.Subject != f.Subject && !strings.HasPrefix(m.Subject, "[resolved meanwhile] ") {
			t.Errorf("the repeat of %s goes to %s as %q; the first went to %s as %q", m.ID, m.To, m.Subject, f.To, f.Subject)
		}
	}
	d.sink.mu.Lock()
	refused := len(d.sink.refused)
	d.sink.mu.Unlock()
	most := slices.Max(by)
	t.Logf("%d mails, %d refused once, %d of them repeats; %d kills, at most %d repeats by one", len(mails), refused, repeats, len(kills), most)
	if most > 1 {
		t.Errorf("one kill had %d mails repeated, want one at most", most)
	}
}

// checkWrites reads back everything that was answered for.
func (d *driver) checkWrites() {
	t := d.t
	board := d.board()
	for _, a := range d.alerts() {
		item, ok := board[a.token]
		switch {
		case !ok:
			t.Errorf("alert %s was taken and is lost", a.token)
			continue
		case a.resolved && item.State != "resolved":
			t.Errorf("alert %s was resolved and is %s", a.token, item.State)
		case a.acknowledged && item.AcknowledgedBy == "":
			t.Errorf("the acknowledgement of %s is lost", a.token)
		case a.hidden && !a.resolved && item.State != "silenced":
			t.Errorf("alert %s is %s, want it silenced", a.token, item.State)
		}
		if a.severity != "info" && !a.hidden && item.Issue == "" {
			t.Errorf("alert %s has no issue", a.token)
		}
	}
	silences := d.silences()
	for _, id := range d.silenced {
		if !silences[id] {
			t.Errorf("silence %s was answered for and is lost", id)
		}
	}
	comments := 0
	for id, texts := range d.issues {
		timeline := d.timeline(id)
		for _, text := range texts {
			comments++
			if !timeline[text] {
				t.Errorf("comment %q of issue %s is lost", text, id)
			}
		}
	}
	for i, v := range d.samples {
		if got, err := d.hub.metric(`last_over_time(kill_story{n="` + strconv.Itoa(i) + `"}[1h])`); err != nil || got != strconv.Itoa(v) {
			t.Errorf("sample %d was answered for and is %q, %v; want %d", i, got, err, v)
		}
	}
	acknowledged, resolved := 0, 0
	for _, a := range d.alerts() {
		acknowledged += count(a.acknowledged)
		resolved += count(a.resolved)
	}
	t.Logf("%d alerts (%d acknowledged, %d resolved), %d silences, %d issues with %d comments, %d samples are all there; %d requests were cut off",
		len(d.alerts()), acknowledged, resolved, len(d.silenced), len(d.issues), comments, len(d.samples), d.cut.Load())
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// board reads all alerts of the story by their token.
func (d *driver) board() map[string]boardItem {
	d.t.Helper()
	all := map[string]boardItem{}
	cursor := ""
	for {
		var page items[boardItem]
		if err := d.hub.get("/api/vigie/v1/alerts?limit=1000&cursor="+url.QueryEscape(cursor), &page); err != nil {
			d.t.Fatal(err)
		}
		for _, a := range page.Items {
			all[a.Labels["token"]] = a
		}
		if page.Next == nil || *page.Next == "" {
			return all
		}
		cursor = *page.Next
	}
}

type boardItem struct {
	alertItem
	Issue string `json:"issue"`
}

func (d *driver) silences() map[string]bool {
	d.t.Helper()
	var page []struct{ ID string }
	if err := d.hub.get("/api/v2/silences", &page); err != nil {
		d.t.Fatal(err)
	}
	all := map[string]bool{}
	for _, s := range page {
		all[s.ID] = true
	}
	return all
}

func (d *driver) timeline(issue string) map[string]bool {
	d.t.Helper()
	all := map[string]bool{}
	cursor := ""
	for {
		var v struct {
			Timeline []struct{ Text string }
			Next     *string `json:"timeline_next"`
		}
		if err := d.hub.get("/api/vigie/v1/issues/"+issue+"?timeline_cursor="+url.QueryEscape(cursor), &v); err != nil {
			d.t.Errorf("issue %s was answered for: %v", issue, err)
			return all
		}
		for _, e := range v.Timeline {
			all[e.Text] = true
		}
		if v.Next == nil {
			return all
		}
		cursor = *v.Next
	}
}

package e2e_test

import (
	"fmt"
	"testing"
	"time"
)

// TestMailsArriveAfterTheMailServerIsBack has the mail server refuse
// connections while there is something to tell.
func TestMailsArriveAfterTheMailServerIsBack(t *testing.T) {
	t.Parallel()
	s := startSink(t, nil)
	h := startHub(t, hubOptions{operations: watchCompany(s.port())})
	s.close()
	a := &tracked{token: "T00001", severity: "critical", batch: "B00001"}
	_, _, err := once("POST", h.endpoints.Console+"/api/v2/alerts", h.token, asJSON, alertJSON(a, time.Now().Add(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	failing := alertItem{}
	within(t, 60*time.Second, "an alert says that notifications fail", func() error {
		open, err := h.openAlerts()
		for _, o := range open {
			if o.Labels["alertname"] == "NotificationsFailing" && o.Labels["channel"] == "mail" {
				failing = o
				return nil
			}
		}
		return fmt.Errorf("open alerts are %+v: %w", open, errOr(err))
	})
	t.Logf("NotificationsFailing after %v", time.Since(began).Round(100*time.Millisecond))
	// What waits survives a kill.
	h.kill()
	s.open()
	h.restart()
	began = time.Now()
	within(t, 60*time.Second, "the mails arrive", func() error {
		n := 0
		for _, m := range s.all() {
			n += len(m.told())
		}
		if n < 2 {
			return fmt.Errorf("%d mails", n)
		}
		return nil
	})
	t.Logf("the mails came %v after the mail server", time.Since(began).Round(100*time.Millisecond))
	within(t, 60*time.Second, "the alert about notifications resolves", func() error {
		open, err := h.openAlerts()
		for _, o := range open {
			if o.ID == failing.ID {
				return fmt.Errorf("it is %s", o.State)
			}
		}
		return err
	})
	got := map[string]int{}
	for _, m := range s.all() {
		for _, what := range m.told() {
			got[what+" to "+m.To]++
		}
	}
	for _, to := range toldOf["critical"] {
		if n := got["firing T00001 to "+to]; n != 1 {
			t.Errorf("%s was told %d times", to, n)
		}
	}
	if len(got) != 2 {
		t.Errorf("told were %v, want the two of the team alone", got)
	}
}

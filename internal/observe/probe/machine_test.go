package probe_test

import (
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/probe"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// story plays what places see into a machine. A word is PLACE and + or -, a
// dot lets ten seconds pass, so that "h- a- . h-" reads left to right.
func story(m *probe.Machine, at time.Time, words string) (time.Time, []probe.Change) {
	var changes []probe.Change
	note := func(c probe.Change, ok bool) {
		if ok {
			changes = append(changes, c)
		}
	}
	places := map[byte]string{'h': probe.Hub, 'a': "app-1", 'b': "app-2"}
	for _, w := range strings.Fields(words) {
		if w == "." {
			at = at.Add(10 * time.Second)
			note(m.Tick(at))
			continue
		}
		at = at.Add(time.Millisecond)
		o := probe.Observation{Place: places[w[0]], At: at, OK: w[1] == '+'}
		if !o.OK {
			o.Error = "connection refused"
		}
		note(m.Observe(at, o))
	}
	return at, changes
}

func trace(changes []probe.Change) string {
	var words []string
	for _, c := range changes {
		words = append(words, string(c.To))
	}
	return strings.Join(words, " ")
}

func TestWhatPlacesSeeBecomesAState(t *testing.T) {
	f := func(words, want string) {
		t.Helper()
		m := probe.NewMachine(probe.Rules{Confirmations: 2, Recoveries: 2, Fresh: 25 * time.Second})
		_, changes := story(m, noon, words)
		if got := trace(changes); got != want {
			t.Errorf("%s: %s, want %s", words, got, want)
		}
	}
	// One place alone.
	f("", "")
	f("h+", "up")
	f("h-", "failing")
	f("h+ . h- . h+", "up failing up")
	f("h+ . h- . h-", "up failing down")
	f("h- . h-", "failing down")
	f("h- . h- . h+", "failing down")
	f("h- . h- . h+ . h+", "failing down up")
	f("h- . h- . h+ . h- . h+", "failing down")
	f("h- . h- . h+ . h- . h+ . h+", "failing down up")
	// Nobody looks any more.
	f("h+ . . .", "up unknown")
	f("h- . . .", "failing unknown")
	f("h- . h- . . . . .", "failing down")
	f("h- . h- . . . . . h+ . h+", "failing down up")
	f("h+ . . . h+", "up unknown up")
	f("h- . . . h- . h-", "failing unknown failing down") // a gap breaks the row
	// A second place agrees, in either order.
	f("h+ a+ . h- a- . h-", "up failing down")
	f("h+ a+ . a- . a- h-", "up failing down")
	f("h+ a+ . h- . h- a+ h+ a+", "up failing oneplace up")
	// It disagrees: nobody is woken.
	f("h+ a+ . h- a+ . h- a+", "up failing oneplace")
	f("h+ a+ . h- a+ . h- a+ . h- a+ . h- a+", "up failing oneplace")
	f("a+ h+ . a- h+ . a- h+", "up failing oneplace")
	// It has not looked since: wait for it.
	f("h+ a+ . h- . h-", "up failing")
	f("h+ a+ . h- . h- a-", "up failing down")
	// It fell silent: do without it.
	f("h+ a+ . h- . h- . h-", "up failing down")
	f("h+ a+ . h- a+ . h- a+ . h- . h- . h-", "up failing oneplace down")
	// It changes its mind.
	f("h+ a+ . h- a+ . h- a+ . h- a-", "up failing oneplace down")
	// Recovery is seen by everybody, or one place alone still sees it.
	f("h- a- . h- a- . h+ a+ . h+ a+", "failing down up")
	f("h- a- . h- a- . h+ a- . h+ a-", "failing down oneplace")
	f("h- a- . h- a- . h+ a- . h+ a- . h+ a+", "failing down oneplace up")
	f("h- a- . h- a- . h+ . h+", "failing down")         // the other has not looked since
	f("h- a- . h- a- . h+ . h+ . h+", "failing down up") // and fell silent
	// Three places: two that see it are enough, whatever the third sees.
	f("h+ a+ b+ . h- a- b+ . h- a- b+", "up failing down")
	f("h+ a+ b+ . h- a+ b+ . h- a+ b+", "up failing oneplace")
	f("h- a- b- . h- a- b- . h+ a+ b- . h+ a+ b-", "failing down oneplace")
	f("h- a- b- . h- a- b- . h+ a- b- . h+ a- b-", "failing down")
}

func TestAnOutageBeginsWithItsFirstBadAnswerAndEndsWithTheFirstGoodOne(t *testing.T) {
	m := probe.NewMachine(probe.Rules{Confirmations: 3, Recoveries: 2, Fresh: time.Minute})
	_, changes := story(m, noon, "h+ a+ . h- . h- a- . h- a- . h- a+ . h+ a+ . h+")
	if got := trace(changes); got != "up failing down up" {
		t.Fatalf("changes: %s", got)
	}
	down, up := changes[2], changes[3]
	if got := down.Since.Sub(noon); got.Round(time.Second) != 10*time.Second {
		t.Errorf("the outage begins after %s, want 10s", got)
	}
	if got := up.Since.Sub(noon); got.Round(time.Second) != 50*time.Second {
		t.Errorf("the outage ends after %s, want 50s", got)
	}
	if down.Cause != "connection refused" || strings.Join(down.Places, " ") != "app-1 hub" {
		t.Errorf("cause %q from %v", down.Cause, down.Places)
	}
}

func TestConfirmationsOfOne(t *testing.T) {
	m := probe.NewMachine(probe.Rules{Confirmations: 1, Recoveries: 1, Fresh: time.Minute})
	_, changes := story(m, noon, "h+ . h- . h+ . h-")
	if got := trace(changes); got != "up down up down" {
		t.Errorf("changes: %s", got)
	}
}

func TestGraceHoldsAConfirmationBack(t *testing.T) {
	m := probe.NewMachine(probe.Rules{Confirmations: 2, Recoveries: 2, Fresh: time.Minute})
	m.NotBefore = noon.Add(35 * time.Second)
	_, changes := story(m, noon, "h- . h- . h- . h-")
	if got := trace(changes); got != "failing" {
		t.Errorf("within the grace: %s", got)
	}
	_, changes = story(m, noon.Add(36*time.Second), "h-")
	if got := trace(changes); got != "down" || !changes[0].Since.Before(noon.Add(time.Second)) {
		t.Errorf("after the grace: %+v", changes)
	}
}

func TestAFlappingProbeNeedsLongerToRecover(t *testing.T) {
	m := probe.NewMachine(probe.Rules{Confirmations: 1, Recoveries: 1, Fresh: time.Minute})
	at, changes := story(m, noon, "h- . h+ . h- . h+ . h- . h+ . h- . h+ . h- . h+ . h+ . h+")
	if got := trace(changes); got != "down up down up down up down up down" || !m.Flapping(at) {
		t.Fatalf("changes: %s, flapping %v", got, m.Flapping(at))
	}
	at, changes = story(m, at, ". h+")
	if got := trace(changes); got != "up" {
		t.Errorf("after four good answers: %s", got)
	}
	if m.Flapping(at.Add(2 * time.Hour)) {
		t.Error("it flaps for ever")
	}
}

func TestLateAnswersChangeNothing(t *testing.T) {
	m := probe.NewMachine(probe.Rules{Confirmations: 1, Recoveries: 1, Fresh: time.Minute})
	story(m, noon, "h+")
	if c, changed := m.Observe(noon.Add(time.Second), probe.Observation{Place: probe.Hub, At: noon.Add(-time.Second)}); changed {
		t.Errorf("an older answer made %+v", c)
	}
	// Of an agent that was cut off and now sends what it kept.
	if c, changed := m.Observe(noon.Add(time.Second), probe.Observation{Place: "app-1", At: noon.Add(-time.Hour)}); changed {
		t.Errorf("an hour old answer made %+v", c)
	}
	if s, _, _ := m.State(); s != probe.Up {
		t.Errorf("state %s, want up", s)
	}
}

func TestAClockThatIsAheadDoesNotKeepAnAnswerFresh(t *testing.T) {
	m := probe.NewMachine(probe.Rules{Confirmations: 1, Recoveries: 1, Fresh: time.Minute})
	m.Observe(noon, probe.Observation{Place: "app-1", At: noon.Add(24 * time.Hour), OK: true})
	if c, changed := m.Tick(noon.Add(2 * time.Minute)); !changed || c.To != probe.Unknown {
		t.Errorf("two minutes later: %+v, want unknown", c)
	}
}

func TestARestoredOutageEndsLikeAnyOther(t *testing.T) {
	m := probe.NewMachine(probe.Rules{Confirmations: 2, Recoveries: 2, Fresh: 25 * time.Second})
	m.Restore(noon.Add(-time.Hour), "answered 502, expected 200", []string{probe.Hub})
	_, changes := story(m, noon, ". . . . h- . h+ . h+")
	if got := trace(changes); got != "up" {
		t.Errorf("changes: %s, want up alone", got)
	}
}

func TestANewQuestionForgetsOldAnswersButNotTheOutage(t *testing.T) {
	m := probe.NewMachine(probe.Rules{Confirmations: 2, Recoveries: 2, Fresh: 25 * time.Second})
	at, _ := story(m, noon, "h- . h-")
	m.Forget()
	if s, _, _ := m.State(); s != probe.Down {
		t.Fatalf("state %s, want down", s)
	}
	if _, changes := story(m, at, ". h+ . h+"); trace(changes) != "up" {
		t.Errorf("changes: %s, want up", trace(changes))
	}
}

package attempts

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

func TestTriesRunOutAndComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(3, time.Minute)
		take := func(key string, want bool, after time.Duration) {
			t.Helper()
			if retry, ok := l.Allow(key); ok != want || retry != after {
				t.Fatalf("%s: got %v after %v, want %v after %v", key, ok, retry, want, after)
			}
		}
		for range 3 {
			take("a", true, 0)
		}
		take("a", false, time.Minute)
		take("b", true, 0)
		time.Sleep(20 * time.Second)
		take("a", false, 40*time.Second)
		time.Sleep(40 * time.Second)
		take("a", true, 0)
		take("a", false, time.Minute)
		time.Sleep(time.Hour)
		for range 3 {
			take("a", true, 0)
		}
		take("a", false, time.Minute)
		l.Forgive("a")
		take("a", true, 0)
	})
}

func TestMemoryIsBoundedAndTheWorstStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(5, time.Minute)
		for range 5 {
			l.Allow("attacker")
		}
		for i := range most + 100 {
			l.Allow(strconv.Itoa(i))
		}
		if n := len(l.full); n > most {
			t.Errorf("%d keys are remembered, want at most %d", n, most)
		}
		if _, ok := l.Allow("attacker"); ok {
			t.Error("flooding with new keys freed the one that had no try left")
		}
		time.Sleep(time.Hour)
		l.Allow("new")
		if n := len(l.full); n != 1 {
			t.Errorf("%d keys are remembered after an hour, want 1", n)
		}
	})
}

func TestRemoteAddressesOfOneHouseAreOneKey(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.7:4711":           "192.0.2.7",
		"192.0.2.7":                "192.0.2.7",
		"[::ffff:192.0.2.7]:4711":  "192.0.2.7",
		"[2001:db8:1:2:3::4]:4711": "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::9":     "2001:db8:1:2::/64",
		"fe80::1%eth0":             "fe80::/64",
		"pipe":                     "pipe",
	} {
		if got := Remote(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

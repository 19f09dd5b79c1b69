package run

import (
	"fmt"
	"maps"
	"strings"
	"testing"
)

func TestTheQueueStartsTheOldestThatMayAndSaysWhyOthersWait(t *testing.T) {
	needs := map[string][]string{"a": {"server:app-01"}, "b": {"server:app-01", "server:app-02"}, "c": {"server:app-02"}, "d": {"server:db-01"}, "check": nil}
	for name, c := range map[string]struct {
		waiting []string
		held    map[string]int64
		running int
		starts  string
		why     map[string]string
	}{
		"all may": {[]string{"a", "d", "check"}, nil, 0, "a d check", map[string]string{}},
		"one holds the server": {
			[]string{"a", "d"}, map[string]int64{"server:app-01": 7}, 1, "d", map[string]string{"a": "run #7 has app-01"},
		},
		"what an older one waits for is kept for it": {
			[]string{"b", "c", "check"}, map[string]int64{"server:app-01": 7}, 1, "check", map[string]string{"b": "run #7 has app-01", "c": "run #1 has app-02"},
		},
		"the older of two goes first": {[]string{"a", "b"}, nil, 0, "a", map[string]string{"b": "run #1 has app-01"}},
		"as many as there may be": {
			[]string{"a", "d", "check"}, nil, 1, "a", map[string]string{
				"d": "2 runs are under way, which is as many as there may be", "check": "2 runs are under way, which is as many as there may be",
			},
		},
	} {
		var waiting []Run
		for i, id := range c.waiting {
			waiting = append(waiting, Run{ID: id, Number: int64(i + 1)})
		}
		start, why := queue(waiting, func(r Run) []string { return needs[r.ID] }, c.held, c.running, map[bool]int{true: 2, false: 4}[name == "as many as there may be"])
		var starts []string
		for _, r := range start {
			starts = append(starts, r.ID)
		}
		if got := strings.Join(starts, " "); got != c.starts || !maps.Equal(why, c.why) {
			t.Errorf("%s: starts %q, want %q; %s", name, got, c.starts, fmt.Sprint(why))
		}
	}
}

package e2e_test

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestAServersClockIsWrong has a server's clock be wrong by a minute and a
// half, and then by more than a sample may be.
func TestAServersClockIsWrong(t *testing.T) {
	t.Parallel()
	h := startHub(t, hubOptions{operations: watchCompany("25")})
	a := startAgent(t, h, "app-01")
	h.waitSamples("app-01", 1)
	a.stop()
	as := a.impostor()
	write := func(ahead time.Duration) error {
		name := "clock_" + strconv.Itoa(int(ahead/time.Second)+1<<20)
		return postWrite(as, h.endpoints.Agents+"/api/v1/write", "", remoteWrite(map[string]string{"__name__": name, "job": "node"}, 1, time.Now().Add(ahead)))
	}
	for _, ahead := range []time.Duration{5 * time.Minute, -time.Hour, -47 * time.Hour} {
		if err := write(ahead); err != nil {
			t.Errorf("a sample %v ahead: %v, want it taken", ahead, err)
		}
	}
	for _, ahead := range []time.Duration{time.Hour, -72 * time.Hour} {
		err := write(ahead)
		if err == nil || !strings.HasPrefix(err.Error(), "400") {
			t.Errorf("a sample %v ahead: %v, want it refused for good", ahead, err)
		}
		t.Logf("a sample %v ahead is answered: %v", ahead, err)
	}
	within(t, 60*time.Second, "the hub sees how far the clock is off", func() error {
		// What an agent with this clock would say every few seconds.
		now := time.Now().UTC()
		say(t, as, h.endpoints.Agents+"/agent/v1/heartbeat", `{"version":1,"sent":"`+now.Add(-90*time.Second).Format(time.RFC3339Nano)+`","started":"`+now.Format(time.RFC3339)+`","boot":"b"}`)
		v, err := h.metric(`round(vigie_agent_clock_offset_seconds{server="app-01"})`)
		if err == nil && v != "90" {
			err = errNotYet
		}
		return err
	})
}

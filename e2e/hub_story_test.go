package e2e_test

import (
	"fmt"
	"net/url"
	"testing"
	"time"
)

func urlQuery(s string) string { return url.QueryEscape(s) }

// TestAHubAndAnAgentAsInstalled starts both the way a machine's service
// manager does, on both engines of the state, and follows a change of the
// operations repository until its alert is on the board.
func TestAHubAndAnAgentAsInstalled(t *testing.T) {
	for name, o := range map[string]hubOptions{
		"sqlite and a git repository": {git: true},
		"postgres and a directory":    {postgres: true},
	} {
		t.Run(name, func(t *testing.T) {
			h := startHub(t, o)
			a := startAgent(t, h, "app-01")
			within(t, 30*time.Second, "its series carry the server and what is known of it", func() error {
				_, err := h.metric(`node_load1{server="app-01", instance!=""}`)
				return err
			})
			h.write("rules/story.yaml", alwaysRule)
			within(t, 30*time.Second, "the rule's alert is on the board", func() error {
				open, err := h.openAlerts()
				if err != nil {
					return err
				}
				for _, o := range open {
					if o.Labels["alertname"] == "AlwaysThere" && o.Labels["server"] == "app-01" {
						return nil
					}
				}
				return fmt.Errorf("open alerts are %+v", open)
			})
			h.stop()
			h.restart()
			if open, err := h.openAlerts(); err != nil || len(open) == 0 {
				t.Errorf("after a restart the open alerts are %+v %v", open, err)
			}
			h.remove("rules/story.yaml")
			within(t, 30*time.Second, "without its rule the alert is over", func() error {
				open, err := h.openAlerts()
				if err == nil && len(open) > 0 {
					err = fmt.Errorf("open alerts are %+v", open)
				}
				return err
			})
			a.stop()
			h.stop()
		})
	}
}

// alwaysRule fires wherever an agent reports.
const alwaysRule = `
groups:
  - name: story
    interval: 1s
    rules:
      - alert: AlwaysThere
        expr: node_time_seconds{job!=""} > 0
        labels: {severity: warning}
        annotations: {summary: '{{ $labels.server }} reports'}
`

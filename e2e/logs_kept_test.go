package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestAServerThatKeepsLessThanIsPromisedIsFound has an agent send a file that
// Debian's own policy keeps for a year of months of 28 days, which is less than
// the 52 weeks that are promised of applications.
func TestAServerThatKeepsLessThanIsPromisedIsFound(t *testing.T) {
	t.Parallel()
	h := startLogHub(t)
	a := startAgent(t, h.hub, "app-01", "logs:\n  files:\n    - {paths: [/var/log/dpkg.log], class: application}")
	defer a.stop()
	within(t, 60*time.Second, "the agent tells how long the file is kept", func() error {
		kept, err := h.metric(`vigie_log_files_kept_seconds{server="app-01",files="/var/log/dpkg.log",class="application"}`)
		if err == nil && kept != "29030400" { // twelve times 28 days
			t.Fatalf("it is kept for %s seconds; if Debian's policy for dpkg.log has changed, take another file", kept)
		}
		return err
	})
	within(t, 2*time.Minute, "the rule of the policy finds it", func() error {
		var rules struct {
			Data struct {
				Groups []struct {
					Rules []struct {
						Name, State string
						Alerts      []struct {
							Labels      map[string]string
							Annotations map[string]string
						}
					}
				}
			}
		}
		if err := h.get("/api/v1/rules?type=alert", &rules); err != nil {
			return err
		}
		for _, g := range rules.Data.Groups {
			for _, r := range g.Rules {
				for _, one := range r.Alerts {
					if r.Name == "LogsNotKept" && one.Labels["server"] == "app-01" && strings.Contains(one.Annotations["summary"], "/var/log/dpkg.log") && strings.Contains(one.Annotations["summary"], "not 364 days") {
						return nil
					}
				}
			}
		}
		return fmt.Errorf("%+v: %w", len(rules.Data.Groups), errNotYet)
	})
}

package main

import (
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/ui"
)

const api = console.APIPrefix

func ago(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return ui.Ago(time.Since(*t))
}

func newServers() *cobra.Command {
	return listing{
		use: "servers", short: "List the servers of a hub, with how each is", path: api + "/servers", empty: "There is no such server.",
		example: "  vigie servers --state attention\n  vigie servers --client borealis -o json",
		columns: []string{"SERVER", "STATE", "ADDRESS", "ROLES", "RING", "INSTANCES", "HEARD"},
		filters: [][2]string{
			{"state", "wrong, silent, well, waiting, appliance, or attention for those that need somebody"}, {"role", "only those with this role"}, {"ring", "only those of this ring"},
			{"instance", "only those of this instance"}, {"client", "only those of this client"}, {"q", "only those that hold these words"},
		},
		row: rowOf(func(s struct {
			Slug, Address, Ring string
			Words               string `json:"state_words"`
			Roles, Instances    []string
			HeardAt             *time.Time `json:"heard_at"`
			Appliance           bool
		},
		) []string {
			heard := ago(s.HeardAt)
			if s.Appliance {
				heard = ""
			}
			return []string{s.Slug, s.Words, s.Address, few(s.Roles), s.Ring, few(s.Instances), heard}
		}),
	}.command(&client{}, 1000)
}

func newInstances() *cobra.Command {
	return listing{
		use: "instances", short: "List the instances of a hub, with how each is", path: api + "/instances", empty: "There is no such instance.",
		example: "  vigie instances --client borealis --environment production",
		columns: []string{"INSTANCE", "STATE", "CLIENT", "ENVIRONMENT", "SERVERS", "URL"},
		filters: [][2]string{
			{"state", "wrong, well, or attention for those that need somebody"}, {"client", "only those of this client"}, {"environment", "only those of this environment"},
			{"server", "only those on this server"}, {"q", "only those that hold these words"},
		},
		row: rowOf(func(i struct {
			Slug, Client, Environment string
			Words                     string `json:"state_words"`
			Servers, URLs             []string
		},
		) []string {
			address := ""
			if len(i.URLs) > 0 {
				address = i.URLs[0]
			}
			return []string{i.Slug, i.Words, i.Client, i.Environment, few(i.Servers), address}
		}),
	}.command(&client{}, 1000)
}

func newClients() *cobra.Command {
	return listing{
		use: "clients", short: "List the clients of a hub", path: api + "/clients", empty: "There is no such client.",
		columns: []string{"CLIENT", "NAME", "ACCOUNT MANAGER", "TIME ZONE", "INSTANCES"},
		filters: [][2]string{{"q", "only those that hold these words"}},
		row: rowOf(func(c struct {
			Slug, Name, Timezone string
			Manager              string `json:"account_manager"`
			Instances            []string
		},
		) []string {
			return []string{c.Slug, c.Name, c.Manager, c.Timezone, few(c.Instances)}
		}),
	}.command(&client{}, 1000)
}

// local is a moment in the zone of who reads.
func local(t time.Time) string { return t.Local().Format("2 Jan 15:04") }

func newIssues() *cobra.Command {
	c := &client{}
	cmd := listing{
		use: "issues", short: "List the issues of the logbook, the newest first", path: api + "/issues", empty: "There is no such issue.",
		example: "  vigie issues --state open\n  vigie issues show 12\n  vigie issues close 12 --reason 'the disk was grown'",
		columns: []string{"ISSUE", "STATE", "SEVERITY", "TAKEN BY", "OPENED", "TITLE"},
		filters: [][2]string{
			{"state", "open, resolved or closed"}, {"server", "only those about this server"}, {"instance", "only those about this instance"},
			{"client", "only those about this client"}, {"taken-by", "only those that this person has"}, {"q", "only those that hold these words"},
		},
		row: rowOf(func(i anIssue) []string {
			return []string{"#" + number(i.Number), i.State, i.Severity, i.TakenBy, local(i.OpenedAt), i.Title}
		}),
	}.command(c, 50)
	cmd.AddCommand(newIssueShow(c), newIssueDeclare(c), newIssueTake(c), newIssueVerb(c, "comment", "Write something down in an issue", "text"),
		newIssueVerb(c, "close", "Close an issue", "reason"), newIssueVerb(c, "reopen", "Open a closed issue again", "reason"))
	return cmd
}

func newAlerts() *cobra.Command {
	c := &client{}
	return listing{
		use: "alerts", short: "List the open alerts of a hub, the newest first", path: api + "/alerts", empty: "There is no such alert.",
		example: "  vigie alerts --server app-01\n  vigie alerts --severity critical --fail",
		columns: []string{"ALERT", "SEVERITY", "STATE", "ABOUT", "SINCE", "TAKEN BY", "SUMMARY"},
		fixed:   url.Values{"state": {"open"}},
		filters: [][2]string{
			{"state", "open, firing, acknowledged, silenced, inhibited or resolved"}, {"severity", "critical, warning or info"}, {"server", "only those about this server"},
			{"instance", "only those about this instance"}, {"client", "only those about this client"}, {"name", "only those of this rule"}, {"q", "only those that hold these words"},
		},
		row: rowOf(func(a anAlert) []string {
			return []string{a.ID, a.Severity, a.State, a.Subject, local(a.StartedAt), a.AcknowledgedBy, a.Name + ": " + a.Summary}
		}),
	}.command(c, 200)
}

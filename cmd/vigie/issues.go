package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// anIssue is what of an issue the commands print.
type anIssue struct {
	ID        string    `json:"id"`
	Number    int64     `json:"number"`
	Title     string    `json:"title"`
	State     string    `json:"state"`
	Severity  string    `json:"severity"`
	TakenBy   string    `json:"taken_by"`
	OpenedAt  time.Time `json:"opened_at"`
	Servers   []string  `json:"servers"`
	Instances []string  `json:"instances"`
	Timeline  []struct {
		At    time.Time `json:"at"`
		Kind  string    `json:"kind"`
		Actor string    `json:"actor"`
		Text  string    `json:"text"`
	} `json:"timeline"`
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// issuePath is the address of an issue, which people call by its number.
func issuePath(issue string) string {
	return api + "/issues/" + url.PathEscape(strings.TrimPrefix(issue, "#"))
}

func newIssueShow(c *client) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "show ISSUE", Short: "Print an issue with its timeline", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if output == "json" {
				var raw map[string]any
				if err := c.ask(cmd.Context(), http.MethodGet, issuePath(args[0]), nil, nil, &raw); err != nil {
					return err
				}
				return printJSON(cmd.OutOrStdout(), raw)
			}
			var i anIssue
			if err := c.ask(cmd.Context(), http.MethodGet, issuePath(args[0]), nil, nil, &i); err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			taken := "nobody has it"
			if i.TakenBy != "" {
				taken = i.TakenBy + " has it"
			}
			fmt.Fprintf(out, "#%d %s\n%s, %s, %s, opened %s\n", i.Number, plain(i.Title), i.State, i.Severity, plain(taken), local(i.OpenedAt))
			if about := append(i.Instances, i.Servers...); len(about) > 0 {
				fmt.Fprintf(out, "about %s\n", plain(strings.Join(about, ", ")))
			}
			fmt.Fprintln(out)
			rows := make([][]string, len(i.Timeline))
			for n, e := range i.Timeline {
				rows[n] = []string{local(e.At), e.Kind, e.Actor, e.Text}
			}
			return printTable(out, []string{"WHEN", "WHAT", "WHO", "TEXT"}, rows)
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

// said prints what became of an issue.
func (c *client) said(cmd *cobra.Command, i anIssue) {
	fmt.Fprintf(cmd.ErrOrStderr(), "Issue #%d is %s: %s/issues/%s\n", i.Number, i.State, strings.TrimSuffix(c.hub, "/"), i.ID)
}

func newIssueDeclare(c *client) *cobra.Command {
	var body struct {
		Title    string `json:"title"`
		Text     string `json:"text"`
		Severity string `json:"severity"`
	}
	cmd := &cobra.Command{
		Use: "declare TITLE", Short: "Declare an issue that no alert opened", Args: cobra.ExactArgs(1),
		Example: "  vigie issues declare 'The shop of Borealis is slow' --severity warning",
		RunE: func(cmd *cobra.Command, args []string) error {
			body.Title = args[0]
			var i anIssue
			if err := c.ask(cmd.Context(), http.MethodPost, api+"/issues", nil, body, &i); err != nil {
				return err
			}
			c.said(cmd, i)
			return nil
		},
	}
	cmd.Flags().StringVar(&body.Severity, "severity", "warning", "critical, warning or info")
	cmd.Flags().StringVar(&body.Text, "text", "", "what is known so far")
	return cmd
}

func newIssueTake(c *client) *cobra.Command {
	return &cobra.Command{
		Use: "take ISSUE", Short: "Take an issue over, with its alerts", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var i anIssue
			if err := c.ask(cmd.Context(), http.MethodPost, issuePath(args[0])+"/take", nil, struct{}{}, &i); err != nil {
				return err
			}
			c.said(cmd, i)
			return nil
		},
	}
}

// newIssueVerb makes a command that says something about an issue.
func newIssueVerb(c *client, verb, short, field string) *cobra.Command {
	var words string
	cmd := &cobra.Command{
		Use: verb + " ISSUE", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(words) == "" {
				return usage{fmt.Errorf("write --%s", field)}
			}
			var i anIssue
			if err := c.ask(cmd.Context(), http.MethodPost, issuePath(args[0])+"/"+verb, nil, map[string]string{field: words}, &i); err != nil {
				return err
			}
			c.said(cmd, i)
			return nil
		},
	}
	help := "what to write down"
	if field == "reason" {
		help = "why; needed"
	}
	cmd.Flags().StringVar(&words, field, "", help)
	return cmd
}

// anAlert is what of an alert the commands print.
type anAlert struct {
	ID             string    `json:"id"`
	Name           string    `json:"name"`
	State          string    `json:"state"`
	Severity       string    `json:"severity"`
	Subject        string    `json:"subject"`
	Summary        string    `json:"summary"`
	StartedAt      time.Time `json:"started_at"`
	AcknowledgedBy string    `json:"acknowledged_by"`
}

func newAck() *cobra.Command {
	c := &client{}
	var body struct {
		IDs    []string `json:"ids"`
		Reason string   `json:"reason"`
		For    string   `json:"for,omitempty"`
	}
	var release bool
	cmd := &cobra.Command{
		Use: "ack ALERT…", Short: "Take alerts over, so that nobody else is asked about them", Args: cobra.MinimumNArgs(1),
		Long: "Take alerts over by the ids that `vigie alerts` lists, until they resolve or for a time. All of them are taken or none.\n" +
			"Exit status 1 says that the hub refused, 3 that it could not be asked.",
		Example: "  vigie ack 01JDZ3NDEKTSV4RRFFQ69G5FAV --reason 'the disk is being grown' --for 2h",
		RunE: func(cmd *cobra.Command, args []string) error {
			body.IDs = args
			if release {
				if body.For != "" {
					return usage{errors.New("--for goes with taking alerts over, not with --release")}
				}
				if err := c.ask(cmd.Context(), http.MethodPost, api+"/alerts/release", nil, body, nil); err != nil {
					return err
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "%d given back.\n", len(args))
				return nil
			}
			var taken struct{ Items []anAlert }
			if err := c.ask(cmd.Context(), http.MethodPost, api+"/alerts/acknowledge", nil, body, &taken); err != nil {
				return err
			}
			for _, a := range taken.Items {
				fmt.Fprintf(cmd.OutOrStdout(), "%s  %s on %s is %s\n", a.ID, plain(a.Name), plain(a.Subject), a.State)
			}
			return nil
		},
	}
	c.flags(cmd)
	cmd.Flags().StringVar(&body.Reason, "reason", "", "why, for those who read it later")
	cmd.Flags().StringVar(&body.For, "for", "", "how long, such as 2h; until they resolve if left out")
	cmd.Flags().BoolVar(&release, "release", false, "give them back instead")
	return cmd
}

// aSilence is what of a silence the commands print.
type aSilence struct {
	ID       string    `json:"id"`
	State    string    `json:"state"`
	Matchers []string  `json:"matchers"`
	Reason   string    `json:"reason"`
	By       string    `json:"by"`
	EndsAt   time.Time `json:"ends_at"`
}

func newSilence() *cobra.Command {
	c := &client{}
	var body struct {
		Matchers []string `json:"matchers"`
		Reason   string   `json:"reason"`
		For      string   `json:"for"`
	}
	cmd := &cobra.Command{
		Use: "silence MATCHER…", Short: "Silence alerts for a time", Args: cobra.MinimumNArgs(1),
		Long:    "Silence the alerts that have all the labels named, written as amtool does.",
		Example: "  vigie silence 'server=~\"db-.*\"' --for 2h --reason 'they are being moved'\n  vigie silence list\n  vigie silence expire 01JDZ3NDEKTSV4RRFFQ69G5FAV",
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(body.Reason) == "" {
				return usage{errors.New("write --reason: those who wonder later were not there")}
			}
			body.Matchers = args
			var s aSilence
			if err := c.ask(cmd.Context(), http.MethodPost, api+"/silences", nil, body, &s); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%s until %s.\n", plain(strings.Join(s.Matchers, ", ")), local(s.EndsAt))
			fmt.Fprintln(cmd.OutOrStdout(), s.ID)
			return nil
		},
	}
	c.flags(cmd)
	cmd.Flags().StringVar(&body.For, "for", "2h", "how long, such as 30m, 2h or 3d")
	cmd.Flags().StringVar(&body.Reason, "reason", "", "why; needed")
	list := listing{
		use: "list", short: "List the silences that are or will be", path: api + "/silences", empty: "Nothing is silenced.",
		columns: []string{"SILENCE", "STATE", "ALERTS", "UNTIL", "BY", "REASON"},
		filters: [][2]string{{"all", "true: those that are over too"}},
		row: rowOf(func(s aSilence) []string {
			return []string{s.ID, s.State, strings.Join(s.Matchers, ", "), local(s.EndsAt), s.By, s.Reason}
		}),
	}.command(&client{}, 1000)
	var why string
	expire := &cobra.Command{
		Use: "expire SILENCE", Short: "End a silence", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.ask(cmd.Context(), http.MethodPost, api+"/silences/"+url.PathEscape(args[0])+"/expire", nil, map[string]string{"reason": why}, nil)
		},
	}
	expire.Flags().StringVar(&why, "reason", "", "why")
	cmd.AddCommand(list, expire)
	return cmd
}

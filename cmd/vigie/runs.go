package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vigie-ops/vigie/internal/hub"
)

// apiRuns is where a hub answers about runs.
const apiRuns = "/api/vigie/v1/runs"

// aRun is what of a run the commands print.
type aRun struct {
	ID          string     `json:"id"`
	Number      int64      `json:"number"`
	Kind        string     `json:"kind"`
	State       string     `json:"state"`
	Cause       string     `json:"cause"`
	Title       string     `json:"title"`
	Commit      string     `json:"commit"`
	Servers     []string   `json:"servers"`
	RequestedBy string     `json:"requested_by"`
	RequestedAt time.Time  `json:"requested_at"`
	StartedAt   *time.Time `json:"started_at"`
	EndedAt     *time.Time `json:"ended_at"`
}

func (r aRun) over() bool { return r.EndedAt != nil }

func newRun() *cobra.Command {
	c := &client{}
	var q struct {
		Playbook   string         `json:"playbook"`
		Commit     string         `json:"commit"`
		Limit      string         `json:"limit"`
		Tags       []string       `json:"tags"`
		Variables  map[string]any `json:"variables"`
		Check      bool           `json:"check"`
		Reason     string         `json:"reason"`
		BreakGlass string         `json:"break_glass"`
	}
	var vars []string
	var follow bool
	cmd := &cobra.Command{
		Use:   "run PLAYBOOK",
		Short: "Ask a hub to run a playbook",
		Long: "Ask a hub to run a playbook of the operations repository, by the name that `vigie playbooks` lists.\n" +
			"Exit status 0 says that the run was taken, with --follow that it succeeded.",
		Example: "  vigie run site --limit app:\\&ring_staging --check --follow\n  vigie run restart --limit app-01 --var service=nginx --reason 'new certificate' --follow",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Playbook, q.Variables = args[0], map[string]any{}
			for _, v := range vars {
				name, value, ok := strings.Cut(v, "=")
				if !ok || name == "" {
					return usage{fmt.Errorf("--var %q: write NAME=VALUE", v)}
				}
				q.Variables[name] = value
			}
			var r aRun
			if err := c.ask(cmd.Context(), http.MethodPost, apiRuns, nil, q, &r); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "Run #%d, %s of commit %.10s: %s\n", r.Number, r.Title, r.Commit, strings.TrimSuffix(c.hub, "/")+"/runs/"+r.ID)
			if !follow {
				if r.Cause != "" {
					fmt.Fprintf(cmd.ErrOrStderr(), "It is %s: %s.\n", r.State, r.Cause)
				}
				return nil
			}
			return c.follow(cmd, r.ID)
		},
	}
	c.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&q.Limit, "limit", "", "servers and groups, as Ansible's --limit; all is every one")
	f.StringSliceVar(&q.Tags, "tag", nil, "only tasks with one of these tags")
	f.StringArrayVar(&vars, "var", nil, "a variable of the playbook, NAME=VALUE")
	f.StringVar(&q.Commit, "commit", "", "commit of the operations repository; the one the hub follows if left out")
	f.BoolVar(&q.Check, "check", false, "only look what would change")
	f.StringVar(&q.Reason, "reason", "", "why; needed unless it is a check")
	f.StringVar(&q.BreakGlass, "break-glass", "", "why a commit that nobody accepted must run now; whoever leads is paged")
	f.BoolVar(&follow, "follow", false, "print the log as it grows, until the end")
	return cmd
}

func newRuns() *cobra.Command {
	c := &client{}
	var state, playbook, server, find, output string
	var active bool
	var most int
	cmd := &cobra.Command{
		Use:     "runs",
		Short:   "List the runs of a hub, the newest first",
		Example: "  vigie runs --active\n  vigie runs --server app-01 -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			query := url.Values{"limit": {strconv.Itoa(most)}}
			for k, v := range map[string]string{"state": state, "playbook": playbook, "server": server, "q": find} {
				if v != "" {
					query.Set(k, v)
				}
			}
			if active {
				query.Set("active", "true")
			}
			var page struct{ Items []json.RawMessage }
			if err := c.ask(cmd.Context(), http.MethodGet, apiRuns, query, nil, &page); err != nil {
				return err
			}
			if output == "json" {
				return printJSON(cmd.OutOrStdout(), page.Items)
			}
			return printRuns(cmd.OutOrStdout(), page.Items)
		},
	}
	c.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&state, "state", "", "only those in this state, such as running or failed")
	f.StringVar(&playbook, "playbook", "", "only those of this playbook")
	f.StringVar(&server, "server", "", "only those on this server")
	f.StringVar(&find, "find", "", "only those that hold these words")
	f.BoolVar(&active, "active", false, "only those that are not over")
	f.IntVar(&most, "limit", 20, "how many")
	outputFlag(cmd, &output)
	cmd.AddCommand(newRunsShow(c), newRunsLog(c), newRunsCancel(c), newRunsRetry(c), newRunsExport(c), newRunsVerify())
	return cmd
}

// outputFlag adds -o, which is for people or for programs.
func outputFlag(cmd *cobra.Command, output *string) {
	cmd.Flags().StringVarP(output, "output", "o", "table", "table for people, json for programs")
	before := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *output != "table" && *output != "json" {
			return usage{fmt.Errorf("-o is table or json, not %q", *output)}
		}
		return before(cmd, args)
	}
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func printRuns(w io.Writer, items []json.RawMessage) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "RUN\tKIND\tSTATE\tPLAYBOOK\tWHERE\tBY\tASKED\tTOOK")
	for _, one := range items {
		var r aRun
		if err := json.Unmarshal(one, &r); err != nil {
			return err
		}
		took := ""
		if r.StartedAt != nil && r.EndedAt != nil {
			took = r.EndedAt.Sub(*r.StartedAt).Round(100 * time.Millisecond).String()
		}
		where := strings.Join(r.Servers, ",")
		if len(r.Servers) > 3 {
			where = fmt.Sprintf("%d servers", len(r.Servers))
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Number, r.Kind, r.State, plain(r.Title), where, r.RequestedBy, r.RequestedAt.Local().Format("2 Jan 15:04"), took)
	}
	return t.Flush()
}

// runPath is the address of a run, which people call by its number.
func runPath(run string) string {
	return apiRuns + "/" + url.PathEscape(strings.TrimPrefix(run, "#"))
}

func newRunsShow(c *client) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "show RUN",
		Short: "Show a run with what it did on each server",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var raw json.RawMessage
			if err := c.ask(cmd.Context(), http.MethodGet, runPath(args[0]), nil, nil, &raw); err != nil {
				return err
			}
			if output == "json" {
				return printJSON(cmd.OutOrStdout(), raw)
			}
			return printRun(cmd.OutOrStdout(), raw)
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

func printRun(w io.Writer, raw json.RawMessage) error {
	var r struct {
		aRun
		Reason   string `json:"reason"`
		Accepted string `json:"accepted"`
		Hosts    []struct {
			Host                             string
			State                            string
			OK, Changed, Failed, Unreachable int
		} `json:"hosts"`
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return err
	}
	fmt.Fprintf(w, "Run #%d: %s, %s\n", r.Number, plain(r.Title), r.State)
	for _, l := range [][2]string{{"Cause", r.Cause}, {"Asked by", r.RequestedBy}, {"Why", r.Reason}, {"Commit", r.Commit}, {"May run because", r.Accepted}} {
		if l[1] != "" {
			fmt.Fprintf(w, "%s: %s\n", l[0], l[1])
		}
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SERVER\tSTATE\tOK\tCHANGED\tFAILED\tUNREACHABLE")
	for _, h := range r.Hosts {
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%d\n", h.Host, h.State, h.OK, h.Changed, h.Failed, h.Unreachable)
	}
	return t.Flush()
}

func newRunsLog(c *client) *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use:   "log RUN",
		Short: "Print the log of a run",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if follow {
				return c.follow(cmd, args[0])
			}
			return c.copy(cmd, runPath(args[0])+"/log.txt")
		},
	}
	cmd.Flags().BoolVar(&follow, "follow", false, "print it as it grows, until the end")
	return cmd
}

// copy prints an answer of the hub as it is.
func (c *client) copy(cmd *cobra.Command, path string) error {
	r, err := c.open(cmd.Context(), http.MethodGet, path, nil, nil)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	_, err = io.Copy(cmd.OutOrStdout(), r)
	return err
}

func newRunsCancel(c *client) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "cancel RUN",
		Short: "Stop a run",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var r aRun
			if err := c.ask(cmd.Context(), http.MethodPost, runPath(args[0])+"/cancel", nil, map[string]string{"reason": reason}, &r); err != nil {
				return err
			}
			words := "is being stopped"
			if r.over() {
				words = "is canceled"
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Run #%d %s.\n", r.Number, words)
			return nil
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; it stays with the run")
	return cmd
}

func newRunsRetry(c *client) *cobra.Command {
	var reason string
	var follow bool
	cmd := &cobra.Command{
		Use:   "retry RUN",
		Short: "Run the same again on the servers that a run did not finish on",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var r aRun
			if err := c.ask(cmd.Context(), http.MethodPost, runPath(args[0])+"/retry", nil, map[string]string{"reason": reason}, &r); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "Run #%d on %s.\n", r.Number, strings.Join(r.Servers, ", "))
			if follow {
				return c.follow(cmd, r.ID)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; that of the run before if left out")
	cmd.Flags().BoolVar(&follow, "follow", false, "print the log as it grows, until the end")
	return cmd
}

func newRunsExport(c *client) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "export RUN",
		Short: "Print the whole record of a run",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, ok := map[string]string{"json": "record.json", "junit": "junit.xml"}[format]
			if !ok {
				return usage{fmt.Errorf("--format is json or junit, not %q", format)}
			}
			return c.copy(cmd, runPath(args[0])+"/"+file)
		},
	}
	cmd.Flags().StringVar(&format, "format", "json", "json, or junit for build servers")
	return cmd
}

func newRunsVerify() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check on the hub's machine that nobody changed the records of runs",
		Long: "Check on the hub's machine that the records of all runs that are over are what they were when each ended: a record holds a hash of\n" +
			"itself and that of the one before. Exit status 1 names the first that is not. Exports of runs hold the hash, too: kept\n" +
			"elsewhere, they show whether somebody wrote the whole chain anew.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			config, err := hub.LoadConfig(file)
			if err != nil {
				return err
			}
			tools, err := hub.OpenTools(cmd.Context(), config, newLog(cmd.ErrOrStderr()))
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, tools.Close()) }()
			v, err := tools.Runs.Verify(cmd.Context())
			switch {
			case err != nil:
				return err
			case v.Broken != 0:
				return fmt.Errorf("the record of run #%d is not what it was when the run ended; the %d before it are", v.Broken, v.Records)
			case v.Missing != 0:
				return fmt.Errorf("the last %d records are gone; the %d before them are what they were when each run ended", v.Missing, v.Records)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "The records of %d runs are what they were when each ended.\n", v.Records)
			return nil
		},
	}
	cmd.Flags().StringVar(&file, "config", hub.DefaultConfig, "the hub's configuration")
	return cmd
}

func newPlaybooks() *cobra.Command {
	c := &client{}
	var commit, output string
	cmd := &cobra.Command{
		Use:   "playbooks",
		Short: "List the playbooks that a hub can run",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			query := url.Values{}
			if commit != "" {
				query.Set("commit", commit)
			}
			var page struct{ Items []json.RawMessage }
			if err := c.ask(cmd.Context(), http.MethodGet, "/api/vigie/v1/playbooks", query, nil, &page); err != nil {
				return err
			}
			if output == "json" {
				return printJSON(cmd.OutOrStdout(), page.Items)
			}
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "PLAYBOOK\tWHAT IT DOES\tVARIABLES")
			for _, one := range page.Items {
				var p struct {
					Slug, Title string
					Variables   []struct {
						Name     string
						Required bool
					}
				}
				if err := json.Unmarshal(one, &p); err != nil {
					return err
				}
				var vars []string
				for _, v := range p.Variables {
					if v.Required {
						v.Name += " (required)"
					}
					vars = append(vars, v.Name)
				}
				fmt.Fprintf(t, "%s\t%s\t%s\n", p.Slug, p.Title, strings.Join(vars, ", "))
			}
			return t.Flush()
		},
	}
	c.flags(cmd)
	cmd.Flags().StringVar(&commit, "commit", "", "commit of the operations repository; the one the hub follows if left out")
	outputFlag(cmd, &output)
	return cmd
}

// How often a run that is followed is looked at, and how long a hub may be
// away meanwhile: it may be starting again.
const (
	lookEvery = 500 * time.Millisecond
	awayMost  = 2 * time.Minute
)

// follow prints the log of a run until its end. A hub that is away is asked
// again; the run's state is what the command ends with.
func (c *client) follow(cmd *cobra.Command, run string) error {
	ctx, errs := cmd.Context(), cmd.ErrOrStderr()
	from, said, away := int64(0), "", time.Duration(0)
	for {
		var piece struct {
			Text  string
			Next  int64
			State string
			Over  bool
		}
		err := c.ask(ctx, http.MethodGet, runPath(run)+"/log", url.Values{"from": {strconv.FormatInt(from, 10)}}, nil, &piece)
		var gone unreachable
		switch {
		case ctx.Err() != nil:
			fmt.Fprintln(errs, "No longer followed. The run goes on; `vigie runs cancel` stops it.")
			return errSaid
		case errors.As(err, &gone) && away < awayMost:
			if away == 0 {
				fmt.Fprintln(errs, err)
			}
			away += lookEvery
		case err != nil:
			return err
		default:
			away = 0
			if _, err := io.WriteString(cmd.OutOrStdout(), piece.Text); err != nil {
				return err
			}
			from = piece.Next
			if piece.Over {
				return c.ended(ctx, cmd, run)
			}
			if piece.State != said && piece.State != "running" {
				if err := c.waits(ctx, errs, run); err != nil {
					return err
				}
			}
			said = piece.State
			if piece.Text != "" {
				continue
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(lookEvery):
		}
	}
}

// waits says what a run that does not work yet waits for.
func (c *client) waits(ctx context.Context, w io.Writer, run string) error {
	var r aRun
	if err := c.ask(ctx, http.MethodGet, runPath(run), nil, nil, &r); err != nil {
		return err
	}
	if !r.over() && r.Cause != "" {
		fmt.Fprintf(w, "Run #%d is %s: %s.\n", r.Number, r.State, r.Cause)
	}
	return nil
}

func (c *client) ended(ctx context.Context, cmd *cobra.Command, run string) error {
	var r aRun
	if err := c.ask(ctx, http.MethodGet, runPath(run), nil, nil, &r); err != nil {
		return err
	}
	words := fmt.Sprintf("Run #%d %s", r.Number, r.State)
	if r.Cause != "" {
		words += ": " + r.Cause
	}
	fmt.Fprintln(cmd.ErrOrStderr(), words+".")
	if r.State != "succeeded" {
		return errSaid
	}
	return nil
}

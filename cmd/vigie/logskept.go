package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/vigie-ops/vigie/internal/ui"
)

func newLogsKept() *cobra.Command {
	c := &client{}
	var output string
	cmd := &cobra.Command{
		Use:   "kept",
		Short: "Print how much there is of whose logs, and until when",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var page struct {
				Items []json.RawMessage
			}
			if err := c.ask(cmd.Context(), http.MethodGet, apiLogs+"/amounts", nil, nil, &page); err != nil {
				return err
			}
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			if output != "json" {
				fmt.Fprintln(t, "OWNER\tCLASS\tDAY\tLINES\tSIZE\tKEPT UNTIL")
			}
			for _, raw := range page.Items {
				if output == "json" {
					fmt.Fprintln(cmd.OutOrStdout(), string(raw))
					continue
				}
				var a struct {
					Owner, Class, Day string
					Lines, Bytes      int64
					Memory            int64  `json:"memory_bytes"`
					Until             string `json:"kept_until"`
				}
				if err := json.Unmarshal(raw, &a); err != nil {
					return err
				}
				fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s\n", a.Owner, a.Class, a.Day, a.Lines, ui.Bytes(float64(a.Bytes+a.Memory)), a.Until)
			}
			return t.Flush()
		},
	}
	c.flags(cmd)
	outputFlag(cmd, &output)
	return cmd
}

func newLogsErase() *cobra.Command {
	c := &client{}
	var reason, again string
	cmd := &cobra.Command{
		Use:   "erase OWNER",
		Short: "Delete every line of an instance or a server, with proof",
		Long: "Delete every line of an owner, instance:SLUG or server:SLUG: in files, in memory and in the write-ahead log. Then its name is searched for in what\n" +
			"is left. The proof is printed as JSON, and who asked for it stays in the audit trail. It cannot be undone; stop what sends first.",
		Example: "  vigie logs erase instance:borealis --yes instance:borealis --reason 'end of contract, asked for by Nadia' > proof.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if again != args[0] {
				return usage{fmt.Errorf("to delete every line of %s, repeat its name: --yes %s", args[0], args[0])}
			}
			c.endless = true
			var proof struct {
				Left []string `json:"left"`
			}
			var raw json.RawMessage
			if err := c.ask(cmd.Context(), http.MethodPost, apiLogs+"/erase", nil, map[string]string{"owner": args[0], "reason": reason}, &raw); err != nil {
				return err
			}
			if err := json.Unmarshal(raw, &proof); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), string(raw))
			if len(proof.Left) > 0 {
				return errors.New("some of it is left; look at the hub's log, then erase it again")
			}
			return nil
		},
	}
	c.flags(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "who asked for it, and why")
	cmd.Flags().StringVar(&again, "yes", "", "the owner once more")
	return cmd
}

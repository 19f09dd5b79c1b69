package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vigie-ops/vigie/internal/hub"
)

func newAudit() *cobra.Command {
	cmd := listing{
		use: "audit", short: "List who did what at a hub, the newest first", path: api + "/audit", empty: "Nothing like that was done.",
		example: "  vigie audit --object server:app-01\n  vigie audit --verb run. --limit 20 -o json",
		columns: []string{"WHEN", "WHO", "WHAT", "TO WHAT", "WHY"},
		filters: [][2]string{
			{"actor", "only what this person or token did"}, {"verb", "one, such as issue.close, or all of a kind, such as issue."}, {"object", "only what was done to this, such as server:app-01"},
			{"from", "only since this time, such as 2026-11-25T10:00:00Z"}, {"to", "only before this time"},
		},
		row: rowOf(func(e struct {
			At                          time.Time
			Actor, Verb, Object, Reason string
			Erased                      bool
		},
		) []string {
			if e.Erased {
				e.Reason = "(erased)"
			}
			return []string{local(e.At), e.Actor, e.Verb, e.Object, e.Reason}
		}),
	}.command(&client{}, 50)
	cmd.AddCommand(newAuditVerify(), newAuditErase())
	return cmd
}

func newAuditErase() *cobra.Command {
	var file, object, reason string
	cmd := &cobra.Command{
		Use: "erase", Short: "Erase, on the hub's machine, what the audit trail says about something", Args: cobra.NoArgs,
		Long: "Erase, on the hub's machine, the reasons and details of all entries about one object. Who did what to it and when stays, and so does\n" +
			"the chain: `vigie audit verify` finds the trail whole. The reason given here is kept, so it does not repeat what is erased.",
		Example: "  vigie audit erase --object instance:borealis-shop --reason 'end of contract, request 4711'",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			kind, id, ok := strings.Cut(object, ":")
			if !ok || kind == "" || id == "" {
				return usage{errors.New("write --object KIND:NAME, as `vigie audit` lists it")}
			}
			if strings.TrimSpace(reason) == "" {
				return usage{errors.New("write --reason: who asked for it")}
			}
			config, err := hub.LoadConfig(file)
			if err != nil {
				return err
			}
			tools, err := hub.OpenTools(cmd.Context(), config, newLog(cmd.ErrOrStderr()))
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, tools.Close()) }()
			n, err := tools.EraseAudit(cmd.Context(), localAdmin(), object, reason)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d entries about %s have no words any more.\n", n, object)
			return nil
		},
	}
	cmd.Flags().StringVar(&file, "config", hub.DefaultConfig, "the hub's configuration")
	cmd.Flags().StringVar(&object, "object", "", "KIND:NAME, such as server:app-01")
	cmd.Flags().StringVar(&reason, "reason", "", "who asked for it; needed, and kept")
	return cmd
}

func newAuditVerify() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "verify", Short: "Check on the hub's machine that nobody changed the audit trail", Args: cobra.NoArgs,
		Long: "Check on the hub's machine that every entry of the audit trail is as it was written: each holds a hash of itself and that of the\n" +
			"one before. Exit status 1 names the first that is not. The hash that is printed, kept elsewhere, shows whether somebody\n" +
			"wrote the whole trail anew.",
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
			r, err := tools.Audit().Verify(cmd.Context())
			if err != nil {
				return err
			}
			if b := r.Broken; b != nil {
				return fmt.Errorf("the audit trail was changed at entry %d (%s): %s", b.Seq, b.ID, b.What)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "All %d entries are as they were written. Hash of the last: %s\n", r.Entries, r.Head)
			return nil
		},
	}
	cmd.Flags().StringVar(&file, "config", hub.DefaultConfig, "the hub's configuration")
	return cmd
}

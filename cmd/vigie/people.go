package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vigie-ops/vigie/internal/hub"
)

func newPeople() *cobra.Command {
	c := &cobra.Command{
		Use:   "people",
		Short: "Let people in, on the hub's machine",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var file, address string
	invite := &cobra.Command{
		Use:   "invite PERSON",
		Short: "Make a one-time link with which a person chooses a password",
		Long: "Make a one-time link with which a person of the operations repository chooses a password. It works once, for three days;\n" +
			"also for somebody who has forgotten theirs.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			config, err := hub.LoadConfig(file)
			if err != nil {
				return err
			}
			tools, err := hub.OpenTools(cmd.Context(), config, newLog(cmd.ErrOrStderr()))
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, tools.Close()) }()
			token, err := tools.Accounts.InviteLink(cmd.Context(), localAdmin(), args[0])
			if err != nil {
				return err
			}
			if address == "" {
				address = config.Address()
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s/link/%s\n", address, token)
			return nil
		},
	}
	invite.Flags().StringVar(&file, "config", hub.DefaultConfig, "the hub's configuration")
	invite.Flags().StringVar(&address, "address", "", "address of the console in the link; the configuration's if empty")
	c.AddCommand(invite)
	return c
}

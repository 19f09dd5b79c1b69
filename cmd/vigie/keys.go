package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vigie-ops/vigie/internal/hub"
	"github.com/vigie-ops/vigie/internal/lib/secret"
)

func newKeys() *cobra.Command {
	c := &cobra.Command{
		Use:   "keys",
		Short: "Work on the keys that the hub makes",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(newKeysRotate())
	return c
}

func newKeysRotate() *cobra.Command {
	var file string
	var to secret.Ref
	c := &cobra.Command{
		Use:   "rotate",
		Short: "Seal all keys under a new master key",
		Long: "Seal all keys of the hub under a new master key, in one transaction: afterwards the new one opens them,\n" +
			"and the old one no longer does. Then write the new one into the configuration; a running hub goes on meanwhile.",
		Example: "  vigie keys rotate --to-file /etc/vigie/master.key.new",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if (to.File == "") == (to.Env == "") {
				return usage{errors.New("name the new master key with one of --to-file and --to-env")}
			}
			config, err := hub.LoadConfig(file)
			if err != nil {
				return err
			}
			master, err := to.Resolve(cmd.Context())
			if err != nil {
				return err
			}
			tools, err := hub.OpenTools(cmd.Context(), config, newLog(cmd.ErrOrStderr()))
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, tools.Close()) }()
			if err := tools.RotateKeys(cmd.Context(), master, localAdmin()); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "All keys are sealed under the new master key. Write it into %s now: master_key: {%s}.\n", file, refText(to))
			return nil
		},
	}
	c.Flags().StringVar(&file, "config", hub.DefaultConfig, "the hub's configuration")
	c.Flags().StringVar(&to.File, "to-file", "", "file that holds the new master key")
	c.Flags().StringVar(&to.Env, "to-env", "", "environment variable that holds the new master key")
	return c
}

func refText(r secret.Ref) string {
	if r.File != "" {
		return "file: " + r.File
	}
	return "env: " + r.Env
}

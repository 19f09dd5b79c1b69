package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/vigie-ops/vigie/internal/hub"
	"github.com/vigie-ops/vigie/internal/ui"
)

func newBackup() *cobra.Command {
	var file, to string
	cmd := &cobra.Command{
		Use: "backup", Short: "Copy all that a hub keeps, on its machine", Args: cobra.NoArgs,
		Long: "Copy all that a hub keeps, on its machine, into a new folder: the state, metrics, logs, and its copy of the operations repository.\n" +
			"The hub may run. The master key is not part of it: keep it somewhere else, for without it nobody can use the keys within.\n" +
			"PostgreSQL's pg_dump has to be there if the state is in PostgreSQL.",
		Example: "  vigie backup --to /backup/vigie-$(date +%F)",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if to == "" {
				return usage{errors.New("write --to FOLDER")}
			}
			config, err := hub.LoadConfig(file)
			if err != nil {
				return err
			}
			began := time.Now()
			m, err := hub.Backup(cmd.Context(), config, to, version(), newLog(cmd.ErrOrStderr()), progressOn(cmd.ErrOrStderr(), "copied"))
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d files, %s, in %s: %s\n", len(m.Files), ui.Bytes(float64(m.Bytes())), ui.Duration(time.Since(began)), to)
			return nil
		},
	}
	cmd.Flags().StringVar(&file, "config", hub.DefaultConfig, "the hub's configuration")
	cmd.Flags().StringVar(&to, "to", "", "folder to make")
	return cmd
}

func newRestore() *cobra.Command {
	var file, from string
	var replace bool
	cmd := &cobra.Command{
		Use: "restore", Short: "Put a backup back, on the machine of a hub that is stopped", Args: cobra.NoArgs,
		Long: "Put a backup back into the data folder and the state that the configuration names. The hub is stopped, and both are empty; with\n" +
			"--replace, what the data folder holds is moved aside. Every file is checked before anything is written.",
		Example: "  systemctl stop vigie-hub\n  vigie restore --from /backup/vigie-2026-11-25\n  systemctl start vigie-hub",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if from == "" {
				return usage{errors.New("write --from FOLDER")}
			}
			config, err := hub.LoadConfig(file)
			if err != nil {
				return err
			}
			m, aside, err := hub.Restore(cmd.Context(), config, from, replace, newLog(cmd.ErrOrStderr()), progressOn(cmd.ErrOrStderr(), "checked"))
			if aside != "" {
				fmt.Fprintln(cmd.ErrOrStderr(), "What was there lies in", aside)
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "The backup of %s is back: %d files, %s. Start the hub.\n", m.At.Local().Format("2 Jan 2006 15:04"), len(m.Files), ui.Bytes(float64(m.Bytes())))
			return nil
		},
	}
	cmd.Flags().StringVar(&file, "config", hub.DefaultConfig, "the hub's configuration")
	cmd.Flags().StringVar(&from, "from", "", "folder of the backup")
	cmd.Flags().BoolVar(&replace, "replace", false, "move aside what the data folder holds")
	return cmd
}

// progressOn says on a terminal how far a long work is.
func progressOn(errs io.Writer, what string) func(done, all int64) {
	f, ok := errs.(*os.File)
	if !ok {
		return nil
	}
	if s, err := f.Stat(); err != nil || s.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	var last time.Time
	return func(done, all int64) {
		if done < all && time.Since(last) < 200*time.Millisecond {
			return
		}
		last = time.Now()
		fmt.Fprintf(f, "\r%s %s of %s \x1b[K", what, ui.Bytes(float64(done)), ui.Bytes(float64(all)))
		if done >= all {
			fmt.Fprintln(f)
		}
	}
}

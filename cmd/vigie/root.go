package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vigie-ops/vigie/internal/lib/suggest"
)

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "vigie",
		Short:         "Operations for companies that run an instance for every customer",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
	})
	root.AddCommand(newHub(), newAgent(), newCheck(), newKeys(), newPeople(), newInventory(), newServers(), newInstances(), newClients(), newAlerts(), newAck(), newSilence(), newIssues(), newAudit(), newBackup(), newRestore(), newRun(), newRuns(), newLogs(), newPlaybooks(), newDemo(), newSample(), newVersion())
	wordArgs(root)
	return root
}

// wordArgs makes a wrong number of arguments a mistake in usage.
func wordArgs(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usage{fmt.Errorf("%w%s; see %s --help", err, didYouMean(cmd, args), cmd.CommandPath())}
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		wordArgs(sub)
	}
}

// didYouMean names the command that was probably meant.
func didYouMean(cmd *cobra.Command, args []string) string {
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	if len(args) == 0 {
		return ""
	}
	if near, ok := suggest.Nearest(args[0], names); ok {
		return fmt.Sprintf(" (did you mean %q?)", near)
	}
	return ""
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			fmt.Fprintln(cmd.OutOrStdout(), "vigie", version())
			return nil
		},
	}
}

// release is set by the linker when a release is built.
var release = ""

// version names the build: a release, or the commit it was made of.
func version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "development"
	}
	v := strings.TrimPrefix(info.Main.Version, "v")
	if v == "" || v == "(devel)" {
		v = "development"
	}
	return v
}

// newLog logs to errs: text for a person at a terminal, JSON for a machine.
func newLog(errs io.Writer) *slog.Logger {
	o := &slog.HandlerOptions{Level: slog.LevelInfo}
	if f, ok := errs.(*os.File); ok {
		if s, err := f.Stat(); err == nil && s.Mode()&os.ModeCharDevice == 0 {
			return slog.New(slog.NewJSONHandler(errs, o))
		}
	}
	return slog.New(slog.NewTextHandler(errs, o))
}

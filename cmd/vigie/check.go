package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/vigie-ops/vigie/internal/agent"
	"github.com/vigie-ops/vigie/internal/hub"
	"github.com/vigie-ops/vigie/internal/opsrepo"
)

func newCheck() *cobra.Command {
	var hubFile, agentFile string
	var schema bool
	c := &cobra.Command{
		Use:   "check [DIR]",
		Short: "Check an operations repository, or a configuration",
		Long: "Check an operations repository and report every mistake at once, as file:line:column: what is wrong; what is allowed.\n" +
			"Exit status 0 says that it is valid, 1 that it is not.",
		Example: "  vigie check .\n  vigie check --hub /etc/vigie/hub.yaml\n  vigie check --schema > vigie.schema.json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			out := cmd.OutOrStdout()
			if schema {
				_, err := out.Write(opsrepo.Schema(hub.Sections()))
				return err
			}
			if hubFile == "" && agentFile == "" && len(args) == 0 {
				args = []string{"."}
			}
			good := true
			if hubFile != "" {
				_, err := hub.LoadConfig(hubFile)
				good = report(out, hubFile, err) && good
			}
			if agentFile != "" {
				_, err := agent.LoadConfig(agentFile)
				good = report(out, agentFile, err) && good
			}
			for _, dir := range args {
				ok, err := checkRepository(out, dir)
				if err != nil {
					return err
				}
				good = ok && good
			}
			if !good {
				return errSaid
			}
			return nil
		},
	}
	c.Flags().StringVar(&hubFile, "hub", "", "check this configuration of a hub")
	c.Flags().StringVar(&agentFile, "agent", "", "check this configuration of an agent")
	c.Flags().BoolVar(&schema, "schema", false, "print the JSON Schema of the repository's files, for editors")
	return c
}

// report prints what is wrong with a configuration, a mistake a line.
func report(out io.Writer, file string, err error) bool {
	if err != nil {
		fmt.Fprintln(out, err)
		return false
	}
	fmt.Fprintf(out, "%s is valid.\n", file)
	return true
}

func checkRepository(out io.Writer, dir string) (bool, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return false, err
	}
	if !info.IsDir() {
		return false, usage{fmt.Errorf("%s is no directory; vigie check takes the root of an operations repository, and configurations with --hub or --agent", dir)}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return false, err
	}
	g, problems := opsrepo.Load(root.FS(), hub.Sections())
	if err := root.Close(); err != nil {
		return false, err
	}
	if len(problems) > 0 {
		fmt.Fprintln(out, problems)
		if n := len(problems); n > 1 {
			fmt.Fprintf(out, "%d mistakes.\n", n)
		}
		return false, nil
	}
	if g == nil {
		return false, errors.New("the repository could not be read")
	}
	fmt.Fprintf(out, "%s is valid: %d files.\n", dir, len(g.Files))
	return true, nil
}

package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/vigie-ops/vigie/internal/demo"
)

func newDemo() *cobra.Command {
	var listen, data, fleet string
	c := &cobra.Command{
		Use:   "demo",
		Short: "Run a hub and an agent on this machine, with real data of it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			collectEarly()
			program, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find this program: %w", err)
			}
			dir, err := filepath.Abs(data)
			if err != nil {
				return err
			}
			return demo.Run(cmd.Context(), demo.Options{
				Listen: listen, Data: dir, Fleet: fleet, Program: program, Version: version(),
				Out: cmd.OutOrStdout(), Log: newLog(cmd.ErrOrStderr()),
			})
		},
	}
	home, err := os.UserHomeDir()
	if err != nil {
		home = os.TempDir()
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "address of the console; loopback only")
	c.Flags().StringVar(&data, "data", filepath.Join(home, ".local/share/vigie-demo"), "folder that keeps everything")
	c.Flags().StringVar(&fleet, "fleet", "", "file of servers beside this machine, in the form of servers: of an operations repository; from the first start on")
	return c
}

func newSample() *cobra.Command {
	var name, listen string
	c := &cobra.Command{
		Use:    "sample",
		Short:  "A client's stack in small, for the demo",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return demo.ServeSample(cmd.Context(), name, listen, cmd.InOrStdin())
		},
	}
	c.Flags().StringVar(&name, "name", "", "slug of the instance")
	c.Flags().StringVar(&listen, "listen", "", "address to answer on")
	return c
}

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vigie-ops/vigie/internal/agent"
	"github.com/vigie-ops/vigie/internal/hub"
	"github.com/vigie-ops/vigie/internal/observe/probe/probeagent"
	"github.com/vigie-ops/vigie/internal/people"
)

func newAgent() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "agent",
		Short: "Run the agent of this server",
		Long: "Run the agent of this server. It observes and sends; it takes no orders and runs no commands.\n" +
			"Before its first start, `vigie agent enrol` gets it a certificate of each hub.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			collectEarly()
			config, err := agent.LoadConfig(file)
			if err != nil {
				return err
			}
			log := newLog(cmd.ErrOrStderr())
			a, err := agent.New(agent.Options{
				Config: config, Log: log, Build: version(),
				Sources: []agent.Source{probeagent.New(probeagent.Options{Log: log})},
			})
			if err != nil {
				return err
			}
			return a.Run(cmd.Context())
		},
	}
	c.Flags().StringVar(&file, "config", agent.DefaultConfig, "the agent's configuration")
	c.AddCommand(newAgentEnrol(), newAgentToken())
	return c
}

func newAgentEnrol() *cobra.Command {
	var file, tokenFile, hubName string
	c := &cobra.Command{
		Use:   "enrol",
		Short: "Get this server's first certificate from a hub",
		Long: "Get this server's first certificate from a hub, with a token that `vigie agent token` printed there.\n" +
			"The token is read from a file or from standard input, so that no process list shows it.",
		Example: "  vigie agent enrol --token-file /root/token",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := agent.LoadConfig(file)
			if err != nil {
				return err
			}
			var token []byte
			if tokenFile == "-" {
				token, err = io.ReadAll(io.LimitReader(cmd.InOrStdin(), 4096))
			} else {
				token, err = os.ReadFile(tokenFile)
			}
			if err != nil {
				return fmt.Errorf("read the token: %w", err)
			}
			server, err := agent.EnrolAt(cmd.Context(), config, hubName, strings.TrimSpace(string(token)), version())
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "This server is enrolled as %s. Start the agent now.\n", server)
			return nil
		},
	}
	c.Flags().StringVar(&file, "config", agent.DefaultConfig, "the agent's configuration")
	c.Flags().StringVar(&tokenFile, "token-file", "-", "file that holds the token; - is standard input")
	c.Flags().StringVar(&hubName, "hub", "", "the hub to enrol at, by its name or url in the configuration; may be left out when there is one")
	return c
}

func newAgentToken() *cobra.Command {
	var file string
	var ttl time.Duration
	c := &cobra.Command{
		Use:   "token SERVER",
		Short: "Issue a one-time enrolment token, on the hub's machine",
		Args:  cobra.ExactArgs(1),
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
			token, err := tools.Agents.IssueToken(cmd.Context(), args[0], ttl, localAdmin())
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), token)
			return nil
		},
	}
	c.Flags().StringVar(&file, "config", hub.DefaultConfig, "the hub's configuration")
	c.Flags().DurationVar(&ttl, "ttl", time.Hour, "how long the token may be used")
	return c
}

// localAdmin is who acts through a command on the hub's own machine: whoever
// may read its key could do anything anyway, and the audit trail says so.
func localAdmin() people.Actor {
	name := "root"
	if u := os.Getenv("SUDO_USER"); u != "" {
		name = u
	}
	return people.Actor{Slug: "local:" + name, Name: name + " on the hub's machine", Role: people.Admin, Via: "command line"}
}

package main

import (
	"errors"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/vigie-ops/vigie/internal/hub"
)

func newHub() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "hub",
		Short: "Run the hub",
		Long:  "Run the hub: console, alerts, time series, and the listener that agents send to.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			collectEarly()
			config, err := hub.LoadConfig(file)
			if err != nil {
				return err
			}
			log := newLog(cmd.ErrOrStderr())
			slog.SetDefault(log) // for what libraries log by themselves
			h, err := hub.New(cmd.Context(), hub.Options{Config: config, Version: version(), Log: log})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, h.Close()) }()
			return h.Run(cmd.Context())
		},
	}
	c.Flags().StringVar(&file, "config", hub.DefaultConfig, "the hub's configuration")
	return c
}

package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/hub"
	"github.com/vigie-ops/vigie/internal/operate/playbook"
	"github.com/vigie-ops/vigie/internal/opsrepo"
)

func newInventory() *cobra.Command {
	var dir, host string
	var list bool
	c := &cobra.Command{
		Use:   "inventory",
		Short: "Print the fleet as an inventory of Ansible",
		Long: "Print the servers of an operations repository in the form of Ansible's inventory scripts. It asks no hub.\n" +
			"Hosts are called by their slugs. Groups are the roles, and with a prefix rings, environments, clients, projects,\n" +
			"instances, providers and locations: app, ring_staging, client_borealis.",
		Example: "  vigie inventory --ops . --list\n  printf '#!/bin/sh\\nexec vigie inventory --ops /srv/ops \"$@\"\\n' > inventory/fleet.sh",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if list == (host != "") {
				return usage{errors.New("write one of --list and --host NAME")}
			}
			root, err := os.OpenRoot(dir)
			if err != nil {
				return err
			}
			g, problems := opsrepo.Load(root.FS(), hub.Sections())
			if err := root.Close(); err != nil {
				return err
			}
			if len(problems) > 0 {
				return problems
			}
			inv := playbook.NewInventory(fleet.NewSnapshot(g)).Add(hub.HostVars(g))
			print := inv.List
			if !list {
				print = func() ([]byte, error) { return inv.Host(host) }
			}
			out, err := print()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(append(out, '\n'))
			return err
		},
	}
	c.Flags().StringVar(&dir, "ops", ".", "the operations repository")
	c.Flags().BoolVar(&list, "list", false, "print all groups, hosts and variables")
	c.Flags().StringVar(&host, "host", "", "print the variables of one host")
	return c
}

package demo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/agent"
	"github.com/vigie-ops/vigie/internal/demo/localops"
	"github.com/vigie-ops/vigie/internal/observe/probe/probeagent"
	"github.com/vigie-ops/vigie/internal/people"
)

// enrolTimeout bounds how long the demo's own agent may take to enrol.
const enrolTimeout = 20 * time.Second

// hubName is what the agent calls its hub.
const hubName = "demo"

// logsOfMachine has the agent send the journal and the files of this machine
// that every Debian has, and those of the demo's own web server.
const logsOfMachine = `logs:
  journal: {since: 24h}
  files:
    - paths: [/var/log/syslog, /var/log/auth.log, /var/log/kern.log, /var/log/messages, /var/log/dpkg.log, /var/log/alternatives.log, /var/log/nginx/*.log, /var/log/postgresql/*.log]
    - {paths: [%q], format: access, class: web, service: nginx}
    - {paths: [%q], format: error, class: web, service: nginx}
`

// agent returns the running of this machine's agent, enrolled as the server of
// the demo's operations repository.
func (d *demo) agent(ctx context.Context) (run func(context.Context) error, err error) {
	dir := d.path("agent")
	networks := strings.Join(append([]string{"127.0.0.0/8", `::1/128`}, d.fleet.Networks()...), `", "`)
	content := fmt.Sprintf("data_dir: %q\nhubs:\n  - name: %s\n    url: https://%s\ncollect:\n  interval: 5s\nprobe_networks: [\"%s\"]\n", dir, hubName, d.hub.AgentsAddr(), networks) +
		fmt.Sprintf(logsOfMachine, d.path("nginx/*access.log"), d.path("nginx/*error.log"))
	file := d.path("agent.yaml")
	if err := writeAtomically(file, []byte(content), 0o600); err != nil {
		return nil, err
	}
	config, err := agent.ParseConfig(file, []byte(content))
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	_, err = os.Stat(filepath.Join(dir, "hubs", hubName, "identity.pem"))
	if errors.Is(err, fs.ErrNotExist) {
		err = d.enrol(ctx, config)
	}
	if err != nil {
		return nil, err
	}
	a, err := agent.New(agent.Options{
		Config: config, Log: d.Log, Build: d.Version,
		Sources: []agent.Source{probeagent.New(probeagent.Options{Log: d.Log})},
	})
	if err != nil {
		return nil, err
	}
	return a.Run, nil
}

func (d *demo) enrol(ctx context.Context, config agent.Config) error {
	ctx, cancel := context.WithTimeout(ctx, enrolTimeout)
	defer cancel()
	server, err := d.server()
	if err != nil {
		return err
	}
	token, err := d.hub.Agents().IssueToken(ctx, server, time.Minute, people.Actor{Slug: "demo", Name: "Demo", Role: people.Admin, Via: "demo"})
	if err != nil {
		return fmt.Errorf("issue a token for this machine: %w", err)
	}
	_, err = agent.Enrol(ctx, agent.Enrolment{DataDir: config.DataDir, Hub: config.Hubs[0], Token: token, Build: d.Version})
	return err
}

// server is the slug of this machine in the demo's operations repository: by
// its name, or the first if the repository calls it something else.
func (d *demo) server() (string, error) {
	first := ""
	for _, s := range d.hub.Fleet().Current().Servers() {
		switch {
		case s.Slug == localops.MachineSlug():
			return s.Slug, nil
		case first == "" && !s.Appliance:
			first = s.Slug
		}
	}
	if first == "" {
		return "", fmt.Errorf("the operations repository in %s names no server; add this machine, or remove the folder to begin again", d.path("ops"))
	}
	return first, nil
}

package hub

import (
	"slices"

	"github.com/vigie-ops/vigie/internal/audit"
	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/fleet/enrol"
	"github.com/vigie-ops/vigie/internal/keyring"
	"github.com/vigie-ops/vigie/internal/observe/logs"
	"github.com/vigie-ops/vigie/internal/observe/metrics"
	"github.com/vigie-ops/vigie/internal/observe/probe"
	"github.com/vigie-ops/vigie/internal/operate/drift"
	"github.com/vigie-ops/vigie/internal/operate/plan"
	"github.com/vigie-ops/vigie/internal/operate/playbook"
	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/respond/logbook"
	"github.com/vigie-ops/vigie/internal/respond/notify"
)

// Sections lists what the rooms read from the operations repository: the one
// list for `vigie check`, its schema and the hub.
func Sections() []opsrepo.Section {
	return slices.Concat(
		fleet.Sections(),
		people.Sections(),
		probe.Sections(),
		metrics.Sections(),
		logs.Sections(),
		alert.Sections(),
		notify.Sections(),
		playbook.Sections(),
		plan.Sections(),
		drift.Sections(),
	)
}

// HostVars are the variables that rooms give playbooks beside those of the
// fleet, by server.
func HostVars(g *opsrepo.Generation) map[string]map[string]any { return logs.HostVars(g) }

// Schemas lists the tables of all rooms.
func Schemas() []db.Schema {
	return []db.Schema{
		audit.Tables,
		keyring.Tables,
		opsrepo.Tables,
		people.Tables,
		fleet.Tables,
		enrol.Tables,
		probe.Schema(),
		logs.Tables,
		alert.Tables,
		logbook.Tables,
		notify.Tables,
		run.Tables,
		plan.Tables,
		drift.Tables,
	}
}

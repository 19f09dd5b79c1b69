package fleetweb

import (
	"context"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/ui"
)

// worstShown is how many instances Now shows; the list has the others.
const worstShown = 8

// instancesFigure says how many instances are well.
func (f *face) instancesFigure(ctx context.Context, _ console.About) (templ.Component, error) {
	m, err := f.look(ctx)
	if err != nil {
		return nil, err
	}
	all := m.fleet.Instances()
	n := ui.Number{Label: "Instances", Of: "of " + strconv.Itoa(len(all)) + " well", Kind: ui.OK, Text: "nothing is wrong", Href: "/instances"}
	well, bad := 0, 0
	for _, i := range all {
		switch st := m.instance(i); {
		case st.well():
			well++
		case st.kind == ui.Bad:
			bad++
		}
	}
	n.Value = strconv.Itoa(well)
	switch wrong := len(all) - well; {
	case len(all) == 0:
		n.Kind, n.Text = ui.Quiet, "none declared yet"
	case bad > 0:
		n.Kind, n.Text = ui.Bad, ui.Count(bad, "needs somebody now", "need somebody now")
	case wrong > 0:
		n.Kind, n.Text = ui.Warn, ui.Count(wrong, "needs a look", "need a look")
	}
	return ui.Figure(n), nil
}

// serversFigure says how many servers speak. Servers that wait for their
// agent, and appliances, are not expected to.
func (f *face) serversFigure(ctx context.Context, _ console.About) (templ.Component, error) {
	m, err := f.look(ctx)
	if err != nil {
		return nil, err
	}
	expected, heard, waiting := 0, 0, 0
	var newest time.Time
	for _, s := range m.fleet.Servers() {
		_, known := m.heard[s.Slug]
		_, enrolled := m.enrolled[s.Slug]
		switch {
		case s.Appliance:
			continue
		case !known && !enrolled:
			waiting++
			continue
		}
		expected++
		at := m.heard[s.Slug].At
		if m.now.Sub(at) <= patience {
			heard++
		}
		if at.After(newest) {
			newest = at
		}
	}
	n := ui.Number{Label: "Servers heard", Value: strconv.Itoa(heard), Of: "of " + strconv.Itoa(expected), Kind: ui.OK, Href: "/servers"}
	switch {
	case expected > heard:
		n.Kind, n.Text, n.Href = ui.Warn, ui.Count(expected-heard, "is silent", "are silent"), "/servers?state=silent"
	case expected == 0 && waiting > 0:
		n.Kind, n.Text, n.Href = ui.Quiet, ui.Count(waiting, "waits for its agent", "wait for their agents"), "/servers?state=waiting"
	case expected == 0:
		n.Kind, n.Text = ui.Quiet, "none declared yet"
	default:
		n.Text = "last heard " + ui.Ago(m.now.Sub(newest))
	}
	return ui.Figure(n), nil
}

// worstInstances shows the instances that need a look, and then the others.
func (f *face) worstInstances(ctx context.Context, _ console.About) (templ.Component, error) {
	m, err := f.look(ctx)
	if err != nil {
		return nil, err
	}
	rows := m.instanceRows(m.fleet.Instances(), instanceFilter{})
	rest := max(0, len(rows)-worstShown)
	rows = rows[:len(rows)-rest]
	if err := f.perform(ctx, rows); err != nil {
		return nil, err
	}
	return worstPanel(rows, rest), nil
}

func (f *face) countServers(context.Context) (string, ui.Kind) {
	return strconv.Itoa(len(f.o.Fleet.Current().Servers())), ui.Quiet
}

func (f *face) countInstances(context.Context) (string, ui.Kind) {
	return strconv.Itoa(len(f.o.Fleet.Current().Instances())), ui.Quiet
}

func (f *face) countClients(context.Context) (string, ui.Kind) {
	return strconv.Itoa(len(f.o.Fleet.Current().Clients())), ui.Quiet
}

package notify

import (
	"cmp"
	"slices"

	"github.com/vigie-ops/vigie/internal/respond/alert"
)

// addressee is one place that a message goes to, with the alerts it is about.
type addressee struct {
	channel Config
	to      Recipient
	address string // the e-mail address, or the channel's slug where no person is addressed
	alerts  []alert.Alert
	problem string // why nothing can be sent there, for whoever reads the log of deliveries
}

// addressees says who is told of the alerts, each address of a channel once,
// however many routes, teams and alerts lead there. Alerts about a channel that
// fails go by other channels, where there are any.
func addressees(p alert.Policy, channels map[string]Config, people Directory, alerts []alert.Alert) []addressee {
	var all []addressee
	at := map[[2]string]int{}
	add := func(a addressee, one alert.Alert) {
		k := [2]string{a.channel.Slug, a.address}
		i, ok := at[k]
		if !ok {
			i = len(all)
			at[k] = i
			all = append(all, a)
		}
		for _, known := range all[i].alerts {
			if known.ID == one.ID {
				return
			}
		}
		all[i].alerts = append(all[i].alerts, one)
	}
	for _, a := range alerts {
		for _, t := range detour(p.Targets(a.Labels), channels, a) {
			for _, to := range reach(t, channels, people) {
				add(to, a)
			}
		}
	}
	return all
}

// reach resolves one target.
func reach(t alert.Target, channels map[string]Config, people Directory) []addressee {
	ch, ok := channels[t.Channel]
	if !ok {
		return []addressee{{channel: Config{Slug: t.Channel}, address: t.Channel, problem: "the operations repository has no channel of this name"}}
	}
	if ch.Kind != SMTP {
		return []addressee{{channel: ch, address: ch.Slug}}
	}
	var persons []Recipient
	switch {
	case t.Person != "":
		p, ok := people.Person(t.Person)
		if !ok {
			p = Recipient{Slug: t.Person}
		}
		persons = []Recipient{p}
	case t.Team != "":
		persons = people.Members(t.Team)
		if len(persons) == 0 {
			return []addressee{{channel: ch, address: "team:" + t.Team, problem: "nobody is in team " + t.Team}}
		}
	default:
		return []addressee{{channel: ch, address: ch.Slug, problem: "mail needs a person or a team; name one in the route"}}
	}
	var out []addressee
	for _, p := range persons {
		a := addressee{channel: ch, to: p, address: p.Email}
		if p.Email == "" {
			a.address, a.problem = "person:"+p.Slug, "no e-mail address of "+p.Slug+" is known"
		}
		out = append(out, a)
	}
	return out
}

// LabelChannel names the channel that an alert about notifications is about.
const LabelChannel = "channel"

// detour leads an alert about a channel around that channel: by the other
// targets of its routes or, where there are none, by any other channel.
func detour(targets []alert.Target, channels map[string]Config, a alert.Alert) []alert.Target {
	broken := a.Labels[LabelChannel]
	if a.Detector != detector || broken == "" || a.Name == RouteReachesNobody || a.Name == NoticeReachesNobody { // that channel works
		return targets
	}
	others := slices.DeleteFunc(slices.Clone(targets), func(t alert.Target) bool { return t.Channel == broken })
	if len(others) > 0 {
		return others
	}
	for _, ch := range channels {
		if ch.Slug == broken {
			continue
		}
		if ch.Kind != SMTP {
			others = append(others, alert.Target{Channel: ch.Slug})
			continue
		}
		for _, t := range targets {
			if t.Person != "" || t.Team != "" {
				others = append(others, alert.Target{Person: t.Person, Team: t.Team, Channel: ch.Slug})
			}
		}
	}
	slices.SortFunc(others, func(x, y alert.Target) int { return cmp.Compare(x.Channel, y.Channel) })
	if len(others) == 0 {
		return targets // better late by the broken one than never
	}
	return others
}

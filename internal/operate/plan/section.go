package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/operate/playbook"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/schedule"
)

// The namespaces of slugs.
const (
	KindSchedule = "schedule"
	KindChain    = "chain"
)

// What is what a schedule or a step runs.
type What struct {
	Playbook  string         `yaml:"playbook" ops:"ref=playbook,doc=What to run."`
	Limit     string         `yaml:"limit" ops:"doc=Servers and groups, as Ansible's --limit; all is every server. Required."`
	Tags      []string       `yaml:"tags" ops:"doc=Only tasks with one of these tags; all if absent."`
	Variables map[string]any `yaml:"variables" ops:"doc=Variables of the playbook."`
	Check     bool           `yaml:"check" ops:"doc=Only look what would change."`
}

// Schedule runs a playbook or a chain again and again.
type Schedule struct {
	Pos      opsrepo.Pos `yaml:"-"`
	Slug     string      `yaml:"slug" ops:"required,slug,doc=Name of the schedule."`
	Name     string      `yaml:"name" ops:"doc=Name for people; the slug if absent."`
	What     `yaml:",inline"`
	Chain    string `yaml:"chain" ops:"ref=chain,doc=The chain to run, instead of a playbook."`
	Reason   string `yaml:"reason" ops:"doc=Why, for who reads the record."`
	Cron     string `yaml:"cron" ops:"doc=When: a cron expression of five fields. Write cron or rule."`
	Rule     string `yaml:"rule" ops:"doc=When: a recurrence rule of iCalendar, such as FREQ=MONTHLY;INTERVAL=2;BYDAY=1SU;BYHOUR=3. It needs starts."`
	Starts   string `yaml:"starts" ops:"doc=From when a rule counts: 2026-01-04T03:00 in the schedule's time zone."`
	Client   string `yaml:"client" ops:"ref=client,doc=Whose time zone and holidays count; the company's if absent."`
	Timezone string `yaml:"timezone" ops:"timezone,doc=The time zone, if it is nobody's of those."`
	Hours    string `yaml:"hours" ops:"default=always,enum=always|office|outside office,doc=Times at which the office is closed, or open, are left out."`
	Holidays string `yaml:"holidays" ops:"default=run,enum=run|skip,doc=Whether times on public holidays are left out."`
	Paused   bool   `yaml:"paused" ops:"doc=Whether nothing starts for now."`
}

// Title is what people call it.
func (s Schedule) Title() string {
	if s.Name != "" {
		return s.Name
	}
	return s.Slug
}

// Step is a step of a chain.
type Step struct {
	What `yaml:",inline"`
	Name string           `yaml:"name" ops:"doc=Name for people; the playbook if absent."`
	Wait opsrepo.Duration `yaml:"wait" ops:"max=30d,doc=How long to watch what the step before did before this one begins."`
}

// Chain is runs that follow each other, such as build, staging, the rest.
type Chain struct {
	Pos         opsrepo.Pos `yaml:"-"`
	Slug        string      `yaml:"slug" ops:"required,slug,doc=Name of the chain."`
	Name        string      `yaml:"name" ops:"doc=Name for people; the slug if absent."`
	Description string      `yaml:"description" ops:"doc=What it does and when to start it."`
	Steps       []Step      `yaml:"steps" ops:"required,min=1,doc=What runs, each once the one before succeeded."`
}

// Title is what people call it.
func (c Chain) Title() string {
	if c.Name != "" {
		return c.Name
	}
	return c.Slug
}

// Schedules is the section `schedules:`.
var Schedules = opsrepo.NewList("schedules", opsrepo.ListOptions[Schedule]{
	Doc: "Runs that start by themselves.", Kind: KindSchedule, Check: checkSchedules,
})

// Chains is the section `chains:`.
var Chains = opsrepo.NewList("chains", opsrepo.ListOptions[Chain]{
	Doc: "Runs that follow each other.", Kind: KindChain, Check: checkChains,
})

// Sections are what this package reads from the operations repository.
func Sections() []opsrepo.Section { return []opsrepo.Section{Schedules, Chains} }

func checkSchedules(c *opsrepo.Checker, all []Schedule) {
	for _, s := range all {
		switch {
		case (s.Playbook == "") == (s.Chain == ""):
			c.Errorf(s.Pos, "the schedule %q runs one thing; write playbook or chain", s.Slug)
		case s.Chain != "" && (s.Limit != "" || len(s.Tags) > 0 || len(s.Variables) > 0 || s.Check):
			c.Errorf(s.Pos, "the steps of a chain say where and with what; remove limit, tags, variables and check from the schedule %q", s.Slug)
		default:
			checkWhat(c, s.Pos, s.What, "")
		}
		if s.Client != "" && s.Timezone != "" {
			c.Errorf(c.FieldPos(s.Pos, "timezone"), "the client %q has a time zone; write client or timezone", s.Client)
		}
		if (s.Cron == "") == (s.Rule == "") {
			c.Errorf(s.Pos, "the schedule %q has one timetable; write cron or rule", s.Slug)
			continue
		}
		field := "cron"
		if s.Rule != "" {
			field = "rule"
		}
		table, err := s.timetable(time.UTC)
		if err != nil {
			if strings.HasPrefix(err.Error(), "starts:") {
				field = "starts"
				if s.Starts == "" {
					field = "rule"
				}
			}
			c.Errorf(c.FieldPos(s.Pos, field), "%v", err)
			continue
		}
		if s.Cron != "" && table.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
			c.Errorf(c.FieldPos(s.Pos, field), "there is no such day: %q never comes", s.Cron)
		}
	}
}

func checkChains(c *opsrepo.Checker, all []Chain) {
	for _, chain := range all {
		for i, step := range chain.Steps {
			at := fmt.Sprintf("steps[%d]", i)
			if step.Playbook == "" {
				c.Errorf(c.FieldPos(chain.Pos, at), "a step runs a playbook; write playbook: NAME")
				continue
			}
			if i == 0 && step.Wait > 0 {
				c.Errorf(c.FieldPos(chain.Pos, at+".wait"), "nothing comes before the first step that it could wait for")
			}
			checkWhat(c, chain.Pos, step.What, at+".")
		}
	}
}

// checkWhat looks whether it says where, and whether the playbook takes the
// variables.
func checkWhat(c *opsrepo.Checker, pos opsrepo.Pos, w What, at string) {
	if w.Playbook != "" && strings.TrimSpace(w.Limit) == "" {
		c.Errorf(c.FieldPos(pos, at+"playbook"), "nothing says on which servers; write limit: all for every one, or the names of servers and groups")
	}
	all := playbook.Catalogue.In(c)
	i := slices.IndexFunc(all, func(p playbook.Playbook) bool { return p.Slug == w.Playbook })
	if i < 0 {
		return // the reference says so
	}
	if _, err := all[i].Values(w.Variables); err != nil {
		field := at + "variables"
		if len(w.Variables) == 0 {
			field = at + "playbook"
		}
		c.Errorf(c.FieldPos(pos, field), "%v", err)
	}
}

// startsForm is how starts is written.
const startsForm = "2006-01-02T15:04"

func (s Schedule) timetable(zone *time.Location) (schedule.Timetable, error) {
	if s.Cron != "" {
		if s.Starts != "" {
			return schedule.Timetable{}, fmt.Errorf("starts: a cron expression has no beginning; remove it")
		}
		return schedule.Cron(s.Cron, zone)
	}
	starts, err := time.ParseInLocation(startsForm, s.Starts, zone)
	if err != nil {
		return schedule.Timetable{}, fmt.Errorf("starts: %q is no beginning of a rule; write it like 2026-01-04T03:00", s.Starts)
	}
	return schedule.Rule(s.Rule, starts)
}

// office is whose hours, time zone and holidays count.
func (s Schedule) office(f *fleet.Snapshot) schedule.Office {
	o := playbook.OfficeOf(f)
	name := s.Timezone
	if c, ok := f.Client(s.Client); ok {
		name = c.Timezone
		if c.Country != "" {
			o.Country = c.Country
		}
	}
	if zone, err := time.LoadLocation(name); err == nil && name != "" {
		o.Zone = zone
	}
	return o
}

// tries bounds how many times that are left out are passed over.
const tries = 10_000

// Next is the first time after a moment at which a schedule starts something;
// zero when there is none any more.
func (s Schedule) Next(f *fleet.Snapshot, after time.Time) time.Time {
	o := s.office(f)
	zone := o.Zone
	table, err := s.timetable(zone)
	if err != nil {
		return time.Time{} // the check of the repository said so
	}
	for range tries {
		if after = table.Next(after); after.IsZero() || s.counts(o, after) {
			return after
		}
	}
	return time.Time{}
}

func (s Schedule) counts(o schedule.Office, at time.Time) bool {
	switch {
	case s.Holidays == "skip" && o.Country.Holiday(at.In(o.Zone)) != "":
		return false
	case s.Hours == "office":
		return o.Open(at)
	case s.Hours == "outside office":
		return !o.Open(at)
	}
	return true
}

// definition changes when something of a schedule's times does.
func (s Schedule) definition(f *fleet.Snapshot) string {
	o := s.office(f)
	return strings.Join([]string{s.Cron, s.Rule, s.Starts, o.Zone.String(), string(o.Country), s.Hours, s.Holidays}, "|")
}

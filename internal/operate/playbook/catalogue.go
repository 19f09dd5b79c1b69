package playbook

import (
	"path"
	"slices"

	"github.com/vigie-ops/vigie/internal/opsrepo"
)

// KindPlaybook is the namespace of the slugs of playbooks.
const KindPlaybook = "playbook"

// Playbook is one entry of a catalogue: a vigie.yaml beside playbooks.
type Playbook struct {
	Pos         opsrepo.Pos      `yaml:"-"`
	Slug        string           `yaml:"slug" ops:"required,slug,doc=Name by which people, schedules and policies call it."`
	File        string           `yaml:"file" ops:"required,doc=The playbook, relative to this vigie.yaml."`
	Name        string           `yaml:"name" ops:"doc=Name for people; the slug if absent."`
	Description string           `yaml:"description" ops:"doc=What it does and when to run it."`
	Variables   []Variable       `yaml:"variables" ops:"doc=What a run may set."`
	Timeout     opsrepo.Duration `yaml:"timeout" ops:"default=1h,min=10s,max=1d,doc=How long a run may take."`
	Forks       int              `yaml:"forks" ops:"default=10,min=1,max=200,doc=How many servers are worked on at once."`
	Drift       bool             `yaml:"drift" ops:"doc=Whether the look for drift checks it on the whole fleet."`
	Role        string           `yaml:"role" ops:"default=operator,enum=operator|admin,doc=The least role that may start it."`
	Vaults      []string         `yaml:"vaults" ops:"ref=vault,doc=Vaults whose passwords a run gets; none if absent."`
}

// Path is where the playbook lies in the repository.
func (p Playbook) Path() string { return path.Join(path.Dir(p.Pos.File), p.File) }

// Title is what people call it.
func (p Playbook) Title() string {
	if p.Name != "" {
		return p.Name
	}
	return p.Slug
}

// Catalogue is the section `playbooks:`.
var Catalogue = opsrepo.NewList("playbooks", opsrepo.ListOptions[Playbook]{
	Doc: "Playbooks that may be run, in a vigie.yaml beside them.", Kind: KindPlaybook, Check: checkCatalogue,
})

// Find returns the playbook of a slug in a generation.
func Find(g *opsrepo.Generation, slug string) (Playbook, bool) {
	all := Catalogue.Of(g)
	i := slices.IndexFunc(all, func(p Playbook) bool { return p.Slug == slug })
	if i < 0 {
		return Playbook{}, false
	}
	return all[i], true
}

// Sections are what this package reads from the operations repository.
func Sections() []opsrepo.Section {
	return []opsrepo.Section{Catalogue, Vaults, Review, Approvals}
}

func checkCatalogue(c *opsrepo.Checker, all []Playbook) {
	for _, p := range all {
		if dir := path.Dir(p.Pos.File); dir != opsrepo.Playbooks && !isBelow(dir, opsrepo.Playbooks) {
			c.Errorf(p.Pos, "the playbook %q is described outside of %s/; describe it in a vigie.yaml beside it", p.Slug, opsrepo.Playbooks)
			continue
		}
		if p.File != "" {
			if !isBelow(p.Path(), opsrepo.Playbooks) {
				c.Errorf(c.FieldPos(p.Pos, "file"), "%q leads out of %s/; all playbooks lie there", p.File, opsrepo.Playbooks)
			} else if !c.HasFile(p.Path()) {
				c.Errorf(c.FieldPos(p.Pos, "file"), "there is no file %s; file is relative to the folder of this vigie.yaml", p.Path())
			}
		}
		names := make([]string, len(p.Variables))
		for i, v := range p.Variables {
			names[i] = v.Name
			v.check(c)
		}
		opsrepo.CheckUnique(c, p.Pos, "variables", names)
	}
}

func isBelow(name, dir string) bool {
	return len(name) > len(dir) && name[:len(dir)] == dir && name[len(dir)] == '/'
}

package opsrepo_test

import (
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/vigie-ops/vigie/internal/opsrepo"
)

// course reads itself: a text or a list of texts.
type course []string

func (c *course) UnmarshalYAML(n *yaml.Node) error {
	switch n.Kind {
	case yaml.ScalarNode:
		*c = course{n.Value}
		return nil
	case yaml.SequenceNode:
		for _, item := range n.Content {
			if item.Value == "reef" {
				return opsrepo.At(item, "the course leads onto a reef; sail around it")
			}
			if item.Value == "nowhere" {
				return fmt.Errorf("line %d: the course leads nowhere; name a port", item.Line)
			}
		}
		return n.Decode((*[]string)(c))
	}
	return fmt.Errorf("a course is a port or a list of ports")
}

// hour checks itself.
type hour string

func (h hour) CheckText() error {
	if len(h) != 5 {
		return fmt.Errorf("%q is no hour; write it like 18:00", string(h))
	}
	return nil
}

type voyage struct {
	Pos    opsrepo.Pos `yaml:"-"`
	Slug   string      `yaml:"slug" ops:"required,slug"`
	Course course      `yaml:"course"`
	Leaves hour        `yaml:"leaves"`
	With   string      `yaml:"with" ops:"ref=ship|port"`
	Cargo  any         `yaml:"cargo"`
	Raw    yaml.Node   `yaml:"raw"`
	common `yaml:",inline"`
}

type common struct {
	Note string `yaml:"note" ops:"max=5"`
}

var voyages = opsrepo.NewList("voyages", opsrepo.ListOptions[voyage]{Check: func(c *opsrepo.Checker, all []voyage) {
	for _, v := range all {
		if v.Slug == "doubled" {
			opsrepo.CheckUnique(c, v.Pos, "course", v.Course)
		}
		if c.Has("port", v.Slug) {
			c.Errorf(c.FieldPos(v.Pos, "nothing.here"), "a voyage is called like a port")
		}
	}
}})

func loadVoyages(text string) ([]voyage, []string) {
	g, problems := opsrepo.Load(fstest.MapFS{"vigie.yaml": {Data: []byte("vigie: 1\nports: [{slug: oslo}]\nvoyages:\n" + text)}},
		[]opsrepo.Section{voyages, harbours, ships})
	var lines []string
	for _, p := range problems {
		lines = append(lines, p.String())
	}
	return voyages.Of(g), lines
}

func TestTypesMayReadThemselves(t *testing.T) {
	all, problems := loadVoyages("- {slug: a, course: oslo, leaves: 18:00, with: oslo, cargo: {tea: [1, x]}, raw: {k: v}, note: short}\n- {slug: b, course: [x, y]}\n")
	if problems != nil {
		t.Fatal(problems)
	}
	a := all[0]
	if diff := cmp.Diff(map[string]any{"tea": []any{1, "x"}}, a.Cargo); diff != "" || len(a.Course) != 1 || len(all[1].Course) != 2 ||
		a.Leaves != "18:00" || a.Raw.Kind != yaml.MappingNode || a.Note != "short" {
		t.Errorf("voyages = %+v\n%s", all, diff)
	}
}

func TestMistakesOfTypesThatReadThemselvesHaveAPlace(t *testing.T) {
	_, got := loadVoyages(`- {slug: a, course: [oslo, reef]}
- slug: b
  course:
    - oslo
    - nowhere
- {slug: c, course: {x: y}}
- {slug: d, leaves: noon}
- {slug: e, with: bergen}
- {slug: e, note: too long}
- {slug: doubled, course: [x, y, x]}
- {slug: f, course: [[x], {y: z}]}
- {slug: oslo}
`)
	want := []string{
		"vigie.yaml:4:28: the course leads onto a reef; sail around it",
		"vigie.yaml:8:7: the course leads nowhere; name a port",
		"vigie.yaml:9:21: a course is a port or a list of ports",
		`vigie.yaml:10:21: leaves: "noon" is no hour; write it like 18:00`,
		`vigie.yaml:11:19: with names the ship or port "bergen", which does not exist; use the slug of one that the repository defines`,
		`vigie.yaml:12:10: the slug "e" is already taken in voyages at vigie.yaml:11:10; each slug names one entry`,
		"vigie.yaml:12:19: note has 8 characters; it must have at most 5",
		"vigie.yaml:13:34: course names x twice; once is enough",
		"vigie.yaml:14:21: cannot unmarshal !!map into string",
		"vigie.yaml:14:21: cannot unmarshal !!seq into string",
		"vigie.yaml:15:3: a voyage is called like a port",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

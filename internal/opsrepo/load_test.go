package opsrepo_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/lib/secret"
	"github.com/vigie-ops/vigie/internal/opsrepo"
)

// The toy sections of these tests: enough of each kind of key.
type ship struct {
	Pos      opsrepo.Pos       `yaml:"-"`
	Slug     string            `yaml:"slug" ops:"required,slug"`
	Name     string            `yaml:"name" ops:"required,doc=Name, as painted on the hull."`
	Port     string            `yaml:"port" ops:"ref=port"`
	Sails    int               `yaml:"sails" ops:"min=1,max=12,default=3"`
	Rig      string            `yaml:"rig" ops:"enum=sloop|ketch|schooner,default=sloop"`
	Fast     bool              `yaml:"fast"`
	Length   float64           `yaml:"length" ops:"min=1.5"`
	Watch    opsrepo.Duration  `yaml:"watch" ops:"duration,min=1m,max=1d,default=4h"`
	Berths   []int             `yaml:"berths" ops:"min=1,max=99,default=1|2"`
	Crew     []string          `yaml:"crew" ops:"min=1"`
	Decks    []deck            `yaml:"decks"`
	Flags    map[string]string `yaml:"flags"`
	Rations  ration            `yaml:"rations"`
	Captain  *captain          `yaml:"captain"`
	Radio    secret.Ref        `yaml:"radio"`
	Address  string            `yaml:"address" ops:"address"`
	Network  string            `yaml:"network" ops:"cidr"`
	Site     string            `yaml:"site" ops:"url"`
	Timezone string            `yaml:"timezone" ops:"timezone"`
}

type deck struct {
	Pos  opsrepo.Pos `yaml:"-"`
	Slug string      `yaml:"slug" ops:"required,slug"`
}

type ration struct {
	Rum int `yaml:"rum" ops:"default=2"`
}

type captain struct {
	Email string `yaml:"email" ops:"required,email"`
}

type harbour struct {
	Pos  opsrepo.Pos `yaml:"-"`
	Slug string      `yaml:"slug" ops:"required,slug"`
}

type company struct {
	Pos  opsrepo.Pos `yaml:"-"`
	Name string      `yaml:"name" ops:"required"`
}

type chart struct{ Name, Text string }

var (
	ships = opsrepo.NewList("ships", opsrepo.ListOptions[ship]{Kind: "ship", Check: func(c *opsrepo.Checker, all []ship) {
		for _, s := range all {
			if s.Fast && s.Sails < 2 {
				c.Errorf(c.FieldPos(s.Pos, "sails"), "a fast ship has %d sail; give it two", s.Sails)
			}
		}
	}})
	harbours = opsrepo.NewList("ports", opsrepo.ListOptions[harbour]{Kind: "port"})
	owner    = opsrepo.NewSingle("company", opsrepo.SingleOptions[company]{})
	charts   = opsrepo.NewFiles("charts", opsrepo.FilesOptions[chart]{
		Glob: "rules/**/*.{yaml,chart}",
		Decode: func(name string, content []byte) (chart, opsrepo.Problems) {
			if strings.Contains(string(content), "dragons") {
				return chart{}, opsrepo.Problems{{Pos: opsrepo.Pos{Line: 1, Column: 6}, Message: "here be dragons; draw what is there"}}
			}
			return chart{name, string(content)}, nil
		},
	})
	toySections = []opsrepo.Section{ships, harbours, owner, charts}
)

func load(files map[string]string) (*opsrepo.Generation, opsrepo.Problems) {
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return opsrepo.Load(fsys, toySections)
}

func mustLoad(t *testing.T, files map[string]string) *opsrepo.Generation {
	t.Helper()
	g, problems := load(files)
	if len(problems) > 0 {
		t.Fatalf("a good repository is refused:\n%v", problems)
	}
	return g
}

func TestEntriesOfAllFilesAreJoined(t *testing.T) {
	g := mustLoad(t, map[string]string{
		"vigie.yaml":          "vigie: 1\ncompany: {name: Halyard}\n",
		"a/ships.yaml":        "ships:\n  - slug: ann\n    name: Ann\n    port: oslo\n",
		"b.yml":               "ports: [{slug: oslo}]\n---\nships:\n  - {slug: bee, name: Bee, sails: 1, crew: [x], watch: 15m}\n---\n# nothing\n",
		"empty.yaml":          "",
		"later.yaml":          "ships:\n",
		"playbooks/site.yml":  "- hosts: all\n",
		".github/x.yaml":      "on: push\n",
		".lint.yaml":          "rules: {}\n",
		"rules/deep/one.yaml": "groups: []\n",
		"rules/two.chart":     "north",
		"README.md":           "# hello: [",
	})
	all := ships.Of(g)
	if len(all) != 2 || all[0].Slug != "ann" || all[1].Slug != "bee" {
		t.Fatalf("ships = %+v", all)
	}
	if got, want := all[1].Pos, (opsrepo.Pos{File: "b.yml", Line: 4, Column: 5}); got != want {
		t.Errorf("the second ship stands at %s, want %s", got, want)
	}
	if got, ok := owner.Of(g); !ok || got.Name != "Halyard" {
		t.Errorf("company = %+v, %v", got, ok)
	}
	want := []chart{{"rules/deep/one.yaml", "groups: []\n"}, {"rules/two.chart", "north"}}
	if diff := cmp.Diff(want, charts.Of(g)); diff != "" {
		t.Errorf("charts (-want +got):\n%s", diff)
	}
	var paths []string
	for _, f := range g.Files {
		paths = append(paths, f.Path+" "+strings.Join(f.Sections, ","))
	}
	wantPaths := []string{"a/ships.yaml ships", "b.yml ports,ships", "empty.yaml ", "later.yaml ships",
		"rules/deep/one.yaml charts", "rules/two.chart charts", "vigie.yaml company"}
	if diff := cmp.Diff(wantPaths, paths); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestAbsentKeysGetTheirDefaults(t *testing.T) {
	g := mustLoad(t, map[string]string{"vigie.yaml": "vigie: 1\nships: [{slug: ann, name: Ann, rig: , crew: [x]}]\n"})
	s := ships.Of(g)[0]
	if s.Sails != 3 || s.Rig != "sloop" || s.Watch.String() != "4h" || s.Rations.Rum != 2 || s.Captain != nil {
		t.Errorf("defaults are missing: %+v", s)
	}
	if diff := cmp.Diff([]int{1, 2}, s.Berths); diff != "" {
		t.Errorf("berths (-want +got):\n%s", diff)
	}
}

func TestAnEmptyListIsNotItsDefault(t *testing.T) {
	g := mustLoad(t, map[string]string{"vigie.yaml": "vigie: 1\nships: [{slug: ann, name: Ann, berths: []}]\n"})
	if got := ships.Of(g)[0].Berths; len(got) != 0 {
		t.Errorf("berths = %v, want none", got)
	}
}

func TestAnchorsAndMergesAreWrittenOut(t *testing.T) {
	g := mustLoad(t, map[string]string{"vigie.yaml": `vigie: 1
ships:
  - &ann
    slug: ann
    name: Ann
    rig: ketch
    crew: &crew [mary, tom]
  - <<: *ann
    slug: bee
    crew: *crew
`})
	bee := ships.Of(g)[1]
	if bee.Name != "Ann" || bee.Rig != "ketch" || len(bee.Crew) != 2 {
		t.Errorf("the merged ship is %+v", bee)
	}
}

func TestSecretsAreReferences(t *testing.T) {
	g := mustLoad(t, map[string]string{"vigie.yaml": "vigie: 1\nships: [{slug: ann, name: Ann, radio: {env: KEY}}]\n"})
	if got := ships.Of(g)[0].Radio.Env; got != "KEY" {
		t.Errorf("radio = %q, want KEY", got)
	}
	_, problems := load(map[string]string{"vigie.yaml": "vigie: 1\nships:\n  - slug: ann\n    name: Ann\n    radio: hunter2\n"})
	if len(problems) != 1 || problems[0].Pos != (opsrepo.Pos{File: "vigie.yaml", Line: 5, Column: 12}) || strings.Contains(problems.Error(), "hunter2") {
		t.Errorf("a literal secret gives:\n%v", problems)
	}
}

func TestReferencesToUnregisteredKindsAreNotJudged(t *testing.T) {
	_, problems := opsrepo.Load(fstest.MapFS{"vigie.yaml": {Data: []byte("vigie: 1\nships: [{slug: ann, name: Ann, port: nowhere}]\n")}},
		[]opsrepo.Section{ships})
	if len(problems) > 0 {
		t.Errorf("a tool without ports refuses:\n%v", problems)
	}
}

func TestTheSameFilesHaveTheSameHash(t *testing.T) {
	files := map[string]string{"vigie.yaml": "vigie: 1\n", "a.yaml": "ports: [{slug: oslo}]\n"}
	one, two := mustLoad(t, files), mustLoad(t, files)
	if one.Hash != two.Hash || one.Hash == "" {
		t.Errorf("hashes %q and %q", one.Hash, two.Hash)
	}
	files["a.yaml"] += "\n"
	if three := mustLoad(t, files); three.Hash == one.Hash {
		t.Error("another content has the same hash")
	}
}

func TestNothingIsReadFromNoGeneration(t *testing.T) {
	if _, ok := owner.Of(nil); ok || ships.Of(nil) != nil || charts.Of(nil) != nil {
		t.Error("no generation has content")
	}
}

func TestTwoSectionsOfOneNameAreAMistakeInTheProgram(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("two sections share a name")
		}
	}()
	opsrepo.Load(fstest.MapFS{}, []opsrepo.Section{ships, ships})
}

package opsrepo_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/opsrepo"
)

type standalone struct {
	Data   string `yaml:"data" ops:"required"`
	Listen struct {
		Console string `yaml:"console" ops:"default=127.0.0.1:8080"`
		Agents  string `yaml:"agents" ops:"default=127.0.0.1:8443"`
	} `yaml:"listen"`
}

func TestAFileOfItsOwnIsReadWithDefaultsAndPlaces(t *testing.T) {
	v, at, problems := opsrepo.DecodeFile[standalone]("hub.yaml", []byte("data: /srv\nlisten:\n  agents: :9\n"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if v.Listen.Console != "127.0.0.1:8080" || v.Listen.Agents != ":9" {
		t.Errorf("listen is %+v, want the default and :9", v.Listen)
	}
	if got, want := at("listen.agents").String(), "hub.yaml:3:11"; got != want {
		t.Errorf("listen.agents stands at %s, want %s", got, want)
	}
	if v, _, _ := opsrepo.DecodeFile[standalone]("hub.yaml", []byte("data: /srv\n")); v.Listen.Console == "" {
		t.Error("the default inside a mapping that is not there is not set")
	}
}

func TestAFileOfItsOwnReportsEveryMistake(t *testing.T) {
	f := func(in string, want ...string) {
		t.Helper()
		_, _, problems := opsrepo.DecodeFile[standalone]("hub.yaml", []byte(in))
		var got []string
		for _, p := range problems {
			got = append(got, p.String())
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q: (-want +got)\n%s", in, d)
		}
	}
	f("listen: {consle: x}\nmore: 1\n",
		`hub.yaml:1:1: the key "data" is missing; the file needs data`,
		`hub.yaml:1:10: unknown key "consle" in listen (did you mean "console"?); the keys are console and agents`,
		`hub.yaml:2:1: unknown key "more" in the file; the keys are data and listen`)
	f("", `hub.yaml:1:1: the key "data" is missing; the file needs data`)
	f("a: [", "hub.yaml:1:1: this is not YAML: did not find expected node content; check the indentation, the quotes and the colons around this line")
}

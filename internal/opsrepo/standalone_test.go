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
	v, doc := opsrepo.DecodeFile[standalone]("hub.yaml", []byte("data: /srv\nlisten:\n  agents: :9\n"))
	if problems := doc.Problems(); len(problems) > 0 {
		t.Fatal(problems)
	}
	if v.Listen.Console != "127.0.0.1:8080" || v.Listen.Agents != ":9" {
		t.Errorf("listen is %+v, want the default and :9", v.Listen)
	}
	if got, want := doc.At("listen.agents").String(), "hub.yaml:3:11"; got != want {
		t.Errorf("listen.agents stands at %s, want %s", got, want)
	}
	if v, _ := opsrepo.DecodeFile[standalone]("hub.yaml", []byte("data: /srv\n")); v.Listen.Console == "" {
		t.Error("the default inside a mapping that is not there is not set")
	}
}

func TestAFileOfItsOwnReportsEveryMistake(t *testing.T) {
	f := func(in string, want ...string) {
		t.Helper()
		_, doc := opsrepo.DecodeFile[standalone]("hub.yaml", []byte(in))
		var got []string
		for _, p := range doc.Problems() {
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

func TestAMistakeIsToldOnce(t *testing.T) {
	_, doc := opsrepo.DecodeFile[standalone]("hub.yaml", []byte("data: /srv\nlisten:\n  console: 8080\n  agnts: x\n"))
	for path, want := range map[string]bool{"listen.console": true, "listen.agents": true, "data": false, "listen": false} {
		if got := doc.Refused(path); got != want {
			t.Errorf("%s refused: %v, want %v", path, got, want)
		}
	}
	before := len(doc.Problems())
	doc.Errorf(doc.At("listen.console"), "this is no address")
	if got := doc.Problems(); len(got) != before {
		t.Errorf("what follows from a value that cannot be read is told, too: %v", got)
	}
	doc.Errorf(doc.At("data"), "there is no such folder")
	if got := doc.Problems(); len(got) != before+1 {
		t.Errorf("what is wrong with a value that can be read is not told: %v", got)
	}
}

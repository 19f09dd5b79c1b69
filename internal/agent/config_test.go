package agent

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/lib/certfile"
	"github.com/vigie-ops/vigie/internal/lib/secret"
	"github.com/vigie-ops/vigie/internal/opsrepo"
)

func TestASmallConfigurationIsEnough(t *testing.T) {
	c, err := ParseConfig("agent.yaml", []byte("hubs:\n  - url: https://hub.example:8443/\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Hubs:         []Hub{{Name: "hub.example_8443", URL: "https://hub.example:8443"}},
		DataDir:      "/var/lib/vigie-agent",
		Collect:      Collect{Interval: opsrepo.Duration(10 * time.Second)},
		Certificates: certfile.Defaults(),
		Spool:        Spool{MaxAge: opsrepo.Duration(48 * time.Hour), MaxMegabytes: 512},
	}
	if d := cmp.Diff(want, c); d != "" {
		t.Error(d)
	}
}

func TestAWholeConfiguration(t *testing.T) {
	c, err := ParseConfig("agent.yaml", []byte(`
hubs:
  - {url: "https://10.0.0.1:8443", name: main, token: {file: /etc/vigie/token}}
  - url: https://[2001:db8::1]:8443
data_dir: /srv/vigie
collect: {interval: 15s, disable: [smart, stale]}
probe_networks: [10.0.0.0/8, "2001:db8::/32"]
certificates: [/srv/tls/*.pem]
spool: {max_age: 24h, max_megabytes: 64}
`))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]Hub{{Name: "main", URL: "https://10.0.0.1:8443", Token: secret.Ref{File: "/etc/vigie/token"}}, {Name: "_2001_db8__1__8443", URL: "https://[2001:db8::1]:8443"}}, c.Hubs); d != "" {
		t.Error(d)
	}
	if len(c.networks()) != 2 || c.Collect.Disable[1] != "stale" || c.Certificates[0] != "/srv/tls/*.pem" {
		t.Errorf("%+v", c)
	}
}

func TestEveryMistakeIsToldWithItsPlace(t *testing.T) {
	_, err := ParseConfig("agent.yaml", []byte(`hubs:
  - url: http://hub.example
  - {url: "https://a:1", name: x}
  - {url: "https://b:1", name: x, token: hunter2}
data_dir: here
colect: {}
collect: {interval: 1s, disable: [diskstat]}
probe_networks: [10.0.0.0/33]
certificates: [relative/*.pem]
spool: {max_age: 90h}
`))
	if err == nil {
		t.Fatal("was taken")
	}
	got := err.Error()
	for _, want := range []string{
		"agent.yaml:2:10: ", "https://HOST:PORT", `agent.yaml:4:32: two hubs are called "x"`, "agent.yaml:4:42: a secret", "agent.yaml:5:11", "absolute path",
		"agent.yaml:6:1", "collect", "agent.yaml:7:", "5s to 5m", `did you mean "diskstats"`, "agent.yaml:8:", "agent.yaml:9:", "does not begin with /", "agent.yaml:10:", "1h to 48h",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
	if strings.Contains(got, "hunter2") {
		t.Errorf("a secret is repeated:\n%s", got)
	}
}

func TestAMistakeInAConfigurationIsToldOnce(t *testing.T) {
	f := func(in string, want ...string) {
		t.Helper()
		_, err := ParseConfig("agent.yaml", []byte(in))
		var got []string
		if problems := (opsrepo.Problems)(nil); errors.As(err, &problems) {
			for _, p := range problems {
				got = append(got, p.String())
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s(-want +got)\n%s", in, d)
		}
	}
	f("hubs: [{url: nonsense}, {ulr: x}]\n",
		`agent.yaml:1:14: url: "nonsense" is no URL; write it like https://app.example.org/status`,
		`agent.yaml:1:26: unknown key "ulr" in an entry of hubs (did you mean "url"?); the keys are name, url and token`)
	f("hubs: [{url: 'https://a:70000'}, {url: 'https://b:0'}]\n",
		`agent.yaml:1:14: url: the port of the URL "https://a:70000" is wrong; write one from 1 to 65535, or leave it out`,
		`agent.yaml:1:40: url: the port of the URL "https://b:0" is wrong; write one from 1 to 65535, or leave it out`)
	f("hubs: [{url: 'https://a:8443'}, {name: b, url: 'https://a:8443/'}]\n",
		`agent.yaml:1:48: the hub https://a:8443 stands there twice; each gets everything, so name it once`)
	f("hubs: [{url: 'https://a'}]\ncollect: {interval: often, disable: [5]}\nspool: {max_age: long}\n",
		`agent.yaml:2:21: interval: "often" is no duration; write it like "10s", "5m", "1h30m", "15d" or "2w"`,
		`agent.yaml:2:38: disable is 5; it must be text, so write it in quotes: "5"`,
		`agent.yaml:3:18: max_age: "long" is no duration; write it like "10s", "5m", "1h30m", "15d" or "2w"`)
}

func TestAnEmptyConfigurationSaysWhatIsNeeded(t *testing.T) {
	for _, in := range []string{"", "hubs: []\n"} {
		if _, err := ParseConfig("agent.yaml", []byte(in)); err == nil || !strings.Contains(err.Error(), "hubs") {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestAHubIsFoundByURLOrName(t *testing.T) {
	c := Config{Hubs: []Hub{{Name: "main", URL: "https://a:1"}, {Name: "standby", URL: "https://b:1"}}}
	for in, want := range map[string]string{"main": "main", "https://b:1/": "standby", "": "", "third": ""} {
		h, err := c.hub(in)
		if h.Name != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", in, h.Name, err)
		}
	}
	c.Hubs = c.Hubs[:1]
	if h, err := c.hub(""); err != nil || h.Name != "main" {
		t.Errorf("the only hub is not found: %v", err)
	}
}

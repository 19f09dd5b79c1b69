package fleet_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMistakesAboutTheFleet(t *testing.T) {
	_, problems := load(`vigie: 1
company: {name: Halyard, domain: "https://halyard.example", timezone: Europe/Paris}
people: [{slug: nadia, name: Nadia, email: nadia@halyard.example}]
clients:
  - {slug: borealis, name: Borealis, account_manager: nadja, language: french}
instances:
  - slug: one
    name: One
    client: borealiss
    environment: prod
    servers: [app-01, app-01, app-1]
    urls: [https://a.example]
    components: [{slug: api, name: A}, {slug: api, name: B}]
  - slug: two
    name: Two
    client: borealis
    servers: []
    urls: [https://b.example, https://a.example]
servers:
  - {slug: app-01, address: "2001:db8::1", roles: [app, app]}
  - {slug: app-02, address: "2001:DB8:0::1", ports: [22, 70000, 22], ring: stagin}
  - {slug: app-03, address: App.example}
  - {slug: app-04, address: app.example., version: "3"}
  - {slug: fw-01, appliance: true}
`)
	want := []string{
		`vigie.yaml:2:34: domain: "https://halyard.example" is no address; write an IPv4 or IPv6 address or a host name, without port or scheme`,
		`vigie.yaml:5:55: account_manager names the person "nadja", which does not exist (did you mean "nadia"?); use the slug of one that the repository defines`,
		`vigie.yaml:5:72: "french" is no language; write a code such as en, fr or pt-BR`,
		`vigie.yaml:9:13: client names the client "borealiss", which does not exist (did you mean "borealis"?); use the slug of one that the repository defines`,
		`vigie.yaml:10:18: environment "prod" does not exist; use production, staging, demo or development`,
		`vigie.yaml:11:23: servers names app-01 twice; once is enough`,
		`vigie.yaml:11:31: servers names the server "app-1", which does not exist (did you mean "app-01"?); use the slug of one that the repository defines`,
		`vigie.yaml:13:47: the slug "api" is already taken in components at vigie.yaml:13:25; each slug names one entry`,
		`vigie.yaml:17:14: servers has 0 entries; it must have at least 1`,
		`vigie.yaml:18:31: the URL https://a.example already belongs to instance "one" at vigie.yaml:7:5; each instance has addresses of its own`,
		`vigie.yaml:20:57: roles names app twice; once is enough`,
		`vigie.yaml:21:29: the address 2001:DB8:0::1 already belongs to server "app-01" at vigie.yaml:20:5; each server has an address of its own`,
		`vigie.yaml:21:58: ports is 70000; it must be from 1 to 65535`,
		`vigie.yaml:21:65: ports names 22 twice; once is enough`,
		`vigie.yaml:21:76: ring "stagin" does not exist (did you mean "staging"?); use staging or production`,
		`vigie.yaml:23:29: the address app.example. already belongs to server "app-03" at vigie.yaml:22:5; each server has an address of its own`,
		`vigie.yaml:23:52: version stands on a server that is no appliance; the agent reports its versions, so leave version out or write appliance: true`,
		`vigie.yaml:24:5: the appliance "fw-01" has no address; an appliance is only seen from outside, so it needs one`,
	}
	var got []string
	for _, p := range problems {
		got = append(got, p.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestAMistakeAboutTheFleetIsToldOnce(t *testing.T) {
	_, problems := load(`vigie: 1
company: {name: Halyard, domain: halyard.example, timezone: Europe/Paris}
people: [{slug: nadia, name: Nadia, email: nadia@halyard.example}]
clients: [{slug: borealis, name: Borealis, account_manager: nadia}]
instances:
  - {slug: one, name: One, client: borealis, servers: [app-01], urls: [shop, basket]}
servers:
  - {slug: app-01, ports: [ssh, web]}
  - {slug: fw-01, appliance: true, address: fw_01}
`)
	want := []string{
		`vigie.yaml:6:72: urls: "shop" is no URL; write it like https://app.example.org/status`,
		`vigie.yaml:6:78: urls: "basket" is no URL; write it like https://app.example.org/status`,
		`vigie.yaml:8:28: ports is the text "ssh"; it must be a whole number`,
		`vigie.yaml:8:33: ports is the text "web"; it must be a whole number`,
		`vigie.yaml:9:45: address: "fw_01" is no address; write an IPv4 or IPv6 address or a host name, without port or scheme`,
	}
	var got []string
	for _, p := range problems {
		got = append(got, p.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

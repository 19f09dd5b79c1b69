package opsrepo_test

import (
	"encoding/json"
	"testing"

	"github.com/vigie-ops/vigie/internal/opsrepo"
)

func TestSchemaNamesEveryKeyAndRule(t *testing.T) {
	var s struct {
		Schema     string `json:"$schema"`
		Properties map[string]json.RawMessage
		Defs       map[string]struct {
			Properties map[string]map[string]any
			Required   []string
		} `json:"$defs"`
	}
	if err := json.Unmarshal(opsrepo.Schema(toySections), &s); err != nil {
		t.Fatalf("the schema is not JSON: %v", err)
	}
	if s.Schema != "https://json-schema.org/draft/2020-12/schema" {
		t.Errorf("$schema = %q", s.Schema)
	}
	for _, key := range []string{"vigie", "retired", "ships", "ports", "company"} {
		if s.Properties[key] == nil {
			t.Errorf("the section %s is missing", key)
		}
	}
	if s.Properties["charts"] != nil {
		t.Error("files of another format are described as a section")
	}
	ship := s.Defs["opsrepo_test.ship"]
	for _, key := range []string{"slug", "name", "port", "sails", "rig", "fast", "length", "watch", "berths", "crew",
		"decks", "flags", "rations", "captain", "radio", "address", "network", "site", "timezone"} {
		if ship.Properties[key] == nil {
			t.Errorf("the key %s of a ship is missing", key)
		}
	}
	if len(ship.Required) != 2 {
		t.Errorf("required = %v, want slug and name", ship.Required)
	}
	if got := ship.Properties["name"]["description"]; got != "Name, as painted on the hull." {
		t.Errorf("description of name = %v", got)
	}
	if got := ship.Properties["sails"]["default"]; got != 3.0 {
		t.Errorf("default of sails = %v", got)
	}
}

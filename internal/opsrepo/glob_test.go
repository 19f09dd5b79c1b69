package opsrepo

import "testing"

func TestGlobs(t *testing.T) {
	f := func(glob, name string, want bool) {
		t.Helper()
		if got := matches(glob, name); got != want {
			t.Errorf("matches(%q, %q) = %v", glob, name, got)
		}
	}
	f("rules/**/*.yaml", "rules/a.yaml", true)
	f("rules/**/*.yaml", "rules/a/b/c.yaml", true)
	f("rules/**/*.yaml", "rules/a.yml", false)
	f("rules/**/*.{yaml,yml}", "rules/x/a.yml", true)
	f("{a,b}/{c,d}", "b/c", true)
	f("{a,b}/{c,d}", "b/e", false)
	f("*.json", "a/b.json", false)
	f("dashboards/?.json", "dashboards/a.json", true)
	f("**/*", "a/b", true)
	f("**", "a/b", false)
	f("a{b", "a{b", true)
	f("rules/**/*.yaml", "xrules/a.yaml", false)
}

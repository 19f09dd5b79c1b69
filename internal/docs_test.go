package internal_test

import (
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/internal/agent"
	"github.com/vigie-ops/vigie/internal/fleet/fleetagent"
	"github.com/vigie-ops/vigie/internal/hub"
	"github.com/vigie-ops/vigie/internal/lib/certfile"
	"github.com/vigie-ops/vigie/internal/lib/secret"
	"github.com/vigie-ops/vigie/internal/observe/metrics/metricsagent"
)

// TestEveryLibraryIsExplained keeps docs/dependencies.md whole: what is
// required directly has a line that says what for and why this one.
func TestEveryLibraryIsExplained(t *testing.T) {
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("../docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	direct := 0
	for line := range strings.Lines(string(mod)) {
		fields := strings.Fields(line)
		if !strings.HasPrefix(line, "\t") || len(fields) != 2 {
			continue
		}
		direct++
		// "river/riverdriver/riversqlite" is explained as riversqlite beside river.
		path := fields[0]
		parts := strings.Split(path, "/")
		short := parts[len(parts)-1]
		if len(parts) > 3 && !strings.HasPrefix(short, "v") {
			path = short
		}
		if !strings.Contains(string(doc), path) && !strings.Contains(string(doc), short) {
			t.Errorf("docs/dependencies.md does not say what %s is for", fields[0])
		}
	}
	if direct < 20 {
		t.Errorf("only %d direct requirements were found in go.mod", direct)
	}
}

// keysOf adds the keys of a configuration below a path, each with its default.
// A mapping whose keys are listed need not stand there itself.
func keysOf(t reflect.Type, path string, keys map[string]string) {
	for field := range t.Fields() {
		key, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		key = path + key
		rules, _, _ := strings.Cut(field.Tag.Get("ops"), "doc=")
		def := regexp.MustCompile(`default=([^,]+)`).FindStringSubmatch(rules)
		typ := field.Type
		if typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		switch {
		case typ.Kind() == reflect.Struct && typ != reflect.TypeFor[secret.Ref]():
			keysOf(typ, key+".", keys)
			continue
		case typ.Kind() == reflect.Slice && typ.Elem().Kind() == reflect.Struct:
			keysOf(typ.Elem(), key+"[].", keys)
		}
		keys[key] = "none"
		switch {
		case def != nil:
			keys[key] = "`" + def[1] + "`"
		case strings.Contains(rules, "required"):
			keys[key] = "required"
		}
	}
}

// TestEveryKeyIsDocumented holds docs/operating.md against the two
// configurations: it has a row for each key, with its default, and none for
// what is no key.
func TestEveryKeyIsDocumented(t *testing.T) {
	b, err := os.ReadFile("../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `([a-z_.\\[\\]]+)` \\| ([^|]+) \\|")
	for file, typ := range map[string]reflect.Type{"hub.yaml": reflect.TypeFor[hub.Config](), "agent.yaml": reflect.TypeFor[agent.Config]()} {
		_, section, found := strings.Cut(string(b), "\n## "+file+"\n")
		if !found {
			t.Errorf("docs/operating.md has no section %s", file)
			continue
		}
		section, _, _ = strings.Cut(section, "\n## ")
		rows := map[string]string{}
		for _, m := range row.FindAllStringSubmatch(section, -1) {
			rows[m[1]] = m[2]
		}
		keys := map[string]string{}
		keysOf(typ, "", keys)
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			got, is := rows[key]
			switch want := keys[key]; {
			case !is:
				t.Errorf("docs/operating.md has no row for %s of %s", key, file)
			case got != want && (want != "none" || strings.HasPrefix(got, "`") && got != "`0`" || got == "required"):
				t.Errorf("docs/operating.md gives %s of %s the default %s; it is %s", key, file, got, want)
			}
			delete(rows, key)
		}
		for key := range rows {
			if key != "listen.tls" { // the mapping may be left out as a whole
				t.Errorf("docs/operating.md has a row for %s, which is no key of %s", key, file)
			}
		}
	}
	for _, name := range slices.Concat(metricsagent.Names(), fleetagent.Kinds(), certfile.Defaults()) {
		if !strings.Contains(string(b), "`"+name+"`") {
			t.Errorf("docs/operating.md does not name %s, which an agent collects or watches", name)
		}
	}
}

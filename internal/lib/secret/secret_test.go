package secret_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/vigie-ops/vigie/internal/lib/secret"
)

func TestSecretsComeFromTheirSource(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s")
	if err := os.WriteFile(file, []byte("tide\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("VIGIE_TEST_SECRET", "tide")
	for _, in := range []string{"{file: " + file + "}", "{env: VIGIE_TEST_SECRET}", "{command: [printf, tide]}"} {
		var r secret.Ref
		if err := yaml.Unmarshal([]byte(in), &r); err != nil {
			t.Fatalf("%s: %v", in, err)
		}
		got, err := r.Resolve(context.Background())
		if err != nil || string(got) != "tide" {
			t.Errorf("%s resolves to %q, %v; want tide", in, got, err)
		}
		if strings.Contains(r.LogValue().String(), "tide") {
			t.Errorf("%s shows the secret in a log", in)
		}
	}
}

func TestALiteralIsAnErrorWithItsLineThatDoesNotRepeatIt(t *testing.T) {
	for _, in := range []string{"\n\npassword: hunter2", "\n\npassword: {hunter2: hunter2}", "\n\npassword: {file: a, env: hunter2}", "\n\npassword: {command: hunter2}"} {
		var v struct{ Password secret.Ref }
		err := yaml.Unmarshal([]byte(in), &v)
		if err == nil || !strings.Contains(err.Error(), "line 3") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q gives %v; want an error with line 3 and without the secret", in, err)
		}
	}
}

func TestAnEmptyOrMissingSecretIsAnError(t *testing.T) {
	for _, r := range []secret.Ref{{}, {File: "/does/not/exist"}, {Env: "VIGIE_NOT_SET"}, {Command: []string{"true"}}, {Command: []string{"false"}}} {
		if got, err := r.Resolve(context.Background()); err == nil {
			t.Errorf("%v resolves to %q, want an error", r, got)
		}
	}
}

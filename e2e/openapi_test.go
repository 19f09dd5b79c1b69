package e2e_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestAPublicFuzzerFindsNothingInTheAPI has others judge the description of the
// API, and send to a hub with real data whatever it allows, and what it does not.
func TestAPublicFuzzerFindsNothingInTheAPI(t *testing.T) {
	t.Parallel()
	packages := os.Getenv("VIGIE_TEST_OPENAPI")
	if packages == "" {
		t.Fatal("VIGIE_TEST_OPENAPI is not set: run the tests with `make test`")
	}
	d := startDemo(t, t.TempDir(), freeAddress(t))
	status, text, err := d.call("GET", "/api/vigie/v1/openapi.json", nil)
	if err != nil || status != http.StatusOK {
		t.Fatalf("the description: %d %v", status, err)
	}
	file := filepath.Join(t.TempDir(), "openapi.json")
	put(t, file, string(text), 0o600)
	python := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "python3", args...)
		cmd.Dir = t.TempDir()
		cmd.Env = append(os.Environ(), "PYTHONPATH="+packages, "PYTHONDONTWRITEBYTECODE=1", "NO_COLOR=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", args[1], err, tail(string(out), 6000))
		}
		return string(out)
	}
	python("-m", "openapi_spec_validator", file)
	out := python("-c", "import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())", "run", file, "--url", d.endpoints.Console,
		"--header", "Authorization: Bearer "+d.token,
		"--checks", "not_a_server_error,response_schema_conformance,status_code_conformance,content_type_conformance",
		"--exclude-path", "/api/vigie/v1/logs/tail", // it has no end
		"--max-examples", "20", "--seed", "1", "--no-color", "--generation-database", "none")
	if !strings.Contains(out, "Tested: 4") {
		t.Errorf("not much was tried:\n%s", tail(out, 3000))
	}
	if strings.Contains(d.out.String(), `"level":"ERROR"`) {
		t.Errorf("the hub has errors in its log")
	}
}

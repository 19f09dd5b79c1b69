package people_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/internal/people"
)

const tokenText = "0123456789abcdef0123456789abcdef"

func TestTokensAreReadFromAPrivateFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	text := fmt.Sprintf("# for programs\n\n  grafana viewer %s\nci.deploy\toperator\tsha256:%x\n", tokenText, sha256.Sum256([]byte("x")))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := people.LoadTokens(path)
	if err != nil || len(got) != 2 {
		t.Fatalf("got %v, %v; want two tokens", got, err)
	}
	if got[0] != people.NewStaticToken("grafana", people.Viewer, tokenText) || got[1] != people.NewStaticToken("ci.deploy", people.Operator, "x") {
		t.Errorf("got %+v", got)
	}
	if shown := got[0].LogValue().String(); shown != "grafana" {
		t.Errorf("a log shows %q", shown)
	}
	if err := os.Chmod(path, 0o604); err != nil {
		t.Fatal(err)
	}
	if _, err := people.LoadTokens(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that all may read: got %v, want what to do", err)
	}
	if _, err := people.LoadTokens(path + "x"); err == nil {
		t.Error("a file that is not there was read")
	}
}

func TestAMistakeInTheTokensFileHasItsLine(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"grafana viewer", "tokens:1: a line is a name, a role and a token"},
		{"grafana viewer " + tokenText + " # mine", "tokens:1: a line is a name"},
		{"\n#\nGrafana viewer " + tokenText, "tokens:3: a name has"},
		{"grafana root " + tokenText, `tokens:1: the role of "grafana" is none`},
		{"grafana viewer hunter2", `tokens:1: the token of "grafana" is too short`},
		{"grafana viewer sha256:hunter2", `tokens:1: the hash of "grafana" is none`},
		{"a viewer " + tokenText + "\na viewer " + tokenText + "x", "tokens:2: the name is already used in line 1"},
		{"a viewer " + tokenText + "\nb viewer " + tokenText, "tokens:2: the token is the same as in line 1"},
		{"\na viewer " + strings.Repeat("x", 70_000), "tokens:2: "},
	} {
		_, err := people.ParseTokens("tokens", strings.NewReader(c.text))
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%.40q: got %v, want %s…", c.text, err, c.want)
		}
		if err != nil && (strings.Contains(err.Error(), tokenText) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("the error repeats the token: %v", err)
		}
	}
}

func FuzzTokensFile(f *testing.F) {
	f.Add("grafana viewer " + tokenText)
	f.Add("# only words\n\n\t\n")
	f.Add("a admin sha256:" + strings.Repeat("0", 64) + "\r\nb viewer x")
	f.Fuzz(func(t *testing.T, text string) {
		tokens, err := people.ParseTokens("tokens", strings.NewReader(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "tokens:") {
				t.Errorf("%q: the error has no line: %v", text, err)
			}
			return
		}
		for _, tok := range tokens {
			if tok.Name == "" || !tok.Role.Valid() {
				t.Errorf("%q: took %+v", text, tok)
			}
		}
	})
}

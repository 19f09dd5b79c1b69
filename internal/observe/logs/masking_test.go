package logs_test

import (
	"bytes"
	"io/fs"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/internal/observe/logs/ingest"
	"github.com/vigie-ops/vigie/internal/observe/logs/query"
)

func TestASecretReachesNoDisk(t *testing.T) {
	dir := t.TempDir()
	room := open(t, dir, `log_policy:
  mask:
    kinds: [token, email]
    rules: [{slug: booking-code, pattern: '\bBK-[0-9]{4}\b'}]
`, nil)
	body := `{"message":"signed in password=hunter2 of ann@shop.example with BK-1234","token":"abc12345","card":"4111111111111111"}`
	w := httptest.NewRecorder()
	room.Intake().Elasticsearch().ServeHTTP(w, httptest.NewRequestWithContext(ingest.With(t.Context(), ingest.Sender{Server: "app-01"}), "POST", "/shop/_doc", strings.NewReader(body)))
	if w.Code != 201 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	res, err := room.Search(t.Context(), query.Request{Size: 1})
	if err != nil || len(res.Hits) != 1 || res.Hits[0].Message != "signed in password=[masked:token] of [masked:email] with [masked:booking-code]" {
		t.Fatalf("%+v %v", res, err)
	}
	if err := room.Store().Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen := false
	err = fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := fs.ReadFile(os.DirFS(dir), name)
		for _, secret := range []string{"hunter2", "ann@shop", "BK-1234", "abc12345"} {
			if bytes.Contains(b, []byte(secret)) {
				t.Errorf("%s holds %s", name, secret)
			}
		}
		seen = seen || bytes.Contains(b, []byte("signed in"))
		return err
	})
	if err != nil || !seen {
		t.Errorf("the line itself was not found in a file (%v), so that this proves nothing", err)
	}
}

func TestARuleThatCannotMaskIsRefused(t *testing.T) {
	for mask, want := range map[string]string{
		"kinds: [tokens]":                     `there is no kind "tokens" (did you mean "token"?); there are token, card, iban, email`,
		"rules: [{slug: a, pattern: '('}]":    `logs.yaml:3:`,
		"rules: [{slug: a, pattern: 'x*'}]":   `"x*" matches nothing at all, too`,
		"rules: [{slug: card, pattern: 'x'}]": `"card" is a kind of its own`,
		"rules: [{slug: a, patern: 'x'}]":     `did you mean "pattern"?`,
	} {
		if _, problems := onServers("log_policy:\n  mask:\n    " + mask + "\n"); len(problems) == 0 || !strings.Contains(problems.Error(), want) {
			t.Errorf("%s\n gives %v\n want %s", mask, problems, want)
		}
	}
}

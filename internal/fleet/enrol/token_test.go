package enrol_test

import (
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/internal/wire"
)

// FuzzToken holds the reading of tokens to what Enrol relies on: what is taken
// names a server and a secret, and is the only way to write that token.
func FuzzToken(f *testing.F) {
	f.Add("vigie1.app-01.c2VjcmV0." + strings.Repeat("0f", 32))
	f.Add("vigie1..c2VjcmV0." + strings.Repeat("0F", 32))
	f.Add("vigie1.a.b.c.d")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		token, err := wire.ParseToken(text)
		if err != nil {
			if len(text) > 20 && strings.Contains(err.Error(), text) {
				t.Errorf("the error repeats the token %q", text)
			}
			return
		}
		if token.Server == "" || token.Secret == "" || len(token.Fingerprint) != 64 {
			t.Errorf("%q was taken as %+v", text, token.Server)
		}
		if again, err := wire.ParseToken(token.String()); err != nil || again != token {
			t.Errorf("%q is not read back: %v", text, err)
		}
	})
}

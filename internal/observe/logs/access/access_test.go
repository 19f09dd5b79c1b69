package access_test

import (
	"encoding/base64"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/internal/observe/logs/access"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

const file = `# shippers
shop write,instance:borealis,server:app-01 0123456789abcdef-shop
node write,server:app-01 0123456789abcdef-node
kibana read 0123456789abcdef-kibana
hash read,write sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
`

func TestTokensSayWhatTheyAreFor(t *testing.T) {
	tokens, err := access.Parse("tokens", strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	basic := func(user, password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	for header, want := range map[string]string{
		"Bearer 0123456789abcdef-shop": "shop", "bearer  0123456789abcdef-node": "node", basic("kibana", "0123456789abcdef-kibana"): "kibana",
		"Bearer test": "hash", "ApiKey " + base64.StdEncoding.EncodeToString([]byte("any:0123456789abcdef-shop")): "shop", "ApiKey 0123456789abcdef-node": "node",
		"": "", "Bearer": "", "Bearer 0123456789abcdef-shoq": "", basic("shop", "0123456789abcdef-kibana"): "", "Digest 0123456789abcdef-shop": "",
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		r.Header.Set("Authorization", header)
		if got, ok := tokens.Find(r); got.Name != want && ok || ok != (want != "") {
			t.Errorf("%q is %q, %t, want %q", header, got.Name, ok, want)
		}
	}
	one := func(token string) access.Token {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		got, _ := tokens.Find(r)
		return got
	}
	shop, node, kibana := one("0123456789abcdef-shop"), one("0123456789abcdef-node"), one("0123456789abcdef-kibana")
	if !shop.Write || shop.Read || shop.Server() != "" || !shop.Owners()(record.InstanceOwner("borealis")) || shop.Owners()(record.InstanceOwner("fjord")) {
		t.Errorf("shop is %+v", shop)
	}
	if node.Server() != "app-01" || node.Owners()(record.InstanceOwner("borealis")) {
		t.Errorf("node is %+v", node)
	}
	if kibana.Write || !kibana.Read || kibana.Owners() != nil {
		t.Errorf("kibana is %+v", kibana)
	}
}

func TestMistakesInTokensNameTheirLineAndNoToken(t *testing.T) {
	for text, want := range map[string]string{
		"a write":                           "tokens:1: a line is NAME",
		"\na write short":                   "tokens:2: a token has 16",
		"a write,planet:x 0123456789abcdef": `tokens:1: "planet:x" is neither`,
		"a instance:x 0123456789abcdef":     "tokens:1: it is for nothing",
		"a write sha256:12":                 "tokens:1: behind sha256:",
		"a write 0123456789abcdef\na read 0123456789abcdeg":  "tokens:2: the name is already used in line 1",
		"a write 0123456789abcdef\nb write 0123456789abcdef": "tokens:2: the token is that of another line",
	} {
		_, err := access.Parse("tokens", strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "0123456789abcdef") {
			t.Errorf("%q: %v", text, err)
		}
	}
	path := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(path, []byte(file), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := access.Load(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that everybody can read: %v", err)
	}
}

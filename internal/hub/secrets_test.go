package hub

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/vigie-ops/vigie/internal/lib/secret"
)

func TestACommitCannotHaveTheHubsOwnSecretsSent(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	c := Config{
		Data: filepath.Join(dir, "data"), MasterKey: secret.Ref{File: file("etc/master.key")}, Tokens: file("etc/tokens"),
		State: State{URL: secret.Ref{Env: "VIGIE_STATE_URL"}}, Listen: Listen{TLS: &TLS{Certificate: "c", Key: file("etc/tls.key")}},
	}
	setup, mail, other := file("data/setup-link"), file("etc/secrets/mail"), file("etc/other")
	link := filepath.Join(dir, "etc/secrets/link")
	if err := os.Symlink(c.MasterKey.File, link); err != nil {
		t.Fatal(err)
	}
	f := func(allowed bool, r secret.Ref) {
		t.Helper()
		if err := c.mayRead(r); (err == nil) != allowed {
			t.Errorf("%s: %v, want allowed %v", r, err, allowed)
		}
	}
	c.Operations.Secrets = []string{filepath.Join(dir, "etc/secrets"), filepath.Join(dir, "more")}
	f(true, secret.Ref{})
	f(true, secret.Ref{File: mail})
	f(true, secret.Ref{File: file("more/chat")})
	f(true, secret.Ref{Env: "VIGIE_SMTP_PASSWORD"})
	f(false, secret.Ref{File: other})
	f(false, secret.Ref{File: filepath.Join(dir, "data-of-others")})
	f(false, secret.Ref{File: filepath.Join(dir, "etc/secrets/../other")})
	f(false, secret.Ref{Env: "AWS_SECRET_ACCESS_KEY"})
	f(false, secret.Ref{Env: "VIGIE_STATE_URL"})
	f(false, secret.Ref{Command: []string{"true"}})
	f(false, secret.Ref{File: filepath.Join(dir, "data/../etc/./master.key")})
	f(false, secret.Ref{File: link})
	f(false, secret.Ref{File: c.Tokens})
	f(false, secret.Ref{File: c.Listen.TLS.Key})
	f(false, secret.Ref{File: setup})
	f(false, secret.Ref{File: "/proc/self/environ"})
}

package run_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/lib/secret"
	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/people"
)

const (
	vaultPassword = "correct horse battery staple"
	sealed        = "the sealed value"
)

// encrypted is a file of variables that only the vault's password opens.
func encrypted(t *testing.T) string {
	t.Helper()
	file, password := filepath.Join(t.TempDir(), "vars.yml"), filepath.Join(t.TempDir(), "password")
	for name, content := range map[string]string{file: "word: " + sealed + "\n", password: vaultPassword} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "ansible-vault", "encrypt", "--encrypt-vault-id", "production", "--vault-id", "production@"+password, file)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// vaulted is an office whose playbook says how long the sealed value is.
func vaulted(t *testing.T, password string) *station {
	state := dbtest.SQLite(t)
	s := open(t, dbtest.Open(t, state, run.Tables), map[string]string{
		"playbooks/vigie.yaml": "vaults: [{slug: production" + password + "}]\nplaybooks:\n  - {slug: hello, file: hello.yml, vaults: [production]}\n" +
			"  - {slug: without, file: hello.yml}\n",
		"playbooks/group_vars/all.yml": encrypted(t),
		"playbooks/hello.yml": "- hosts: all\n  connection: local\n  gather_facts: false\n  tasks:\n    - name: Measure it\n" +
			"      ansible.builtin.debug: {msg: \"{{ word | length }} characters\"}\n",
	})
	s.accept()
	// Neither the password nor what it opens is kept anywhere.
	t.Cleanup(func() {
		for _, dir := range []string{filepath.Dir(state.Path), filepath.Dir(s.o.Sandbox.Dir)} {
			files := 0
			err := filepath.WalkDir(dir, func(name string, e os.DirEntry, err error) error {
				if err != nil || e.IsDir() {
					return err
				}
				files++
				b, err := os.ReadFile(name)
				for _, word := range []string{vaultPassword, sealed} {
					if strings.Contains(string(b), word) {
						t.Errorf("%s holds %q", name, word)
					}
				}
				return err
			})
			if err != nil || files == 0 && dir == filepath.Dir(state.Path) {
				t.Errorf("%d files of %s were looked at: %v", files, dir, err)
			}
		}
	})
	return s
}

func (s *station) measured(playbook string) (run.Run, string) {
	s.t.Helper()
	r := s.mustAsk(as(s.t, "ben", people.Operator), run.Request{Playbook: playbook, Limit: "app-01"})
	r = s.ended(r.ID)
	log, err := s.LogTail(s.t.Context(), r.ID, 20_000)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, word := range []string{vaultPassword, sealed} {
		if strings.Contains(log, word) {
			s.t.Errorf("the log holds %q:\n%s", word, log)
		}
	}
	return r, log
}

func TestAVaultIsOpenedByThePasswordOfAFileOfTheEnvironmentOrOfACommand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "vault")
	if err := os.WriteFile(file, []byte(vaultPassword+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("VIGIE_TEST_VAULT", vaultPassword)
	for name, c := range map[string]struct {
		password string
		own      map[string]secret.Ref
	}{
		"file":    {password: ", password: {file: " + file + "}"},
		"env":     {own: map[string]secret.Ref{"production": {Env: "VIGIE_TEST_VAULT"}}},
		"command": {own: map[string]secret.Ref{"production": {Command: []string{"echo", vaultPassword}}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := vaulted(t, c.password)
			s.o.Vaults = c.own
			s.Office = run.New(s.o)
			s.start()
			if r, log := s.measured("hello"); r.State != run.Succeeded || !strings.Contains(log, "16 characters") {
				t.Errorf("ended as %s, %s:\n%s", r.State, r.Cause, log)
			}
			if r, log := s.measured("without"); r.State != run.Failed || !strings.Contains(log, "no vault secrets") {
				t.Errorf("a playbook that names no vault ended as %s, %s:\n%s", r.State, r.Cause, log)
			}
		})
	}
}

func TestAVaultWithoutAPasswordSaysWhereItBelongs(t *testing.T) {
	s := vaulted(t, "")
	s.start()
	if r, _ := s.measured("hello"); r.State != run.Failed || !strings.Contains(r.Cause, "runs.vaults in hub.yaml") {
		t.Errorf("ended as %s, %s", r.State, r.Cause)
	}
	s = vaulted(t, ", password: {file: /etc/shadow}")
	s.o.MayRead = func(secret.Ref) error { return errors.New("not from there") }
	s.Office = run.New(s.o)
	s.start()
	if r, _ := s.measured("hello"); r.State != run.Failed || !strings.Contains(r.Cause, "not from there") {
		t.Errorf("ended as %s, %s", r.State, r.Cause)
	}
}

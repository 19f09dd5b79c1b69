package opsrepo

import (
	"io"
	"strings"
	"testing"
)

func TestOutputIsBounded(t *testing.T) {
	l := &limited{max: 10}
	if _, err := io.Copy(l, strings.NewReader(strings.Repeat("x", 100_000))); err == nil || !l.over {
		t.Errorf("a buffer of 10 bytes took %d", l.buf.Len())
	}
	l = &limited{max: 10}
	if _, err := io.Copy(l, strings.NewReader("0123456789")); err != nil || l.over {
		t.Errorf("ten bytes are too much: %v", err)
	}
}

func TestSecretsReachGitThroughItsEnvironmentOnly(t *testing.T) {
	t.Setenv("GIT_DIR", "/elsewhere")
	g := gitCommand{dir: "/mirror", bare: true, header: "Authorization: Basic c2VjcmV0"}
	env := strings.Join(g.environment(), "\n")
	for _, want := range []string{"GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1", "GIT_DIR=/mirror", "GIT_CONFIG_VALUE_0=Authorization: Basic c2VjcmV0"} {
		if !strings.Contains(env, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if strings.Contains(env, "/elsewhere") {
		t.Error("the environment of the hub points git elsewhere")
	}
	if strings.Contains(strings.Join(hardened, " "), "Authorization") {
		t.Error("the secret is an argument")
	}
}

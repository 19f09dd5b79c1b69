// Package secret names secrets instead of holding them: a file, a variable of
// the environment or a command says where the secret is.
package secret

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"time"

	"go.yaml.in/yaml/v3"
)

// Ref says where a secret is. The zero value names none.
type Ref struct {
	File    string
	Env     string
	Command []string // the program and its arguments; no shell
}

// commandTimeout bounds a {command: …} reference, so that a hung password
// manager is an error instead of a hub that never starts.
const commandTimeout = 20 * time.Second

// IsZero reports whether the reference names no secret.
func (r Ref) IsZero() bool { return r.File == "" && r.Env == "" && len(r.Command) == 0 }

// String says where the secret is, never what it is.
func (r Ref) String() string {
	switch {
	case r.File != "":
		return "file " + r.File
	case r.Env != "":
		return "environment variable " + r.Env
	case len(r.Command) > 0:
		return "command " + r.Command[0]
	}
	return "no secret"
}

// LogValue keeps logs to where the secret is.
func (r Ref) LogValue() slog.Value { return slog.StringValue(r.String()) }

// Resolve reads the secret; one trailing line break is not part of it. An
// empty secret is an error.
func (r Ref) Resolve(ctx context.Context) ([]byte, error) {
	var (
		b   []byte
		err error
	)
	switch {
	case r.File != "":
		if b, err = os.ReadFile(r.File); err != nil {
			return nil, fmt.Errorf("secret from %s: %w", r, err)
		}
	case r.Env != "":
		v, ok := os.LookupEnv(r.Env)
		if !ok {
			return nil, fmt.Errorf("secret from %s: it is not set", r)
		}
		b = []byte(v)
	case len(r.Command) > 0:
		ctx, cancel := context.WithTimeout(ctx, commandTimeout)
		defer cancel()
		cmd := exec.CommandContext(ctx, r.Command[0], r.Command[1:]...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		cmd.WaitDelay = time.Second
		if b, err = cmd.Output(); err != nil {
			return nil, fmt.Errorf("secret from %s: %w: %s", r, err, bytes.TrimSpace(stderr.Bytes()))
		}
	default:
		return nil, fmt.Errorf("no secret is named; write {file: PATH}, {env: NAME} or {command: [PROGRAM, ARGUMENT]}")
	}
	b = bytes.TrimSuffix(b, []byte("\n"))
	b = bytes.TrimSuffix(b, []byte("\r"))
	if len(b) == 0 {
		return nil, fmt.Errorf("secret from %s: it is empty", r)
	}
	return b, nil
}

// UnmarshalYAML reads {file: …}, {env: …} or {command: …}; anything else,
// above all a literal, is an error with its line that does not repeat it.
func (r *Ref) UnmarshalYAML(n *yaml.Node) error {
	const form = "write {file: PATH}, {env: NAME} or {command: [PROGRAM, ARGUMENT]}"
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: a secret never stands here itself; %s", n.Line, form)
	}
	if len(n.Content) != 2 {
		return fmt.Errorf("line %d: a secret has exactly one source; %s", n.Line, form)
	}
	key, value := n.Content[0], n.Content[1]
	switch key.Value {
	case "file", "env":
		if value.Kind != yaml.ScalarNode || value.Value == "" {
			return fmt.Errorf("line %d: %s of a secret is empty or no text; %s", value.Line, key.Value, form)
		}
		if key.Value == "file" {
			r.File = value.Value
		} else {
			r.Env = value.Value
		}
	case "command":
		if err := value.Decode(&r.Command); err != nil || len(r.Command) == 0 {
			return fmt.Errorf("line %d: command of a secret is a list; %s", value.Line, form)
		}
	default:
		return fmt.Errorf("line %d: a secret has no source of that name; %s", key.Line, form)
	}
	return nil
}

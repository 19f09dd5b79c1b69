package opsrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// gitTimeout bounds one git process, so that a server that hangs is an error.
const gitTimeout = 2 * time.Minute

// maxGitOutput bounds what one git process may print.
const maxGitOutput = maxTotal + 32<<20

// gitCommand runs git in a folder, without hooks, prompts, helpers that a
// repository brings along, or settings of the machine.
type gitCommand struct {
	dir    string
	bare   bool   // dir is a mirror, not a work tree
	header string // for http, such as an Authorization; never an argument
}

// hardened is what every git process gets. A repository's own configuration
// may name programs; those that reading could start are turned off.
var hardened = []string{
	"-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false",
	"-c", "protocol.ext.allow=never", "-c", "protocol.allow=never",
	"-c", "protocol.file.allow=always", "-c", "protocol.ssh.allow=always", "-c", "protocol.https.allow=always",
	"-c", "http.followRedirects=false", "-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=30",
	"-c", "submodule.recurse=false", "-c", "gc.autoDetach=false", "-c", "log.showSignature=false",
}

// run runs git and returns its output; an error carries git's own words.
func (g gitCommand) run(ctx context.Context, args ...string) ([]byte, error) {
	return g.feed(ctx, nil, args...)
}

// feed is run with an input.
func (g gitCommand) feed(ctx context.Context, stdin io.Reader, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", append(append([]string{"--no-optional-locks", "--no-pager"}, hardened...), args...)...)
	cmd.Dir, cmd.Stdin, cmd.Env = g.dir, stdin, g.environment()
	// git starts ssh and transport helpers; they end with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	stdout, stderr := &limited{max: maxGitOutput}, &limited{max: 64 << 10}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	err := cmd.Run()
	switch {
	case stdout.over:
		return nil, fmt.Errorf("git %s: it printed more than %d bytes", args[0], maxGitOutput)
	case ctx.Err() != nil:
		return nil, fmt.Errorf("git %s: %w", args[0], ctx.Err())
	case errors.Is(err, exec.ErrNotFound):
		return nil, errors.New("git is not installed; install git, or give the repository as a folder")
	case err != nil:
		return nil, fmt.Errorf("git %s: %w: %s", args[0], err, lastWords(stderr.buf.Bytes()))
	}
	return stdout.buf.Bytes(), nil
}

// environment passes on what ssh and proxies need, and none of the variables
// that would point git elsewhere.
func (g gitCommand) environment() []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "GIT_") && !strings.HasPrefix(kv, "LC_") && !strings.HasPrefix(kv, "LANG") {
			env = append(env, kv)
		}
	}
	env = append(env,
		"GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1", "GIT_ASKPASS=/bin/false", "SSH_ASKPASS=/bin/false",
		"GIT_SSH_COMMAND=ssh -o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=15",
		"GIT_ALLOW_PROTOCOL=file:ssh:https", "GIT_NO_REPLACE_OBJECTS=1", "GIT_LITERAL_PATHSPECS=1",
		// A folder inside a larger repository is not that repository.
		"GIT_CEILING_DIRECTORIES="+filepath.Dir(g.dir), "LC_ALL=C",
	)
	if g.bare {
		env = append(env, "GIT_DIR="+g.dir)
	}
	if g.header != "" {
		env = append(env, "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=http.extraHeader", "GIT_CONFIG_VALUE_0="+g.header)
	}
	return env
}

// lastWords returns the end of what git printed on one line.
func lastWords(stderr []byte) string {
	lines := strings.FieldsFunc(string(bytes.ToValidUTF8(stderr, []byte("?"))), func(r rune) bool { return r == '\n' || r == '\r' })
	return strings.Join(lines[max(0, len(lines)-3):], "; ")
}

// limited is a buffer that stops the writer when it has had too much. The
// buffer is a field and not embedded: its ReadFrom would go past Write.
type limited struct {
	buf  bytes.Buffer
	max  int
	over bool
}

func (l *limited) Write(p []byte) (int, error) {
	if l.buf.Len()+len(p) > l.max {
		l.over = true
		return 0, errors.New("too much output")
	}
	return l.buf.Write(p)
}

// commitFormat is one commit in four fields that hold no NUL.
const commitFormat = "--format=%H%x00%an%x00%s%x00%ct"

// describe returns what a commit says about itself.
func (g gitCommand) describe(ctx context.Context, rev string) (Tree, error) {
	commits, err := g.log(ctx, rev, time.Time{}, 1)
	if err != nil {
		return Tree{}, err
	}
	if len(commits) == 0 {
		return Tree{}, fmt.Errorf("%s has no commit", rev)
	}
	c := commits[0]
	return Tree{Commit: c.Hash, Author: c.Author, Subject: c.Subject, At: c.At}, nil
}

// log returns at most n commits of rev made after since, newest first.
func (g gitCommand) log(ctx context.Context, rev string, since time.Time, n int) ([]Commit, error) {
	args := []string{"log", "-z", commitFormat, "--max-count=" + strconv.Itoa(n)}
	if !since.IsZero() {
		args = append(args, "--since="+since.UTC().Format(time.RFC3339))
	}
	out, err := g.run(ctx, append(args, "--end-of-options", rev, "--")...)
	if err != nil {
		return nil, err
	}
	const fields = 4
	parts := strings.Split(strings.ToValidUTF8(strings.TrimSuffix(string(out), "\x00"), "?"), "\x00")
	var commits []Commit
	for ; len(parts) >= fields; parts = parts[fields:] {
		seconds, err := strconv.ParseInt(strings.TrimSpace(parts[3]), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("git log printed the time %q", parts[3])
		}
		commits = append(commits, Commit{Hash: parts[0], Author: parts[1], Subject: parts[2], At: time.Unix(seconds, 0).UTC()})
	}
	return commits, nil
}

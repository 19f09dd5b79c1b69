package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/vigie-ops/vigie/examples"
	"github.com/vigie-ops/vigie/internal/demo/localops"
)

// prepareOperations copies the example's operations repository into the
// demo's folder at the first start, fitted to this machine, as a git
// repository; later starts leave it to whoever edits it. It names a sample
// process for each instance.
func (d *demo) prepareOperations(ctx context.Context) error {
	slugs, err := localops.Instances(examples.Ops)
	if err != nil {
		return err
	}
	p := localops.Place{Server: localops.MachineSlug(), Instances: map[string]string{}, SMTP: d.mails.Addr().String(), Fleet: d.fleet}
	for _, slug := range slugs {
		address, err := d.ports.address(ctx, "sample-"+slug)
		if err != nil {
			return err
		}
		p.Instances[slug] = address
		d.samples = append(d.samples, &sample{name: slug, address: address, program: d.Program})
	}
	dir := d.path("ops")
	if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
		return d.sameFleet(dir)
	}
	if err := d.noteFleet(); err != nil {
		return err
	}
	p.Ports = localops.Listening(ctx, 22, 80, 443)
	// A first start that was killed half-way left half a copy.
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	tmp := dir + ".new"
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	if err := localops.Copy(examples.Ops, tmp, p); err != nil {
		return fmt.Errorf("copy the example's operations repository: %w", err)
	}
	for _, args := range [][]string{
		{"init", "-q", "-b", "main"},
		{"add", "-A"},
		{"-c", "user.name=Vigie demo", "-c", "user.email=demo@localhost", "commit", "-q", "-m", "The example company, on this machine"},
	} {
		cmd := exec.CommandContext(ctx, "git", args...)
		cmd.Dir = tmp
		cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(out))
		}
	}
	return os.Rename(tmp, dir)
}

// noteFleet writes down for which servers the repository is made, before it is
// there.
func (d *demo) noteFleet() error {
	if d.Fleet != "" {
		return writeAtomically(d.path(localops.FleetFile), d.fleet.Content, 0o600)
	}
	if err := os.Remove(d.path(localops.FleetFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// sameFleet refuses servers that are not those which the repository was made
// for: its people have edited it since, and what they wrote stays.
func (d *demo) sameFleet(ops string) error {
	if d.Fleet == "" {
		return nil
	}
	made, err := os.ReadFile(d.path(localops.FleetFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if bytes.Equal(made, d.fleet.Content) {
		return nil
	}
	return fmt.Errorf("the operations repository in %s was made for other servers than those of %s; give this demo a folder of its own with --data, or remove %s to begin again", ops, d.Fleet, d.Data)
}

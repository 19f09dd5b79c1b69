package demo

import (
	"bytes"
	"context"
	"fmt"
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
	p := localops.Place{Server: localops.MachineSlug(), Instances: map[string]string{}, SMTP: d.mails.Addr().String()}
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
		return nil
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

package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/operate/playbook"
	"github.com/vigie-ops/vigie/internal/opsrepo"
)

// inventoryFile lies beside the playbooks, so that Ansible finds their
// group_vars and host_vars as it does beside any inventory.
const inventoryFile = "vigie-inventory.json"

// job is what a run starts: Ansible with the inventory, the limit and the
// variables of the run, and what it needs to sign in.
func (o *Office) job(ctx context.Context, r Run, g *opsrepo.Generation) (job, error) {
	if r.Kind == Lint {
		return o.lintJob(ctx, r, g), nil
	}
	f := fleet.NewSnapshot(g)
	j := job{id: r.ID, in: map[string][]byte{"vigie.py": callback}, secrets: map[string][]byte{}}
	more := map[string]map[string]any{}
	keys, err := o.hostKeys(ctx, f, withJumps(f, r.Servers))
	if err != nil {
		return job{}, err
	}
	if why := unknownHosts(keys); why != "" {
		return job{}, refused("limit", "%s", why)
	}
	over := jumps(f, r.Servers)
	if one := impostorJump(ctx, over, keys); one != "" {
		return job{}, refused("limit", "%s", impostorWords(one))
	}
	j.in["known_hosts"] = knownHosts(keys)
	for _, s := range r.Servers {
		more[s] = map[string]any{"ansible_ssh_extra_args": "-o HostKeyAlias=" + s}
	}
	j.in["ssh_config"] = sshConfig(f, over)
	all := playbook.NewInventory(f)
	if o.o.HostVars != nil {
		all.Add(o.o.HostVars(g))
	}
	inventory, err := all.File(more)
	if err != nil {
		return job{}, err
	}
	j.content = func(dir string) error {
		if err := o.o.Commits.Export(ctx, r.Commit, opsrepo.Playbooks, dir); err != nil {
			return err
		}
		name := filepath.Join(dir, inventoryFile)
		if _, err := os.Lstat(name); err == nil {
			return fmt.Errorf("%s/%s is a name that Vigie uses; call the file something else", opsrepo.Playbooks, inventoryFile)
		}
		return os.WriteFile(name, inventory, 0o644) //nolint:gosec // the run's user reads it, others cannot reach it
	}
	j.env = environment(r)
	variables, err := json.Marshal(r.Variables)
	if err != nil {
		return job{}, err
	}
	j.in["variables.json"], j.in["limit"] = variables, []byte(strings.Join(r.Servers, "\n")+"\n")
	j.args = []string{
		o.o.Sandbox.program("ansible-playbook"), "--inventory", room + "/content/" + inventoryFile, "--limit", "@" + room + "/in/limit",
		"--extra-vars", "@" + room + "/in/variables.json", "--forks", strconv.Itoa(r.Forks), "--diff",
	}
	if r.Kind == Check {
		j.args = append(j.args, "--check")
	}
	if len(r.Tags) > 0 {
		j.args = append(j.args, "--tags", strings.Join(r.Tags, ","))
	}
	p, _ := playbook.Find(g, r.Playbook)
	for _, slug := range p.Vaults {
		if j.secrets[slug], err = o.vault(ctx, g, slug); err != nil {
			return job{}, err
		}
		j.args = append(j.args, "--vault-id", slug+"@"+room+"/secret/"+slug)
	}
	j.args = append(j.args, within(r.Path))
	return j, nil
}

// within is a path of the operations repository inside the room.
func within(path string) string { return strings.TrimPrefix(path, opsrepo.Playbooks+"/") }

// vault reads the password of a vault.
func (o *Office) vault(ctx context.Context, g *opsrepo.Generation, slug string) ([]byte, error) {
	for _, v := range playbook.Vaults.Of(g) {
		if v.Slug != slug {
			continue
		}
		ref, own := o.o.Vaults[slug]
		if !own {
			if ref = v.Password; ref.IsZero() {
				return nil, refused("", "nothing says where the password of the vault %s is; write password: {file: …} at the vault, or runs.vaults in hub.yaml", slug)
			}
			if err := o.o.MayRead(ref); err != nil {
				return nil, refused("", "the password of the vault %s: %v", slug, err)
			}
		}
		password, err := ref.Resolve(ctx)
		if err != nil {
			return nil, refused("", "the password of the vault %s: %v", slug, err)
		}
		if strings.ContainsAny(string(password), "\r\n") {
			return nil, refused("", "the password of the vault %s has several lines; ansible-vault takes one", slug)
		}
		return password, nil
	}
	return nil, refused("", "there is no vault %s", slug)
}

// environment is what of Ansible's settings a run decides. All else is the
// repository's own ansible.cfg.
func environment(r Run) []string {
	return []string{
		"VIGIE_EVENTS=3",
		"ANSIBLE_CALLBACK_PLUGINS=" + room + "/in", "ANSIBLE_CALLBACKS_ENABLED=vigie", "ANSIBLE_STDOUT_CALLBACK=default",
		"ANSIBLE_HOME=" + room + "/home/.ansible", "ANSIBLE_LOCAL_TEMP=" + room + "/tmp", "ANSIBLE_RETRY_FILES_ENABLED=False",
		"ANSIBLE_INVENTORY_ENABLED=yaml", "ANSIBLE_CACHE_PLUGIN=memory", "ANSIBLE_NOCOLOR=1", "ANSIBLE_NOCOWS=1",
		"ANSIBLE_HOST_KEY_CHECKING=True", "ANSIBLE_SSH_CONTROL_PATH_DIR=" + room + "/cp",
		"ANSIBLE_SSH_ARGS=-F " + room + "/in/ssh_config -o ControlMaster=auto -o ControlPersist=60s",
		"ANSIBLE_DISPLAY_ARGS_TO_STDOUT=False", "VIGIE_RUN=" + strconv.FormatInt(r.Number, 10), "VIGIE_COMMIT=" + r.Commit,
	}
}

// said is a refusal in words, or nothing: what a person can mend is no fault of
// the hub.
func said(err error) (string, bool) {
	var r *RefusedError
	if errors.As(err, &r) {
		return r.Reason, true
	}
	return "", false
}

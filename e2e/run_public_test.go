package e2e_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// debops is the collection as its authors publish it, which scripts/setup
// fetched.
func debops(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("VIGIE_TEST_DEBOPS")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		dir = filepath.Join(cache, "vigie", "debops")
	}
	dir = filepath.Join(dir, "debops", "_data", "ansible", "collections", "ansible_collections", "debops", "debops")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the collection debops.debops is not there, run scripts/setup test: %v", err)
	}
	return dir
}

// public runs a playbook that nobody here wrote, out of a collection whose
// files are as they were published.
func (y *yard) public(t *testing.T) {
	t.Parallel()
	const collection = "collections/ansible_collections/debops/debops/"
	from := debops(t)
	files := map[string]string{
		"playbooks/ansible.cfg":                       "[defaults]\ncollections_path = collections\n",
		"playbooks/public/vigie.yaml":                 "playbooks:\n  - {slug: directories, file: ../" + collection + "playbooks/service/fhs.yml}\n",
		"playbooks/group_vars/debops_service_fhs.yml": "fhs__directories: [{name: halyard, path: /srv/halyard, mode: \"0750\"}]\n",
		"servers.yaml":                                strings.Replace(y.serversFile(t), "roles: [app]", "roles: [app, debops-service-fhs]", 1),
	}
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		files["playbooks/"+collection+strings.TrimPrefix(path, from+"/")] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	hash := y.push(t, "nadia", files, y.signature()...)

	// Its play says for which group it is, and so another server is not touched.
	for i, changes := range []bool{true, false} {
		r, err := y.tryAsk(map[string]any{"playbook": "directories", "commit": hash, "limit": "app", "reason": "a story"})
		if err != nil {
			t.Fatal(err)
		}
		r = y.ended(t, r.ID, "succeeded")
		if h := r.Hosts[0]; h.Host != "app-01" || (h.Changed > 0) != changes || h.OK == 0 || r.hosts()["app-02"] != "untouched" {
			t.Errorf("run %d did %+v, want changes: %v", i+1, r.Hosts, changes)
		}
		t.Logf("run %d took %v, %d of %d results changed", i+1, r.EndedAt.Sub(*r.StartedAt).Round(time.Millisecond), r.Hosts[0].Changed, r.Hosts[0].OK)
	}
	made, err := os.Stat(y.servers[0].Path("/srv/halyard"))
	if err != nil || made.Mode() != fs.ModeDir|0o750 {
		t.Errorf("/srv/halyard of app-01 is %v, %v", made, err)
	}
	if fact, err := os.ReadFile(y.servers[0].Path("/etc/ansible/facts.d/fhs.fact")); err != nil || !strings.Contains(string(fact), "/srv/halyard") {
		t.Errorf("the fact of app-01 is %s, %v", fact, err)
	}
}

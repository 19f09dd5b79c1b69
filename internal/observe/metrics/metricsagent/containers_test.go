package metricsagent

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

// write puts files into a folder that stands for a machine.
func write(t testing.TB, root string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// look returns the values of what an observer sends, by their labels.
func look(t testing.TB, update func(chan<- prometheus.Metric) error) map[string]float64 {
	t.Helper()
	got := map[string]float64{}
	for l, ts := range encode(t, NewEncoder("", ""), time.Now(), collectFunc(func(ch chan<- prometheus.Metric) {
		if err := update(ch); err != nil {
			t.Error(err)
		}
	})) {
		got[strings.ReplaceAll(strings.NewReplacer(`instance="", job="", `, "", `instance="", job=""`, "").Replace(l), `__name__=`, "")] = ts.Samples[0].Value
	}
	return got
}

func TestContainersOfVersion2(t *testing.T) {
	root, id := t.TempDir(), strings.Repeat("0a1b", 16)
	cg := "sys/fs/cgroup/system.slice/docker-" + id + ".scope/"
	files := map[string]string{
		"sys/fs/cgroup/cgroup.controllers": "cpu memory\n",
		cg + "cpu.stat":                    "usage_usec 2500000\nthrottled_usec 1000000\n",
		cg + "memory.current":              "1000\n",
		cg + "memory.stat":                 "anon 1\ninactive_file 400\n",
		cg + "memory.max":                  "2000\n",
		cg + "memory.events":               "oom 3\noom_kill 2\n",
		"var/lib/docker/containers/" + id + "/config.v2.json":         `{"Name":"/web","RestartCount":1}`,
		"sys/fs/cgroup/machine.slice/machine-db.scope/cpu.stat":       "usage_usec 1000000\n",
		"sys/fs/cgroup/machine.slice/machine-db.scope/memory.max":     "max\n",
		"sys/fs/cgroup/machine.slice/machine-db.scope/memory.current": "7\n",
	}
	write(t, root, files)
	c := newContainers(os.DirFS(root))
	want := map[string]float64{
		`{"container_cpu_usage_seconds_total", name="web", runtime="docker"}`:         2.5,
		`{"container_cpu_cfs_throttled_seconds_total", name="web", runtime="docker"}`: 1,
		`{"container_memory_usage_bytes", name="web", runtime="docker"}`:              1000,
		`{"container_memory_working_set_bytes", name="web", runtime="docker"}`:        600,
		`{"container_spec_memory_limit_bytes", name="web", runtime="docker"}`:         2000,
		`{"container_oom_events_total", name="web", runtime="docker"}`:                2,
		`{"vigie_container_restarts_total", name="web", runtime="docker"}`:            0,

		`{"container_cpu_usage_seconds_total", name="db", runtime="machine"}`:         1,
		`{"container_cpu_cfs_throttled_seconds_total", name="db", runtime="machine"}`: 0,
		`{"container_memory_usage_bytes", name="db", runtime="machine"}`:              7,
		`{"container_memory_working_set_bytes", name="db", runtime="machine"}`:        7,
		`{"container_oom_events_total", name="db", runtime="machine"}`:                0,
		`{"vigie_container_restarts_total", name="db", runtime="machine"}`:            0,
	}
	if d := cmp.Diff(want, look(t, c.update)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	// The container starts again: the kernel makes its control group anew.
	if err := os.Rename(filepath.Join(root, cg), filepath.Join(root, "before")); err != nil {
		t.Fatal(err)
	}
	write(t, root, files)
	if n := look(t, c.update)[`{"vigie_container_restarts_total", name="web", runtime="docker"}`]; n != 1 {
		t.Errorf("%v restarts, want 1", n)
	}
}

// When the main process is killed, its control group goes with it.
func TestAMainProcessThatMemoryRanOutForIsCounted(t *testing.T) {
	id, oom := strings.Repeat("0a1b", 16), `{"container_oom_events_total", name="web", runtime="docker"}`
	config := "var/lib/docker/containers/" + id + "/config.v2.json"
	for _, c := range []struct {
		name, first, then string
		restarts          bool
		kills             float64 // of a child, in the first control group
		want              float64
	}{
		{"it stays dead", `"Running":true`, `"OOMKilled":true,"ExitCode":137,"FinishedAt":"2026-03-02T03:04:05Z"`, false, 0, 1},
		{"a child was killed before", `"Running":true`, `"OOMKilled":true,"ExitCode":137,"FinishedAt":"2026-03-02T03:04:05Z"`, false, 2, 3},
		{"it was started again at once", `"Running":true`, `"OOMKilled":true,"Running":true,"FinishedAt":"2026-03-02T03:04:05Z"`, true, 0, 1},
		{"it was started again, and had died of memory long ago", `"Running":true,"OOMKilled":true,"FinishedAt":"2026-01-01T00:00:00Z"`,
			`"OOMKilled":true,"Running":true,"FinishedAt":"2026-01-01T00:00:00Z"`, true, 0, 0},
		{"what a child did stays counted", `"Running":true`, `"Running":true,"FinishedAt":"2026-03-02T03:04:05Z"`, true, 2, 2},
		{"it was stopped", `"Running":true`, `"ExitCode":137,"FinishedAt":"2026-03-02T03:04:05Z"`, false, 0, -1},
		{"it ended, long after a child was killed", `"Running":true`, `"OOMKilled":true,"ExitCode":0,"FinishedAt":"2026-03-02T03:04:05Z"`, false, 1, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			root, now := t.TempDir(), time.Date(2026, 3, 2, 3, 4, 0, 0, time.UTC)
			cg := "sys/fs/cgroup/system.slice/docker-" + id + ".scope"
			group := func(kills float64) map[string]string {
				return map[string]string{cg + "/memory.current": "1000\n", cg + "/memory.events": fmt.Sprintf("oom_kill %v\n", kills)}
			}
			write(t, root, map[string]string{"sys/fs/cgroup/cgroup.controllers": "cpu memory\n", config: `{"Name":"/web","State":{` + c.first + `}}`})
			write(t, root, group(c.kills))
			o := newContainers(os.DirFS(root))
			o.now = func() time.Time { return now }
			if n := look(t, o.update)[oom]; n != c.kills {
				t.Errorf("at first %v kills, want %v", n, c.kills)
			}
			if err := os.Rename(filepath.Join(root, cg), filepath.Join(root, "before")); err != nil {
				t.Fatal(err)
			}
			write(t, root, map[string]string{config: `{"Name":"/web","State":{` + c.then + `}}`})
			if c.restarts {
				write(t, root, group(0))
			}
			for range 3 { // told again and again, counted once
				now = now.Add(15 * time.Second)
				n, told := look(t, o.update)[oom]
				if told != (c.want >= 0) || told && n != c.want {
					t.Errorf("%v kills, told %v; want %v", n, told, c.want)
				}
			}
			if c.restarts {
				return
			}
			now = now.Add(2 * time.Hour)
			if got := look(t, o.update); len(got) != 0 || len(o.seen) != 0 {
				t.Errorf("after hours there are still %v, and %d are remembered", got, len(o.seen))
			}
		})
	}
}

func TestPodmansMonitorTellsOfMemoryThatRanOut(t *testing.T) {
	root, id := t.TempDir(), strings.Repeat("0a1b", 16)
	cg := "sys/fs/cgroup/machine.slice/libpod-" + id + ".scope"
	write(t, root, map[string]string{"sys/fs/cgroup/cgroup.controllers": "memory\n", cg + "/memory.current": "1\n"})
	o := newContainers(os.DirFS(root))
	look(t, o.update)
	if err := os.RemoveAll(filepath.Join(root, cg)); err != nil {
		t.Fatal(err)
	}
	write(t, root, map[string]string{"var/lib/containers/storage/overlay-containers/" + id + "/userdata/oom": ""})
	if n := look(t, o.update)[`{"container_oom_events_total", name="0a1b0a1b0a1b", runtime="podman"}`]; n != 1 {
		t.Errorf("%v kills, want 1", n)
	}
}

func FuzzDockerDeath(f *testing.F) {
	f.Add([]byte(`{"State":{"OOMKilled":true,"ExitCode":137,"FinishedAt":"2026-03-02T03:04:05Z"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if dockerDeath(b) != "" && !json.Valid(b) {
			t.Error("told by what is no JSON")
		}
	})
}

func TestContainersOfVersion1(t *testing.T) {
	root, id := t.TempDir(), strings.Repeat("0a1b", 16)
	write(t, root, map[string]string{
		"sys/fs/cgroup/memory/docker/" + id + "/memory.usage_in_bytes": "1000\n",
		"sys/fs/cgroup/memory/docker/" + id + "/memory.limit_in_bytes": "9223372036854771712\n",
		"sys/fs/cgroup/memory/docker/" + id + "/memory.stat":           "total_inactive_file 100\n",
		"sys/fs/cgroup/memory/docker/" + id + "/memory.oom_control":    "oom_kill_disable 0\noom_kill 5\n",
		"sys/fs/cgroup/cpuacct/docker/" + id + "/cpuacct.usage":        "3000000000\n",
		"sys/fs/cgroup/cpu/docker/" + id + "/cpu.stat":                 "throttled_time 500000000\n",
	})
	want := map[string]float64{
		`{"container_cpu_usage_seconds_total", name="0a1b0a1b0a1b", runtime="docker"}`:         3,
		`{"container_cpu_cfs_throttled_seconds_total", name="0a1b0a1b0a1b", runtime="docker"}`: 0.5,
		`{"container_memory_usage_bytes", name="0a1b0a1b0a1b", runtime="docker"}`:              1000,
		`{"container_memory_working_set_bytes", name="0a1b0a1b0a1b", runtime="docker"}`:        900,
		`{"container_oom_events_total", name="0a1b0a1b0a1b", runtime="docker"}`:                5,
		`{"vigie_container_restarts_total", name="0a1b0a1b0a1b", runtime="docker"}`:            0,
	}
	if d := cmp.Diff(want, look(t, newContainers(os.DirFS(root)).update)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestAMachineWithoutControlGroupsIsSaidToHaveNone(t *testing.T) {
	if err := newContainers(os.DirFS(t.TempDir())).update(nil); !errors.Is(err, errNothing) {
		t.Errorf("%v, want errNothing", err)
	}
}

func TestNamesOfContainers(t *testing.T) {
	id := strings.Repeat("0a1b", 16)
	root := t.TempDir()
	cri := "run/containerd/io.containerd.runtime.v2.task/k8s.io/"
	write(t, root, map[string]string{
		cri + id + "/config.json":                                       `{"annotations":{"io.kubernetes.cri.container-name":"api","io.kubernetes.cri.sandbox-name":"shop-1","io.kubernetes.cri.sandbox-namespace":"prod"}}`,
		cri + "1" + id[1:] + "/config.json":                             `{"annotations":{"io.kubernetes.cri.container-type":"sandbox","io.kubernetes.cri.sandbox-name":"shop-1","io.kubernetes.cri.sandbox-namespace":"prod"}}`,
		"var/lib/containers/storage/overlay-containers/containers.json": `[{"id":"x","names":["no"]},{"id":"` + id + `","names":["cache"]}]`,
		"var/lib/docker/containers/" + id + "/config.v2.json":           `not JSON`,
	})
	f := func(c container, want string) {
		t.Helper()
		if got := containerName(os.DirFS(root), c); got != want {
			t.Errorf("%+v is called %q, want %q", c, got, want)
		}
	}
	f(container{runtime: "containerd", id: id}, "prod/shop-1/api")
	f(container{runtime: "containerd", id: "1" + id[1:]}, "prod/shop-1/POD")
	f(container{runtime: "podman", id: id}, "cache")
	f(container{runtime: "docker", id: id}, "0a1b0a1b0a1b")
	f(container{runtime: "lxc", name: "web"}, "web")
}

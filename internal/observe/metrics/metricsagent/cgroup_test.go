package metricsagent

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestContainersAreKnownByTheirControlGroup(t *testing.T) {
	id := strings.Repeat("0a1b", 16)
	f := func(path string, want container) {
		t.Helper()
		got, ok := identify(path)
		if got != want || ok != (want != container{}) {
			t.Errorf("%s: %+v, %v; want %+v", path, got, ok, want)
		}
	}
	f("docker/"+id, container{runtime: "docker", id: id})
	f("system.slice/docker-"+id+".scope", container{runtime: "docker", id: id})
	f("kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice/cri-containerd-"+id+".scope", container{runtime: "containerd", id: id})
	f("kubepods/burstable/pod5a-6b/"+id, container{runtime: "containerd", id: id})
	f("kubepods.slice/kubepods-pod1.slice/crio-"+id+".scope", container{runtime: "crio", id: id})
	f("machine.slice/libpod-"+id+".scope", container{runtime: "podman", id: id})
	f("machine.slice/libpod-conmon-"+id+".scope", container{})
	f(`machine.slice/machine-web\x2d01.scope`, container{runtime: "machine", name: "web-01"})
	f("machine.slice/systemd-nspawn@web.service", container{runtime: "nspawn", name: "web"})
	f("lxc.payload.web", container{runtime: "lxc", name: "web"})
	f("lxc/web", container{runtime: "lxc", name: "web"})
	f("user.slice/user-0.slice/session-1.scope", container{})
	f("system.slice/docker.service", container{})
	f("system.slice/nginx.service", container{})
	f("", container{})
}

func FuzzIdentify(f *testing.F) {
	f.Add(`machine.slice/machine-web\x2d01.scope`)
	f.Add("docker/" + strings.Repeat("a", 64))
	f.Fuzz(func(t *testing.T, path string) {
		c, ok := identify(path)
		if ok && c.name == "" && c.id == "" {
			t.Errorf("%q is a container without name", path)
		}
		if utf8.ValidString(path) && !utf8.ValidString(c.name) {
			t.Errorf("%q has name %q", path, c.name)
		}
	})
}

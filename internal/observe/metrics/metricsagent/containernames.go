package metricsagent

import (
	"encoding/json"
	"io/fs"
	"strings"
)

// A control group of docker, containerd or podman carries an id. The name that
// people know stands in the engine's own files, which are read, not asked for:
// the engine's socket could give orders, a file cannot.

// containerName returns the name of a container, the beginning of its id when
// no file tells it.
func containerName(root fs.FS, c container) string {
	name := c.name
	switch {
	case name != "":
	case c.runtime == "docker":
		name = dockerName(readSmall(root, "var/lib/docker/containers/"+c.id+"/config.v2.json"))
	case c.runtime == "containerd" || c.runtime == "crio":
		name = criName(readSmall(root, "run/containerd/io.containerd.runtime.v2.task/k8s.io/"+c.id+"/config.json"))
	case c.runtime == "podman":
		name = podmanName(readSmall(root, "var/lib/containers/storage/overlay-containers/containers.json"), c.id)
	}
	if name = validUTF8(name); name == "" && len(c.id) >= 12 {
		name = c.id[:12]
	}
	return name
}

// readSmall reads a file, nothing of one that is unreasonably large.
func readSmall(root fs.FS, name string) []byte {
	info, err := fs.Stat(root, name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > 4<<20 {
		return nil
	}
	b, err := fs.ReadFile(root, name)
	if err != nil {
		return nil
	}
	return b
}

func dockerName(b []byte) string {
	var v struct{ Name string }
	if json.Unmarshal(b, &v) != nil {
		return ""
	}
	return strings.TrimPrefix(v.Name, "/")
}

func criName(b []byte) string {
	var v struct {
		Annotations map[string]string `json:"annotations"`
	}
	if json.Unmarshal(b, &v) != nil {
		return ""
	}
	const prefix = "io.kubernetes.cri."
	pod, name := v.Annotations[prefix+"sandbox-name"], v.Annotations[prefix+"container-name"]
	if v.Annotations[prefix+"container-type"] == "sandbox" {
		name = "POD" // as the kubelet calls the container that holds a pod's network
	}
	if pod == "" || name == "" {
		return ""
	}
	return v.Annotations[prefix+"sandbox-namespace"] + "/" + pod + "/" + name
}

func podmanName(b []byte, id string) string {
	var all []struct {
		ID    string   `json:"id"`
		Names []string `json:"names"`
	}
	if json.Unmarshal(b, &all) != nil {
		return ""
	}
	for _, c := range all {
		if c.ID == id && len(c.Names) > 0 {
			return c.Names[0]
		}
	}
	return ""
}

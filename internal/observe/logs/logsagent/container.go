package logsagent

import (
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/valyala/fastjson"

	"github.com/vigie-ops/vigie/internal/observe/logs/parse"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Bounds of what is believed of a container.
const (
	maxContainerFile = 4 << 20
	maxLabels        = 100
	maxLabel         = 1024
)

// containerOf is what is known of the container that writes a file: from the
// engine's own file beside it, or from the path, as Kubernetes names them.
func containerOf(path string) []record.Field {
	out := map[string]string{}
	dir := filepath.Dir(path)
	if b := readSmall(filepath.Join(dir, "config.v2.json")); b != nil {
		dockerContainer(b, out)
	}
	if m := podLog.FindStringSubmatch(path); m != nil {
		out["kubernetes.namespace"], out["kubernetes.pod.name"], out["kubernetes.pod.uid"], out["container.name"] = m[1], m[2], m[3], m[4]
	}
	if m := containerLog.FindStringSubmatch(path); m != nil {
		out["kubernetes.pod.name"], out["kubernetes.namespace"], out["container.name"], out["container.id"] = m[1], m[2], m[3], m[4]
	}
	var fields []record.Field
	for _, name := range slices.Sorted(maps.Keys(out)) {
		if v := parse.Text([]byte(out[name])); v != "" && len(v) <= maxLabel && len(name) <= 500 {
			fields = append(fields, record.Field{Name: name, Value: record.StringValue(v)})
		}
	}
	return fields
}

// The names of log files of Kubernetes:
// /var/log/pods/NAMESPACE_POD_UID/CONTAINER/0.log, and links to them
// /var/log/containers/POD_NAMESPACE_CONTAINER-ID.log.
var (
	podLog       = regexp.MustCompile(`/pods/([a-z0-9.-]+)_([a-z0-9.-]+)_([a-z0-9-]+)/([a-z0-9.-]+)/[^/]+$`)
	containerLog = regexp.MustCompile(`/containers/([a-z0-9.-]+)_([a-z0-9.-]+)_([a-z0-9.-]+)-([0-9a-f]{64})\.log$`)
)

// dockerContainer reads config.v2.json of Docker. The service of Compose is the
// service, else the container's name is.
func dockerContainer(b []byte, out map[string]string) {
	var c struct {
		ID     string
		Name   string
		Config struct {
			Image  string
			Labels map[string]string
		}
	}
	if json.Unmarshal(b, &c) != nil {
		return
	}
	out["container.id"], out["container.name"], out["container.image.name"] = c.ID, strings.TrimPrefix(c.Name, "/"), c.Config.Image
	for i, name := range slices.Sorted(maps.Keys(c.Config.Labels)) {
		if i == maxLabels {
			break
		}
		out["container.labels."+parse.Text([]byte(name))] = c.Config.Labels[name]
	}
}

// readSmall reads a file that is one, and of a reasonable size; nil otherwise.
func readSmall(path string) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxContainerFile {
		return nil
	}
	b, err := io.ReadAll(io.LimitReader(f, maxContainerFile))
	if err != nil || fastjson.ValidateBytes(b) != nil {
		return nil
	}
	return b
}

// ofContainer adds to a line what is known of its container.
func (t *tail) ofContainer(r *record.Record, stream string) {
	if stream != "" {
		r.Put("stream", record.StringValue(stream))
	}
	service := ""
	for _, f := range t.container {
		if _, said := r.Get(f.Name); !said {
			r.Put(f.Name, f.Value)
		}
		switch f.Name {
		case "container.labels.com.docker.compose.service":
			service = f.Value.Str
		case "container.name":
			if service == "" {
				service = f.Value.Str
			}
		}
	}
	if _, said := r.Get(record.Service); !said && service != "" && t.of.Service == "" {
		r.Put(record.Service, record.StringValue(service))
	}
}

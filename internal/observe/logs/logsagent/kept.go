package logsagent

import (
	"cmp"
	"io/fs"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vigie-ops/vigie/internal/observe/logs/parse"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
	"github.com/vigie-ops/vigie/internal/observe/logs/rotation"
)

// keptEvery is how often the configuration of logrotate is read again. It
// changes with deployments.
const keptEvery = 5 * time.Minute

// maxKept bounds how many files of one pattern are looked at.
const maxKept = 10_000

// Kept says how long logrotate keeps the files whose lines are sent, as
// vigie_log_files_kept_seconds. It is a collector of Prometheus.
type Kept struct {
	root  fs.FS
	files []Files
	desc  *prometheus.Desc

	mu     sync.Mutex
	readAt time.Time
	least  map[keptOf]float64
}

type keptOf struct{ files, class string }

// NewKept looks at the files that these patterns name; root is "/" of the
// machine.
func NewKept(root fs.FS, files []Files) *Kept {
	return &Kept{root: root, files: files, desc: prometheus.NewDesc(
		"vigie_log_files_kept_seconds",
		"How long logrotate keeps the files of a pattern once they are rotated, at least; +Inf for files that it does not delete.", []string{"files", "class"}, nil)}
}

// Describe implements prometheus.Collector.
func (k *Kept) Describe(ch chan<- *prometheus.Desc) { ch <- k.desc }

// Collect implements prometheus.Collector.
func (k *Kept) Collect(ch chan<- prometheus.Metric) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := time.Now(); k.readAt.IsZero() || now.Sub(k.readAt) >= keptEvery {
		k.readAt, k.least = now, k.look()
	}
	for of, seconds := range k.least {
		ch <- prometheus.MustNewConstMetric(k.desc, prometheus.GaugeValue, seconds, of.files, of.class)
	}
}

// look reads the configuration and finds the least of each pattern. A pattern
// without files says nothing, and a configuration that cannot be read neither.
func (k *Kept) look() map[keptOf]float64 {
	if len(k.files) == 0 || k.root == nil {
		return nil
	}
	c, err := rotation.Read(k.root)
	if err != nil {
		return nil
	}
	out := map[keptOf]float64{}
	for _, of := range k.files {
		for _, pattern := range of.Paths {
			found, err := fs.Glob(k.root, strings.TrimPrefix(pattern, "/"))
			if err != nil {
				continue
			}
			for _, name := range found[:min(len(found), maxKept)] {
				file := "/" + name
				if excluded(&of, file) {
					continue
				}
				kept, seconds := c.Kept(file), math.Inf(1)
				if kept != rotation.Forever {
					seconds = kept.Seconds()
				}
				key := keptOf{pattern, cmp.Or(of.Class, classOf(file))}
				if before, ok := out[key]; !ok || seconds < before {
					out[key] = seconds
				}
			}
		}
	}
	return out
}

// classOf is what a file's lines are where nothing says so, as on the hub.
func classOf(file string) string {
	if _, class := parse.Guess(file); class != "" {
		return class
	}
	if strings.HasPrefix(file, "/var/log/") {
		return record.ClassSystem
	}
	return record.ClassApplication
}

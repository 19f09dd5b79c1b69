package metricsagent

import (
	"io/fs"

	"github.com/prometheus/client_golang/prometheus"
)

// containers observes what each container uses. The names of the series are
// cAdvisor's where it has them, so that its rules and dashboards work.
type containers struct {
	root  fs.FS
	names map[string]string // by id or runtime and name: looking up costs a file
	seen  map[containerKey]*start

	cpu, throttled, memory, working, limit, oom, restarts *prometheus.Desc
}

type containerKey struct{ runtime, name string }

// start remembers the control group of a container. A container that starts
// again gets a new one, with another inode.
type start struct {
	inode    uint64
	restarts float64
	here     bool
}

func newContainers(root fs.FS) *containers {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, []string{"name", "runtime"}, nil)
	}
	return &containers{
		root: root, names: map[string]string{}, seen: map[containerKey]*start{},
		cpu:       desc("container_cpu_usage_seconds_total", "CPU time a container used."),
		throttled: desc("container_cpu_cfs_throttled_seconds_total", "Time a container waited because of its CPU limit."),
		memory:    desc("container_memory_usage_bytes", "Memory a container uses, page cache included."),
		working:   desc("container_memory_working_set_bytes", "Memory a container uses without page cache that can go at once."),
		limit:     desc("container_spec_memory_limit_bytes", "Memory limit of a container, where it has one."),
		oom:       desc("container_oom_events_total", "Processes of a container that were killed because memory ran out."),
		restarts:  desc("vigie_container_restarts_total", "Starts of a container after the first one this agent saw."),
	}
}

func (c *containers) update(ch chan<- prometheus.Metric) error {
	h, err := openHierarchy(c.root)
	if err != nil {
		return err
	}
	for _, s := range c.seen {
		s.here = false
	}
	names := map[string]string{}
	h.containers(func(cgroup string, found container) {
		name, ok := c.names[cgroup]
		if !ok {
			name = containerName(c.root, found)
		}
		names[cgroup] = name
		c.send(ch, containerKey{found.runtime, name}, found.id, h.usage(cgroup))
	})
	c.names = names
	return nil
}

// send sends the series of one container.
func (c *containers) send(ch chan<- prometheus.Metric, key containerKey, id string, u usage) {
	if s, ok := c.seen[key]; ok && s.here && len(id) >= 12 {
		key.name += "-" + id[:12] // two of one name at the same time
	}
	s, ok := c.seen[key]
	if !ok {
		s = &start{inode: u.inode}
		c.seen[key] = s
	}
	if s.here {
		return
	}
	if s.inode != u.inode {
		s.inode = u.inode
		s.restarts++
	}
	s.here = true
	put := func(d *prometheus.Desc, t prometheus.ValueType, v float64) {
		ch <- prometheus.MustNewConstMetric(d, t, v, key.name, key.runtime)
	}
	put(c.cpu, prometheus.CounterValue, u.cpuSeconds)
	put(c.throttled, prometheus.CounterValue, u.throttled)
	put(c.restarts, prometheus.CounterValue, s.restarts)
	if !u.hasMemoryData {
		return
	}
	put(c.memory, prometheus.GaugeValue, u.memory)
	put(c.working, prometheus.GaugeValue, max(0, u.memory-u.inactiveFile))
	put(c.oom, prometheus.CounterValue, u.oomKills)
	if u.limit > 0 {
		put(c.limit, prometheus.GaugeValue, u.limit)
	}
}

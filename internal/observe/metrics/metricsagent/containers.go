package metricsagent

import (
	"io/fs"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// containers observes what each container uses. The names of the series are
// cAdvisor's where it has them, so that its rules and dashboards work.
type containers struct {
	root  fs.FS
	now   func() time.Time
	names map[string]string // by id or runtime and name: looking up costs a file
	seen  map[containerKey]*start

	cpu, throttled, memory, working, limit, oom, restarts *prometheus.Desc
}

type containerKey struct{ runtime, name string }

// start remembers the control group of a container. A container that starts
// again gets a new one, with another inode, where the kernel counts anew. When
// memory runs out and the main process is what is killed, its control group is
// gone before anybody can look: only the engine tells then.
type start struct {
	container
	inode    uint64
	restarts float64
	kills    float64 // in the control group that is there now
	before   float64 // in those before it, and of main processes
	death    string  // the last one that the engine told of
	starved  bool    // that was while this agent looked
	here     bool
	goneAt   time.Time // zero while it is here
}

// keepGone is how long a container that is gone is remembered: longer than any
// engine waits before it starts one again, and than the rules look back.
const keepGone = time.Hour

func newContainers(root fs.FS) *containers {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, []string{"name", "runtime"}, nil)
	}
	return &containers{
		root: root, now: time.Now, names: map[string]string{}, seen: map[containerKey]*start{},
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
		c.send(ch, containerKey{found.runtime, name}, found, h.usage(cgroup))
	})
	c.names = names
	c.lookAfterGone(ch)
	return nil
}

// lookAfterGone tells of containers that are gone because memory ran out, and
// forgets them after a while.
func (c *containers) lookAfterGone(ch chan<- prometheus.Metric) {
	for key, s := range c.seen {
		switch {
		case s.here:
			continue
		case s.goneAt.IsZero():
			s.goneAt = c.now()
		case c.now().Sub(s.goneAt) > keepGone:
			delete(c.seen, key)
			continue
		}
		if s.lookForDeath(c.root); s.starved {
			ch <- prometheus.MustNewConstMetric(c.oom, prometheus.CounterValue, s.before+s.kills, key.name, key.runtime)
		}
	}
}

// lookForDeath asks the engine's files whether the main process was killed
// because memory ran out, and counts that once.
func (s *start) lookForDeath(root fs.FS) {
	if death := deathByMemory(root, s.container); death != "" && death != s.death {
		s.death, s.starved = death, true
		s.before++
	}
}

// send sends the series of one container.
func (c *containers) send(ch chan<- prometheus.Metric, key containerKey, found container, u usage) {
	if s, ok := c.seen[key]; ok && s.here && len(found.id) >= 12 {
		key.name += "-" + found.id[:12] // two of one name at the same time
	}
	s, ok := c.seen[key]
	if !ok {
		// What the engine tells already was before this agent looked.
		s = &start{container: found, inode: u.inode, death: deathByMemory(c.root, found)}
		c.seen[key] = s
	}
	if s.here {
		return
	}
	if s.inode != u.inode {
		s.before += s.kills
		s.lookForDeath(c.root)
		s.inode = u.inode
		s.restarts++
	}
	s.container, s.kills, s.here, s.goneAt = found, u.oomKills, true, time.Time{}
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
	put(c.oom, prometheus.CounterValue, s.before+s.kills)
	if u.limit > 0 {
		put(c.limit, prometheus.GaugeValue, u.limit)
	}
}

package metricsweb

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/ui/chart"
)

// spec is one chart: what to ask, and how to read the answer.
type spec struct {
	key   string // names it among the charts of a page
	title string
	unit  chart.Unit
	lines []lineSpec
	// worst keeps, of the many series of the only line, the one that ends
	// highest, and puts its label behind the title: the fullest mount.
	worst string
	band  *bandSpec
	limit float64 // drawn dashed; 0 is none
	// ceiling is a question whose answer is the top of the axis: all memory.
	ceiling string
	low     float64
	high    float64 // top of the axis where it is fixed; 0 lets it follow
	area    bool
	height  int
}

// lineSpec is one question of a chart.
type lineSpec struct {
	name string // of the series; with by set, the label's value instead
	by   string
	expr string
}

// bandSpec asks for what is usual.
type bandSpec struct{ lower, upper string }

// points is how many points a chart has: about one in three pixels.
const points = 240

// window is how far back a rate looks at each point: several scrapes at least,
// and never less than the step, so that no peak falls between two points.
func window(step time.Duration) string {
	return strconv.Itoa(int(max(step, 2*time.Minute).Seconds())) + "s"
}

// quoted writes a string of PromQL.
func quoted(s string) string { return strconv.Quote(s) }

// oneOf matches any of the words exactly.
func oneOf(words []string) string {
	escaped := make([]string, len(words))
	for i, w := range words {
		escaped[i] = regexp.QuoteMeta(w)
	}
	return quoted(strings.Join(escaped, "|"))
}

// File systems that hold no data of their own, and interfaces that are no
// cables. The root counts whatever it is: in a container it is an overlay.
const (
	noData    = `fstype!~"tmpfs|ramfs|overlay|squashfs|iso9660|udf|devtmpfs|nsfs|fuse.*|9p|virtiofs"`
	realCable = `device!~"lo|veth.*|docker.*|br-.*|cni.*|cali.*|flannel.*|virbr.*"`
	realDisk  = `device!~"loop.*|ram.*|sr.*|fd.*|zram.*|dm-.*|md.*"`
)

// busyCPU is the share of the processors that works, as the shipped rules see
// it: waiting for a disk is no work.
func busyCPU(by, selector, window string) string {
	return fmt.Sprintf(`1 - avg%s (sum without (mode) (rate(node_cpu_seconds_total{%s,mode=~"idle|iowait"}[%s])))`, by, selector, window)
}

// usedSpace is the share of each file system that is taken.
func usedSpace(by, selector string) string {
	share := func(filter string) string {
		return fmt.Sprintf(`node_filesystem_avail_bytes{%[1]s,%[2]s} / node_filesystem_size_bytes{%[1]s,%[2]s}`, selector, filter)
	}
	return fmt.Sprintf(`1 - min by (%s) (%s or %s)`, by, share(noData), share(`mountpoint="/"`))
}

// serverSpecs are the charts of a server, in the order of its page.
func serverSpecs(server string, step time.Duration) []spec {
	s, w := "server="+quoted(server), window(step)
	return []spec{
		{
			key: "cpu", title: "CPU", unit: chart.Percent, high: 100, area: true, height: 210,
			lines: []lineSpec{{name: "busy", expr: "100 * (" + recorded(step, "avg", "cpu_busy_ratio", s, "("+busyCPU("", s, w)+")") + ")"}},
			band:  usual("cpu_busy_ratio", s, 100),
		},
		{
			key: "disk", title: "Disk", unit: chart.Percent, high: 100, height: 210, limit: 90, worst: "mountpoint",
			lines: []lineSpec{{by: "mountpoint", expr: "100 * (" + diskUsed(step, s) + ")"}},
		},
		{
			key: "memory", title: "Memory", unit: chart.Bytes, area: true, height: 130,
			lines:   []lineSpec{{name: "in use", expr: memoryUsed(step, s)}},
			ceiling: fmt.Sprintf(`sum(node_memory_MemTotal_bytes{%s})`, s),
		},
		{
			key: "network", title: "Network", unit: chart.BytesPerSecond, height: 130,
			lines: []lineSpec{
				{name: "in", expr: recorded(step, "sum", "network_receive_bytes", s, fmt.Sprintf(`sum(rate(node_network_receive_bytes_total{%s,%s}[%s]))`, s, realCable, w))},
				{name: "out", expr: recorded(step, "sum", "network_transmit_bytes", s, fmt.Sprintf(`sum(rate(node_network_transmit_bytes_total{%s,%s}[%s]))`, s, realCable, w))},
			},
		},
		{
			key: "load", title: "Load", unit: chart.None, height: 130,
			lines:   []lineSpec{{name: "over one minute", expr: recorded(step, "max", "load1", s, fmt.Sprintf(`max(node_load1{%s})`, s))}},
			ceiling: fmt.Sprintf(`count(count by (cpu) (node_cpu_seconds_total{%s,mode="idle"}))`, s),
		},
		{
			key: "io", title: "Disk activity", unit: chart.Percent, height: 130,
			lines: []lineSpec{{by: "device", expr: fmt.Sprintf(`topk(4, 100 * rate(node_disk_io_time_seconds_total{%s,%s}[%s]))`, s, realDisk, w)}},
		},
		{
			key: "pressure", title: "Pressure", unit: chart.Percent, height: 130,
			lines: []lineSpec{
				{name: "CPU", expr: fmt.Sprintf(`100 * avg(rate(node_pressure_cpu_waiting_seconds_total{%s}[%s]))`, s, w)},
				{name: "memory", expr: fmt.Sprintf(`100 * avg(rate(node_pressure_memory_waiting_seconds_total{%s}[%s]))`, s, w)},
				{name: "disk", expr: fmt.Sprintf(`100 * avg(rate(node_pressure_io_waiting_seconds_total{%s}[%s]))`, s, w)},
			},
		},
	}
}

func diskUsed(step time.Duration, s string) string {
	measured := usedSpace("mountpoint", s)
	if step < coarse {
		return measured
	}
	w := window(step)
	return fmt.Sprintf(`max by (mountpoint) (avg_over_time(vigie:disk_used_bytes:avg5m{%[1]s}[%[2]s]) / avg_over_time(vigie:disk_size_bytes:avg5m{%[1]s}[%[2]s])) or (%[3]s)`, s, w, measured)
}

// memoryUsed is in bytes. The recording is a share, of what the machine has at
// the end of the range.
func memoryUsed(step time.Duration, s string) string {
	measured := fmt.Sprintf(`sum(node_memory_MemTotal_bytes{%[1]s} - node_memory_MemAvailable_bytes{%[1]s})`, s)
	if step < coarse {
		return measured
	}
	return fmt.Sprintf(`(avg(avg_over_time(vigie:memory_used_ratio:avg5m{%[1]s}[%[2]s])) * sum(node_memory_MemTotal_bytes{%[1]s} @ end()) or %[3]s)`, s, window(step), measured)
}

// containerSpecs are the charts of an instance's containers: those on its
// servers whose name holds the instance's slug as a word.
func containerSpecs(instance string, servers []string, step time.Duration) []spec {
	s := fmt.Sprintf(`server=~%s,name=~%s`, oneOf(servers), quoted("(.*[-_./])?"+regexp.QuoteMeta(instance)+"([-_./].*)?"))
	w := window(step)
	return []spec{
		{
			key: "container-cpu", title: "CPU of its containers", unit: chart.Percent, height: 130,
			lines: []lineSpec{{by: "name", expr: fmt.Sprintf(`topk(4, 100 * sum by (name) (rate(container_cpu_usage_seconds_total{%s}[%s])))`, s, w)}},
		},
		{
			key: "container-memory", title: "Memory of its containers", unit: chart.Bytes, height: 130,
			lines: []lineSpec{{by: "name", expr: fmt.Sprintf(`topk(4, sum by (name) (container_memory_working_set_bytes{%s}))`, s)}},
		},
	}
}

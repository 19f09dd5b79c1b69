package metricsweb_test

import (
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/signal"
)

var app01 = signal.Subject{Kind: signal.Server, Slug: "app-01"}

// fill writes four hours of a server with known figures.
func (h *house) fill() {
	for _, cpu := range []string{"0", "1"} {
		h.every(4, "node_cpu_seconds_total", growing(0.65), "cpu", cpu, "mode", "idle")
		h.every(4, "node_cpu_seconds_total", growing(0.10), "cpu", cpu, "mode", "iowait")
		h.every(4, "node_cpu_seconds_total", growing(0.25), "cpu", cpu, "mode", "user")
	}
	h.every(4, "vigie_band_lower", fixed(0.1), "metric", "cpu_busy_ratio")
	h.every(4, "vigie_band_upper", fixed(0.2), "metric", "cpu_busy_ratio")
	h.every(4, "node_filesystem_size_bytes", fixed(100e9), "mountpoint", "/var", "fstype", "xfs")
	h.every(4, "node_filesystem_avail_bytes", fixed(20e9), "mountpoint", "/var", "fstype", "xfs")
	h.every(4, "node_filesystem_size_bytes", fixed(10e9), "mountpoint", "/", "fstype", "overlay")
	h.every(4, "node_filesystem_avail_bytes", fixed(9e9), "mountpoint", "/", "fstype", "overlay")
	h.every(4, "node_filesystem_size_bytes", fixed(1e9), "mountpoint", "/run", "fstype", "tmpfs")
	h.every(4, "node_filesystem_avail_bytes", fixed(0), "mountpoint", "/run", "fstype", "tmpfs")
	h.every(4, "vigie_time_to_full_seconds", fixed(9*3600), "mountpoint", "/var")
	h.every(4, "node_memory_MemTotal_bytes", fixed(8<<30))
	h.every(4, "node_memory_MemAvailable_bytes", fixed(3<<30))
	h.every(4, "node_network_receive_bytes_total", growing(2e6), "device", "eth0")
	h.every(4, "node_network_receive_bytes_total", growing(9e9), "device", "lo")
	h.every(4, "node_network_transmit_bytes_total", growing(1e6), "device", "eth0")
	h.every(4, "node_load1", fixed(1.5))
	h.every(4, "node_disk_io_time_seconds_total", growing(0.4), "device", "sda")
	h.every(4, "node_pressure_cpu_waiting_seconds_total", growing(0.05))
	h.every(4, "node_pressure_memory_waiting_seconds_total", growing(0.01))
	h.every(4, "node_pressure_io_waiting_seconds_total", growing(0.02))
	h.every(4, "node_boot_time_seconds", fixed(float64(h.now.Add(-41*24*time.Hour).Unix())))
}

func TestFiguresCarryTheirComparison(t *testing.T) {
	h := newHouse(t, nil)
	h.fill()
	body := h.panels(console.ServerMain, app01, 4*time.Hour)
	wants(t, body,
		"25 %, expected 10–20 % at this hour", // waiting for the disk is no work
		"Disk /var", "80 %, full in 9 h", "limit 90 %",
		"5 GiB of 8 GiB", "in 2 MB/s, out 1 MB/s", "1.5 on 2 cores", "40 %", "CPU 5 %, memory 1 %, disk 2 %",
		`class="band"`, `class="spot"`, `href="/metrics?expr=`)
}

func TestLongRangesAreReadFromTheRecordings(t *testing.T) {
	h := newHouse(t, nil)
	h.fill()
	// Six hours ago only the recordings know anything.
	h.every(6, "vigie:cpu_busy_ratio:avg5m", fixed(0.5))
	h.every(6, "vigie:disk_used_bytes:avg5m", fixed(70e9), "mountpoint", "/var")
	h.every(6, "vigie:disk_size_bytes:avg5m", fixed(100e9), "mountpoint", "/var")
	h.every(6, "vigie:memory_used_ratio:avg5m", fixed(0.25))
	h.every(6, "vigie:network_receive_bytes:avg5m", fixed(5e6))
	h.every(6, "vigie:load1:avg5m", fixed(3))
	wants(t, h.panels(console.ServerMain, app01, 30*24*time.Hour), "50 %", "70 %", "2 GiB of 8 GiB", "in 5 MB/s, out 1 MB/s", "3 on 2 cores")
}

func TestAServerThatSentNothingHasEmptyCharts(t *testing.T) {
	h := newHouse(t, nil)
	body := h.panels(console.ServerMain, app01, 4*time.Hour)
	wants(t, body, "no data in this range")
	for _, no := range []string{"Pressure", "Disk activity", "NaN"} { // what a machine does not measure is left out
		if strings.Contains(body, no) {
			t.Errorf("shows %q of a server that sent nothing", no)
		}
	}
	if got := h.panels(console.ServerHalf, app01, time.Hour); got != "" {
		t.Errorf("containers of a server without any: got %s", got)
	}
}

func TestContainersOfAnInstanceAreFoundByItsName(t *testing.T) {
	h := newHouse(t, nil)
	for _, name := range []string{"shop-api", "acme_shop_1", "workshop"} {
		h.every(1, "container_cpu_usage_seconds_total", growing(0.1), "name", name)
		h.every(1, "container_memory_working_set_bytes", fixed(256<<20), "name", name)
		h.every(1, "vigie_container_restarts_total", fixed(0), "name", name)
	}
	body := h.panels(console.InstanceMain, signal.Subject{Kind: signal.Instance, Slug: "shop"}, time.Hour)
	wants(t, body, "shop-api", "acme_shop_1", "256 MiB")
	if strings.Contains(body, "workshop") {
		t.Error("shows a container of something else")
	}
	wants(t, h.panels(console.ServerHalf, app01, time.Hour), "Containers", "workshop", "10 %", "256 MiB")
}

func TestFiguresForLists(t *testing.T) {
	h := newHouse(t, nil)
	h.fill()
	got, err := h.face.Usage(t.Context(), []string{"app-01", "app-02"})
	if err != nil {
		t.Fatal(err)
	}
	u := got["app-01"]
	if len(got) != 1 || len(u.CPU) < 15 || u.CPU[len(u.CPU)-1] < 24.9 || u.CPU[len(u.CPU)-1] > 25.1 || u.Memory != 62.5 || int(u.Disk+.5) != 80 || u.Up.Round(time.Hour) != 41*24*time.Hour {
		t.Errorf("got %+v, want 25 %% CPU, 62.5 %% memory, 80 %% disk, 41 days", got)
	}
}

func TestFiguresOfProbes(t *testing.T) {
	h := newHouse(t, nil)
	at := []string{"probe", "shop-page", "app_instance", "shop", "place", "hub"}
	h.every(4, "probe_duration_seconds", fixed(0.2), at...)
	h.every(4, "probe_success", func(m int) float64 {
		if m > 210 {
			return 0
		}
		return 1
	}, at...)
	h.every(4, "probe_phase_seconds", fixed(0.1), append(at, "phase", "tls")...)
	h.every(4, "probe_phase_seconds", fixed(0.02), append(at, "phase", "dns")...)

	answering, err := h.face.Answering(t.Context(), []string{"shop"})
	if err != nil || answering["shop"].P95 != 0.2 || len(answering["shop"].Seconds) == 0 {
		t.Errorf("Answering: got %+v, %v", answering, err)
	}
	recent, err := h.face.Recent(t.Context(), []string{"shop-page"}, h.now.Add(-4*time.Hour), h.now, 8)
	if err != nil {
		t.Fatal(err)
	}
	cells := recent["shop-page"]
	if len(cells) != 8 || cells[0] != 1 || cells[6] < .9 || cells[7] != 0 {
		t.Errorf("Recent: got %v, want seven good parts and a bad one", cells)
	}
	phases, err := h.face.Phases(t.Context(), "shop-page", h.now.Add(-4*time.Hour), h.now)
	if err != nil || len(phases) != 2 || phases[0].Name != "dns" || phases[1].Name != "tls" {
		t.Errorf("Phases: got %+v, %v, want dns, then tls", phases, err)
	}
}

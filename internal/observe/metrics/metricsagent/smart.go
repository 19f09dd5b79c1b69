package metricsagent

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// smart asks smartctl, where it is installed, how the disks are. Asking takes
// seconds and disks change slowly, so it is done in the background every few
// minutes; disks that sleep are let sleep.
type smart struct {
	run func(ctx context.Context, args ...string) ([]byte, error)
	now func() time.Time

	status, temperature, powerOn, used, mediaErrors, attribute *prometheus.Desc

	mu      sync.Mutex
	askedAt time.Time
	asking  bool
	disks   []disk
	err     error
}

const (
	smartEvery   = 5 * time.Minute
	smartTimeout = 20 * time.Second
)

var errNoSmartctl = errors.New("smartctl is not installed; install smartmontools to watch the disks")

func newSmart() *smart {
	desc := func(name, help string, more ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, append([]string{"device", "model_name", "serial_number"}, more...), nil)
	}
	return &smart{
		run: smartctl, now: time.Now, err: errNothing,
		status:      desc("smartctl_device_smart_status", "1 when the disk says it is healthy."),
		temperature: desc("smartctl_device_temperature", "Temperature of the disk in degrees Celsius."),
		powerOn:     desc("smartctl_device_power_on_seconds", "How long the disk has been running."),
		used:        desc("smartctl_device_percentage_used", "Wear of the disk in percent of what its maker promises."),
		mediaErrors: desc("smartctl_device_media_errors", "Errors of the medium that the disk could not mend."),
		attribute:   desc("smartctl_device_attribute", "Raw value of an attribute that tells of failing disks.", "attribute_name"),
	}
}

// smartctl is one of the two programs an agent starts, both to observe. Its
// exit status is a set of bits about the disk, so that only missing output is
// an error.
func smartctl(ctx context.Context, args ...string) ([]byte, error) {
	path, err := exec.LookPath("smartctl")
	if err != nil {
		return nil, errNoSmartctl
	}
	ctx, cancel := context.WithTimeout(ctx, smartTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if len(out) == 0 && err != nil {
		return nil, fmt.Errorf("smartctl: %w", err)
	}
	return out, nil
}

func (s *smart) update(ch chan<- prometheus.Metric) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.now(); !s.asking && (s.askedAt.IsZero() || now.Sub(s.askedAt) >= smartEvery) {
		s.asking, s.askedAt = true, now
		go s.ask()
	}
	for _, d := range s.disks {
		s.send(ch, d)
	}
	return s.err
}

// ask asks every disk. A panic stays in here, like in every observer.
func (s *smart) ask() {
	disks, err := s.askAll(context.Background())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asking, s.disks, s.err = false, disks, err
}

func (s *smart) askAll(ctx context.Context) (disks []disk, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it panicked: %v", p)
		}
	}()
	out, err := s.run(ctx, "--scan", "--json")
	if err != nil {
		return nil, err
	}
	devices, err := parseSmartScan(out)
	if err != nil {
		return nil, err
	}
	for _, device := range devices {
		args := []string{"--json", "--health", "--attributes", "--info", "--nocheck=standby"}
		if device.kind != "" {
			args = append(args, "--device="+device.kind)
		}
		out, err := s.run(ctx, append(args, "--", device.name)...)
		if err != nil {
			continue
		}
		if d, ok := parseSmart(device.label, out); ok {
			disks = append(disks, d)
		}
	}
	if len(disks) == 0 {
		return nil, errNothing
	}
	return disks, nil
}

func (s *smart) send(ch chan<- prometheus.Metric, d disk) {
	put := func(desc *prometheus.Desc, v *float64, more ...string) {
		if v != nil {
			labels := append([]string{d.name, d.model, d.serial}, more...)
			ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, *v, labels...)
		}
	}
	put(s.status, d.healthy)
	put(s.temperature, d.temperature)
	put(s.powerOn, d.powerOn)
	put(s.used, d.percentUsed)
	put(s.mediaErrors, d.mediaErrors)
	for name, v := range d.attributes {
		put(s.attribute, &v, name)
	}
}

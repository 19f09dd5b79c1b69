package metricsagent

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	smartScan = `{"devices":[{"name":"/dev/sda","type":"sat"},{"name":"/dev/nvme0"},{"name":"-rf"}]}`
	smartATA  = `{"model_name":"WDC","serial_number":"S1","smart_status":{"passed":false},"temperature":{"current":41},
		"power_on_time":{"hours":2},"ata_smart_attributes":{"table":[{"name":"Reallocated_Sector_Ct","raw":{"value":8}},{"name":"Seek_Time","raw":{"value":1}}]}}`
	smartNVMe = `{"model_name":"Samsung","serial_number":"S2","smart_status":{"passed":true},
		"nvme_smart_health_information_log":{"percentage_used":3,"media_errors":0}}`
)

func TestDisksAreAskedInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		s := newSmart()
		s.run = func(_ context.Context, args ...string) ([]byte, error) {
			asked++
			switch {
			case args[0] == "--scan":
				return []byte(smartScan), nil
			case args[len(args)-1] == "/dev/sda":
				return []byte(smartATA), nil
			}
			return []byte(smartNVMe), nil
		}
		s.update(nil) // asks, has no answer yet
		synctest.Wait()
		want := map[string]float64{
			`{"smartctl_device_smart_status", device="/dev/sda", model_name="WDC", serial_number="S1"}`:                                      0,
			`{"smartctl_device_temperature", device="/dev/sda", model_name="WDC", serial_number="S1"}`:                                       41,
			`{"smartctl_device_power_on_seconds", device="/dev/sda", model_name="WDC", serial_number="S1"}`:                                  7200,
			`{"smartctl_device_attribute", attribute_name="Reallocated_Sector_Ct", device="/dev/sda", model_name="WDC", serial_number="S1"}`: 8,
			`{"smartctl_device_smart_status", device="/dev/nvme0", model_name="Samsung", serial_number="S2"}`:                                1,
			`{"smartctl_device_percentage_used", device="/dev/nvme0", model_name="Samsung", serial_number="S2"}`:                             3,
			`{"smartctl_device_media_errors", device="/dev/nvme0", model_name="Samsung", serial_number="S2"}`:                                0,
		}
		got := map[string]float64{}
		for l, v := range look(t, s.update) {
			got[strings.ReplaceAll(l, `instance="", job="", `, "")] = v
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		time.Sleep(smartEvery - time.Second)
		look(t, s.update)
		synctest.Wait()
		if asked != 3 {
			t.Errorf("asked %d times within five minutes, want once each", asked)
		}
	})
}

func TestDisksBehindAControllerAreAskedOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		s := newSmart()
		s.run = func(_ context.Context, args ...string) ([]byte, error) {
			if args[0] == "--scan" {
				return []byte(`{"devices":[{"name":"/dev/sda","type":"scsi"},{"name":"/dev/nvme0","type":"nvme"},
					{"name":"/dev/bus/0","type":"megaraid,0"},{"name":"/dev/bus/0","type":"sat+megaraid,1"}]}`), nil
			}
			asked = append(asked, strings.Join(args[5:], " "))
			return []byte(`{"smart_status":{"passed":true}}`), nil
		}
		s.update(nil)
		synctest.Wait()
		// The type of what may be SATA is left to smartctl.
		want := []string{"-- /dev/sda", "--device=nvme -- /dev/nvme0", "--device=megaraid,0 -- /dev/bus/0", "--device=sat+megaraid,1 -- /dev/bus/0"}
		if d := cmp.Diff(want, asked); d != "" {
			t.Errorf("asked (-want +got):\n%s", d)
		}
		if got := look(t, s.update); len(got) != 4 {
			t.Errorf("%d series, want one for each disk: %v", len(got), got)
		}
	})
}

func TestWithoutSmartctlTheReasonSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSmart()
		s.run = func(context.Context, ...string) ([]byte, error) { return nil, errNoSmartctl }
		s.update(nil)
		synctest.Wait()
		if err := s.update(make(chan prometheus.Metric, 1)); !errors.Is(err, errNoSmartctl) {
			t.Errorf("%v", err)
		}
	})
}

func FuzzParseSmart(f *testing.F) {
	f.Add([]byte(smartATA))
	f.Add([]byte(smartNVMe))
	f.Add([]byte(smartScan))
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, ok := parseSmart("/dev/sda", b); ok && d.name != "/dev/sda" {
			t.Error("another disk")
		}
		devices, _ := parseSmartScan(b)
		for _, d := range devices {
			if !strings.HasPrefix(d.name, "/dev/") {
				t.Errorf("%q would be an option of smartctl", d.name)
			}
		}
	})
}

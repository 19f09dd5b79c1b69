package metricsagent

import (
	"encoding/json"
	"fmt"
	"strings"
)

// disk is what smartctl tells about one; a nil number was not told.
type disk struct {
	name, model, serial                                     string
	healthy, temperature, powerOn, percentUsed, mediaErrors *float64
	attributes                                              map[string]float64
}

// tellingAttributes are the ATA attributes whose growth announces a failure.
func tellingAttributes() map[string]bool {
	return map[string]bool{
		"Reallocated_Sector_Ct": true, "Current_Pending_Sector": true, "Offline_Uncorrectable": true,
		"Reported_Uncorrect": true, "UDMA_CRC_Error_Count": true, "Wear_Leveling_Count": true,
	}
}

// smartDevice is how smartctl reaches a disk. Behind a controller many disks
// have one name, and a type each.
type smartDevice struct {
	name  string
	kind  string // smartctl's type; "" lets it find out
	label string // no other disk has it
}

// parseSmartScan reads `smartctl --scan --json`.
func parseSmartScan(b []byte) ([]smartDevice, error) {
	var v struct {
		Devices []struct {
			Name string `json:"name"`
			Type string `json:"type"`
		} `json:"devices"`
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return nil, fmt.Errorf("read the list of smartctl: %w", err)
	}
	var devices []smartDevice
	named := map[string]int{}
	for _, d := range v.Devices {
		if !strings.HasPrefix(d.Name, "/dev/") || len(devices) == 128 {
			continue
		}
		// The scan does not open disks and takes SATA ones for SCSI; smartctl
		// finds out by itself when it asks.
		if d.Type == "scsi" {
			d.Type = ""
		}
		devices = append(devices, smartDevice{name: d.Name, kind: d.Type, label: validUTF8(d.Name)})
		named[d.Name]++
	}
	for i, d := range devices {
		if named[d.name] > 1 && d.kind != "" {
			devices[i].label = validUTF8(d.name + " " + d.kind)
		}
	}
	return devices, nil
}

// parseSmart reads `smartctl --json` about one disk. False is one that says
// nothing of itself: asleep, virtual, or hidden by a controller.
func parseSmart(label string, b []byte) (disk, bool) {
	var v struct {
		Model  string `json:"model_name"`
		Serial string `json:"serial_number"`
		Status *struct {
			Passed bool `json:"passed"`
		} `json:"smart_status"`
		Temperature *struct {
			Current float64 `json:"current"`
		} `json:"temperature"`
		PowerOn *struct {
			Hours float64 `json:"hours"`
		} `json:"power_on_time"`
		NVMe *struct {
			PercentageUsed float64 `json:"percentage_used"`
			MediaErrors    float64 `json:"media_errors"`
		} `json:"nvme_smart_health_information_log"`
		ATA struct {
			Table []struct {
				Name string `json:"name"`
				Raw  struct {
					Value float64 `json:"value"`
				} `json:"raw"`
			} `json:"table"`
		} `json:"ata_smart_attributes"`
	}
	if json.Unmarshal(b, &v) != nil {
		return disk{}, false
	}
	d := disk{name: label, model: validUTF8(v.Model), serial: validUTF8(v.Serial), attributes: map[string]float64{}}
	if v.Status != nil {
		healthy := 0.0
		if v.Status.Passed {
			healthy = 1
		}
		d.healthy = &healthy
	}
	if v.Temperature != nil {
		d.temperature = &v.Temperature.Current
	}
	if v.PowerOn != nil {
		seconds := v.PowerOn.Hours * 3600
		d.powerOn = &seconds
	}
	if v.NVMe != nil {
		d.percentUsed, d.mediaErrors = &v.NVMe.PercentageUsed, &v.NVMe.MediaErrors
	}
	for _, a := range v.ATA.Table {
		if tellingAttributes()[a.Name] {
			d.attributes[a.Name] = a.Raw.Value
		}
	}
	return d, d.healthy != nil || d.temperature != nil || len(d.attributes) > 0
}

package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"time"
)

// Group is alerts that are told together.
type Group struct {
	Key            string
	Labels         map[string]string // what its alerts have in common
	NextFlushAt    time.Time         // zero: nothing is due
	LastFlushedAt  time.Time
	LastNotifiedAt time.Time
	Alerts         []Alert // only from Board.Groups
}

// groupOf returns the labels by which an alert is grouped and their key. Labels
// that the alert has not are left out; by "..." all labels count.
func groupOf(by []string, l map[string]string) (key string, common map[string]string) {
	common = map[string]string{}
	if slices.Contains(by, eachAlone) {
		maps.Copy(common, l)
	} else {
		for _, name := range by {
			if v := l[name]; v != "" {
				common[name] = v
			}
		}
	}
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(common)) {
		h.Write([]byte(name))
		h.Write([]byte{0xff})
		h.Write([]byte(common[name]))
		h.Write([]byte{0xff})
	}
	return hex.EncodeToString(h.Sum(nil)[:12]), common
}

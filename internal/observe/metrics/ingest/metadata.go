package ingest

import (
	"maps"
	"strings"
	"sync"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/metadata"
	"github.com/prometheus/prometheus/prompb"
)

// maxMetrics and maxHelp bound what senders can make the hub remember.
const (
	maxMetrics = 20_000
	maxHelp    = 1024
)

// Metadata is what senders said about their metrics: type, unit, help. It is
// kept in memory; senders repeat it.
type Metadata struct {
	mu  sync.RWMutex
	all map[string]metadata.Metadata
}

// NewMetadata returns an empty store.
func NewMetadata() *Metadata { return &Metadata{all: map[string]metadata.Metadata{}} }

// Knows says whether there is metadata for a metric.
func (m *Metadata) Knows(name string) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	_, ok := m.all[name]
	return ok
}

// Set remembers what a metric is. Beyond the bound new metrics are ignored.
func (m *Metadata) Set(name string, md metadata.Metadata) {
	if name == "" || md.IsEmpty() || md.Type == model.MetricTypeUnknown && md.Help == "" && md.Unit == "" {
		return
	}
	if len(md.Help) > maxHelp {
		md.Help = strings.ToValidUTF8(md.Help[:maxHelp], "")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.all[name]; !ok && len(m.all) >= maxMetrics {
		return
	}
	// The text must not keep the whole request alive.
	m.all[strings.Clone(name)] = metadata.Metadata{Type: md.Type, Unit: strings.Clone(md.Unit), Help: strings.Clone(md.Help)}
}

// Get returns the metadata of a metric.
func (m *Metadata) Get(name string) (metadata.Metadata, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	md, ok := m.all[name]
	return md, ok
}

// All returns a copy of everything known.
func (m *Metadata) All() map[string]metadata.Metadata {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return maps.Clone(m.all)
}

func fromV1(m prompb.MetricMetadata) metadata.Metadata {
	return metadata.Metadata{
		Type: model.MetricType(strings.ToLower(m.Type.String())),
		Unit: m.Unit,
		Help: m.Help,
	}
}

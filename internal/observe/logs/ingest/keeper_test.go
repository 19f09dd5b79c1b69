package ingest_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/logs/ingest"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// keeper is a sink in memory that keeps a document with an id once.
type keeper struct {
	mu    sync.Mutex
	lines []record.Record
	ids   map[string]bool
	fail  error // what Append says
}

func (k *keeper) Append(_ context.Context, b record.Batch) ([]record.Outcome, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fail != nil {
		return nil, k.fail
	}
	out := make([]record.Outcome, len(b.Records))
	for i := range b.Records {
		r := &b.Records[i]
		if r.ID != "" {
			key := r.Index + "\x00" + r.ID
			if k.ids[key] {
				out[i] = record.Duplicate
				continue
			}
			if k.ids == nil {
				k.ids = map[string]bool{}
			}
			k.ids[key] = true
		}
		r.Seq = uint64(len(k.lines) + 1)
		k.lines = append(k.lines, r.Clone())
	}
	return out, nil
}

func (k *keeper) all() []record.Record {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]record.Record{}, k.lines...)
}

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// open returns an intake in front of a keeper, at noon.
func open(t testing.TB) (*ingest.Intake, *keeper) {
	t.Helper()
	k := &keeper{}
	return ingest.New(ingest.Options{
		To: k, Now: func() time.Time { return noon },
		Route: func(s ingest.Sender, r *record.Record) {
			r.Owner, r.Class = record.ServerOwner(s.Server), record.ClassApplication
			if r.Index == "borealis" {
				r.Owner = record.InstanceOwner("borealis")
			}
		},
		Mask: func(r *record.Record) { r.Message = strings.ReplaceAll(r.Message, "hunter2", "[masked]") },
	}), k
}

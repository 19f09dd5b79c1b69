// Package tsdbs keeps the two embedded databases of time series, raw and
// rollup, and answers queries from both as if they were one.
package tsdbs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/compression"
)

// Options say where the databases lie and how long they keep what.
type Options struct {
	Dir             string
	RawRetention    time.Duration // default 15 days
	RawMaxBytes     int64         // of raw blocks; 0 is no limit
	RollupRetention time.Duration // default 400 days
	RollupMaxBytes  int64         // of rollup blocks; 0 is no limit
	OutOfOrder      time.Duration // how late a sample may come, default 48 hours
	Registry        prometheus.Registerer
	Log             *slog.Logger
}

// The defaults.
const (
	DefaultRawRetention    = 15 * 24 * time.Hour
	DefaultRollupRetention = 400 * 24 * time.Hour
	DefaultOutOfOrder      = 48 * time.Hour
)

// Store is the two databases.
type Store struct {
	raw    *tsdb.DB
	rollup *tsdb.DB
}

// Open opens both databases, replaying what was written since the last block.
func Open(o Options) (*Store, error) {
	window := orDefault(o.OutOfOrder, DefaultOutOfOrder).Milliseconds()

	raw := tsdb.DefaultOptions()
	raw.RetentionDuration = orDefault(o.RawRetention, DefaultRawRetention).Milliseconds()
	raw.MaxBytes = o.RawMaxBytes
	raw.OutOfOrderTimeWindow = window
	raw.WALCompression = compression.Snappy
	raw.WALSegmentSize = 32 << 20
	raw.StripeSize = 4096
	// Blocks may grow to a tenth of the retention, so that expiry frees space in
	// small steps.
	raw.MaxBlockDuration = max(raw.RetentionDuration/10, raw.MinBlockDuration)

	// The rollup is small and slow: a few samples a series and hour.
	rollup := tsdb.DefaultOptions()
	rollup.RetentionDuration = orDefault(o.RollupRetention, DefaultRollupRetention).Milliseconds()
	rollup.MaxBytes = o.RollupMaxBytes
	rollup.OutOfOrderTimeWindow = window
	rollup.WALCompression = compression.Snappy
	rollup.WALSegmentSize = 8 << 20
	rollup.StripeSize = 512
	rollup.MinBlockDuration = (8 * time.Hour).Milliseconds()
	rollup.MaxBlockDuration = (31 * 24 * time.Hour).Milliseconds()

	s := &Store{}
	var err error
	if s.raw, err = open(o, "raw", raw); err != nil {
		return nil, err
	}
	if s.rollup, err = open(o, "rollup", rollup); err != nil {
		return nil, errors.Join(err, s.raw.Close())
	}
	return s, nil
}

func open(o Options, name string, opts *tsdb.Options) (*tsdb.DB, error) {
	reg := o.Registry
	if reg != nil {
		// Two databases register the same metrics: a label tells them apart.
		reg = prometheus.WrapRegistererWith(prometheus.Labels{"tsdb": name}, reg)
	}
	db, err := tsdb.Open(filepath.Join(o.Dir, name), o.Log.With("tsdb", name), reg, opts, nil)
	if err != nil {
		return nil, fmt.Errorf("open the %s time series: %w", name, err)
	}
	return db, nil
}

func orDefault(d, def time.Duration) time.Duration {
	if d <= 0 {
		return def
	}
	return d
}

// Close writes what is in memory to disk and closes both databases.
func (s *Store) Close() error { return errors.Join(s.raw.Close(), s.rollup.Close()) }

// Raw takes samples as they come.
func (s *Store) Raw() storage.Appendable { return s.raw }

// Rollup takes samples that are kept for long.
func (s *Store) Rollup() storage.Appendable { return s.rollup }

// Exemplars answers queries for exemplars.
func (s *Store) Exemplars() storage.ExemplarQueryable { return s.raw }

// Querier returns a querier over both databases.
func (s *Store) Querier(mint, maxt int64) (storage.Querier, error) {
	raw, err := s.raw.Querier(mint, maxt)
	if err != nil {
		return nil, fmt.Errorf("query the raw time series: %w", err)
	}
	rollup, err := s.rollup.Querier(mint, maxt)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("query the rollup: %w", err), raw.Close())
	}
	return storage.NewMergeQuerier([]storage.Querier{raw, markedQuerier{rollup}}, nil, preferRaw), nil
}

// ChunkQuerier returns a chunk querier over both databases, for remote read.
func (s *Store) ChunkQuerier(mint, maxt int64) (storage.ChunkQuerier, error) {
	raw, err := s.raw.ChunkQuerier(mint, maxt)
	if err != nil {
		return nil, fmt.Errorf("query the raw time series: %w", err)
	}
	rollup, err := s.rollup.ChunkQuerier(mint, maxt)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("query the rollup: %w", err), raw.Close())
	}
	merge := storage.NewCompactingChunkSeriesMerger(storage.ChainedSeriesMerge)
	return storage.NewMergeChunkQuerier([]storage.ChunkQuerier{raw, rollup}, nil, merge), nil
}

// StartTime returns the oldest time there is a sample of.
func (s *Store) StartTime() (time.Time, error) {
	raw, err := s.raw.StartTime()
	if err != nil {
		return time.Time{}, fmt.Errorf("start of the raw time series: %w", err)
	}
	rollup, err := s.rollup.StartTime()
	if err != nil {
		return time.Time{}, fmt.Errorf("start of the rollup: %w", err)
	}
	return time.UnixMilli(min(raw, rollup)), nil
}

// Size is how much the databases hold.
type Size struct {
	RawSeries, RollupSeries uint64 // in memory
	RawBytes, RollupBytes   int64  // of blocks on disk
}

// Size returns how much the databases hold.
func (s *Store) Size() Size {
	bytes := func(db *tsdb.DB) (n int64) {
		for _, b := range db.Blocks() {
			n += b.Size()
		}
		return n
	}
	return Size{
		RawSeries: s.raw.Head().NumSeries(), RollupSeries: s.rollup.Head().NumSeries(),
		RawBytes: bytes(s.raw), RollupBytes: bytes(s.rollup),
	}
}

// Stats returns what the raw head holds, for the status pages of the HTTP API.
func (s *Store) Stats(byLabel string, limit int) (*tsdb.Stats, error) {
	return s.raw.Head().Stats(byLabel, limit), nil
}

// BlockMetas returns the blocks on disk, those of raw first.
func (s *Store) BlockMetas() ([]tsdb.BlockMeta, error) {
	return append(s.raw.BlockMetas(), s.rollup.BlockMetas()...), nil
}

// WALReplayStatus is always done: Open returns after the replay.
func (s *Store) WALReplayStatus() (tsdb.WALReplayStatus, error) { return tsdb.WALReplayStatus{}, nil }

// ErrNoAdmin is the answer to acts the hub does not offer over HTTP.
var ErrNoAdmin = errors.New("the hub does not delete or copy time series over HTTP")

// CleanTombstones is refused.
func (s *Store) CleanTombstones() error { return ErrNoAdmin }

// Delete is refused.
func (s *Store) Delete(context.Context, int64, int64, ...*labels.Matcher) error { return ErrNoAdmin }

// Snapshot is refused.
func (s *Store) Snapshot(string, bool) error { return ErrNoAdmin }

var _ storage.SampleAndChunkQueryable = (*Store)(nil)

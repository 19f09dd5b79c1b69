package hub

import (
	"context"
	"fmt"
	"log/slog"
	"syscall"
	"time"

	"github.com/vigie-ops/vigie/internal/lib/logattr"
	"github.com/vigie-ops/vigie/internal/signal"
)

// What is little space, and what is none: the state and the series cannot be
// written long before the last byte is gone.
const (
	littleShare = 0.05
	littleBytes = 1 << 30
	noBytes     = 1 << 20
	spaceEvery  = 5 * time.Second
)

// disk is how full the file system of a folder is.
type disk struct{ free, size uint64 }

func diskOf(folder string) (disk, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(folder, &s); err != nil {
		return disk{}, fmt.Errorf("look at the disk of %s: %w", folder, err)
	}
	block := uint64(s.Bsize)
	return disk{free: s.Bavail * block, size: s.Blocks * block}, nil
}

// little: a person has to make space now, while what they are told of it can
// still be kept.
func (d disk) little() bool {
	return d.free < littleBytes && float64(d.free) < littleShare*float64(d.size)
}

// full: nothing more can be taken.
func (d disk) full() bool { return d.free < noBytes }

// space is the service that watches the disk of the hub's own data.
type space struct {
	folder string
	look   func(folder string) (disk, error)
	sink   signal.Sink
	log    *slog.Logger
	now    func() time.Time

	since time.Time // of little space; zero while there is enough
	told  bool      // the sink knows what holds
	full  bool
}

// Name implements Service.
func (s *space) Name() string { return "disk space" }

// Run implements Service.
func (s *space) Run(ctx context.Context) error {
	t := time.NewTicker(spaceEvery)
	defer t.Stop()
	for {
		s.check(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

func (s *space) check(ctx context.Context) {
	d, err := s.look(s.folder)
	if err != nil {
		s.log.Error("disk of the data folder cannot be looked at", logattr.Err(err))
		return
	}
	if d.full() != s.full {
		s.full = d.full()
		if s.full {
			s.log.Error("the disk of the data folder is full, nothing is taken until there is space", "folder", s.folder, "free_bytes", d.free)
		} else {
			s.log.Info("the disk of the data folder has space again", "folder", s.folder, "free_bytes", d.free)
		}
	}
	if little := d.little(); little == s.since.IsZero() {
		s.since, s.told = time.Time{}, false
		if little {
			s.since = s.now()
		}
	}
	if s.told {
		return
	}
	// On a full disk the board cannot take it either: it is told again.
	if err := s.sink.Report(ctx, s.signal(d)); err != nil {
		s.log.Warn("the alert about the disk of the data folder was not taken", logattr.Err(err))
		return
	}
	s.told = true
}

func (s *space) signal(d disk) signal.Signal {
	out := signal.Signal{
		Detector: "hub", Subject: signal.Subject{Kind: signal.Hub}, State: signal.Firing, At: s.now().UTC(), StartsAt: s.since.UTC(),
		Labels: map[string]string{signal.LabelName: "HubDiskAlmostFull", signal.LabelSeverity: string(signal.Critical)},
		Annotations: map[string]string{
			signal.Summary:     "The disk of the hub's data folder is almost full",
			signal.Description: "When it is full the hub takes no samples, alerts or changes any more; what it took is kept. It goes on by itself when there is space.",
			signal.Value:       fmt.Sprintf("%d MB free of %d MB", d.free>>20, d.size>>20),
			signal.Limit:       fmt.Sprintf("%.0f %% and %d MB", littleShare*100, littleBytes>>20),
			signal.FirstStep:   "Look what takes the space on the disk of " + s.folder + ", make room or the disk larger, or shorten metrics.raw_retention.",
		},
	}
	if s.since.IsZero() {
		out.State, out.StartsAt = signal.Resolved, out.At
	}
	return out
}

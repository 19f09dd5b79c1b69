package hub

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/signal"
)

type spaceSink struct {
	fail error
	got  []signal.State
}

func (s *spaceSink) Report(_ context.Context, all ...signal.Signal) error {
	if s.fail != nil {
		return s.fail
	}
	for _, one := range all {
		s.got = append(s.got, one.State)
	}
	return nil
}

func TestTheHubTellsOfItsOwnDisk(t *testing.T) {
	const mb = 1 << 20
	var now disk
	sink := &spaceSink{}
	s := &space{
		folder: "/data", sink: sink, log: slog.New(slog.DiscardHandler), now: time.Now,
		look: func(string) (disk, error) { return now, nil },
	}
	full := errors.New("database or disk is full")
	for _, step := range []struct {
		what string
		free uint64
		fail error
		want int // reports so far
		last signal.State
	}{
		{"at the start what fired before it is ended", 500 * mb, nil, 1, signal.Resolved},
		{"and said once", 500 * mb, nil, 1, signal.Resolved},
		{"full at once: the board cannot keep it", 0, full, 1, signal.Resolved},
		{"so that it is told again", 10 * mb, nil, 2, signal.Firing},
		{"once", 9 * mb, nil, 2, signal.Firing},
		{"until there is space", 500 * mb, nil, 3, signal.Resolved},
	} {
		now, sink.fail = disk{free: step.free, size: 1000 * mb}, step.fail
		s.check(t.Context())
		if len(sink.got) != step.want || sink.got[len(sink.got)-1] != step.last {
			t.Errorf("%s: reported %v, want %d, the last %s", step.what, sink.got, step.want, step.last)
		}
	}
}

func TestWhatIsLittleSpaceAndWhatIsNone(t *testing.T) {
	const mb, gb = 1 << 20, 1 << 30
	for _, c := range []struct {
		disk         disk
		little, full bool
	}{
		{disk{free: 100 * gb, size: 4000 * gb}, false, false}, // few percent of much is much
		{disk{free: 500 * mb, size: 2 * gb}, false, false},    // a small disk with a quarter free
		{disk{free: 500 * mb, size: 20 * gb}, true, false},
		{disk{free: mb / 2, size: 20 * gb}, true, true},
	} {
		if c.disk.little() != c.little || c.disk.full() != c.full {
			t.Errorf("%+v: little %v, full %v; want %v, %v", c.disk, c.disk.little(), c.disk.full(), c.little, c.full)
		}
	}
}

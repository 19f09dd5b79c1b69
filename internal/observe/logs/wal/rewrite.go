package wal

import (
	"fmt"
	"os"
)

// Rewrite goes through all sealed segments with numbers below before and
// replaces those in which f changes something: f gets each entry's payload and
// returns what is to stand in its place, itself for no change, nil for nothing.
// Afterwards nothing of what was taken out is in the log's files. It returns how
// many segments were replaced. Entries that are written meanwhile wait.
//
// A segment is replaced whole or, with an error, not at all; those before it
// are. Then the same call can be made again.
func (l *Log) Rewrite(before uint64, f func(payload []byte) []byte) (replaced int, err error) {
	l.turn.Lock()
	defer l.turn.Unlock()
	for i, s := range l.segments {
		if s.number >= before || i == len(l.segments)-1 && l.active != nil {
			break
		}
		changed, err := s.rewrite(f)
		if err != nil {
			return replaced, fmt.Errorf("rewrite a segment of the write-ahead log: %w", l.explain(err))
		}
		if changed {
			replaced++
		}
	}
	return replaced, nil
}

func (s *segment) rewrite(f func(payload []byte) []byte) (changed bool, err error) {
	b, err := os.ReadFile(s.path)
	if err != nil {
		return false, err
	}
	changed = int64(len(b)) > s.size // behind a failed write lies what does not count
	b = b[:min(int64(len(b)), s.size)]
	out := make([]byte, 0, len(b))
	gaps, _ := s.nonce.scan(b, func(at int, body []byte) error {
		frame := b[at : at+headerSize+len(body)]
		if body[0] != kindEntry {
			out = append(out, frame...)
			return nil
		}
		payload := body[1:]
		next := f(payload)
		if len(next) == len(payload) && len(next) > 0 && &next[0] == &payload[0] {
			out = append(out, frame...)
			return nil
		}
		changed = true
		if len(next) == 0 {
			return nil
		}
		start := len(out)
		out = append(begin(out, kindEntry), next...)
		s.nonce.finish(out, start)
		return nil
	})
	if !changed && len(gaps) == 0 {
		return false, nil
	}
	return true, s.replace(out)
}

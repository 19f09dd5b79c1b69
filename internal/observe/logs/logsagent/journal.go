package logsagent

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"strconv"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/logs/parse"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// journalEntry is an entry of the journal on its way into the batch.
type journalEntry struct {
	line   record.Record
	stream string
	at     journalState
}

// readJournal follows the journal by journalctl, which knows its files of all
// versions, from where it was left. It starts it again when it ends.
func (s *Shipper) readJournal(ctx context.Context, at journalState) {
	for failures := 0; ctx.Err() == nil; failures++ {
		next, err := s.followJournal(ctx, at)
		if next != at {
			failures = 0
		}
		at = next
		if ctx.Err() != nil {
			return
		}
		if failures == 0 {
			s.o.Log.Warn("journalctl ended, starting it again", "err", err)
		}
		timer := time.NewTimer(s.o.Backoff(failures))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// followJournal reads until journalctl ends, and returns how far it came.
func (s *Shipper) followJournal(ctx context.Context, at journalState) (journalState, error) {
	args := []string{"--output=export", "--follow", "--no-pager", "--quiet"}
	if at.Cursor != "" {
		args = append(args, "--after-cursor="+at.Cursor, "--no-tail")
	} else if d := s.o.Journal.Since; d > 0 {
		args = append(args, "--since=@"+strconv.FormatInt(s.o.Now().Add(-d).Unix(), 10), "--no-tail")
	} else {
		args = append(args, "--lines=0")
	}
	for _, u := range s.o.Journal.Units {
		args = append(args, "--unit="+u)
	}
	cmd := exec.CommandContext(ctx, "journalctl", args...)
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return at, err
	}
	if err := cmd.Start(); err != nil {
		return at, err
	}
	j := parse.NewJournal(out, maxLine)
	var readErr error
	for {
		entry, err := j.Next()
		if len(entry) > 0 && entry["__CURSOR"] != "" {
			// Offsets grow from entry to entry, and are the same when entries are read
			// again from the same place.
			us, _ := strconv.ParseInt(entry["__REALTIME_TIMESTAMP"], 10, 64)
			at = journalState{Cursor: entry["__CURSOR"], Offset: max(at.Offset+1, us)}
			line := parse.JournalLine(entry)
			line.Class = journalClass(entry)
			select {
			case s.journal <- journalEntry{line, "journal:" + entry["_MACHINE_ID"], at}:
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				readErr = err
			}
			break
		}
	}
	return at, errors.Join(readErr, cmd.Wait())
}

func journalClass(entry map[string]string) string {
	switch entry["SYSLOG_FACILITY"] {
	case "4", "10":
		return record.ClassAuth
	}
	return ""
}

// takeJournal puts an entry, and what else is there already, into the batch.
func (s *Shipper) takeJournal(e journalEntry) {
	for {
		s.add(e.line, e.stream, e.at.Offset)
		at := e.at
		s.batch.moves = append(s.batch.moves, func(st *state) { st.Journal = at; st.dirty = true })
		if s.batch.full() {
			return
		}
		select {
		case e = <-s.journal:
		default:
			return
		}
	}
}

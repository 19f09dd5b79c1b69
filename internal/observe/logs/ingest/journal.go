package ingest

import (
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/vigie-ops/vigie/internal/observe/logs/parse"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// journalKind is what systemd-journal-upload sends: the journal export format,
// systemd.io/JOURNAL_EXPORT_FORMATS.
const journalKind = "application/vnd.fdo.journal"

// Journal answers POST /upload of systemd-journal-upload, which keeps its
// request open for as long as there are entries. An entry has its cursor as id,
// so that one that is sent again is kept once.
func (in *Intake) Journal(w http.ResponseWriter, r *http.Request) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != journalKind {
		http.Error(w, "the journal comes as "+journalKind, http.StatusUnsupportedMediaType)
		return
	}
	j := parse.NewJournal(r.Body, in.o.Line)
	var batch []record.Record
	size := 0
	for {
		entry, err := j.Next()
		if len(entry) > 0 {
			line := parse.JournalLine(entry)
			line.Index, line.ID = "journald", entry["__CURSOR"]
			batch = append(batch, line)
			size += len(line.Message)
		}
		// What is there is kept before more is waited for.
		if len(batch) > 0 && (err != nil || len(batch) >= atOnce || size > 4<<20 || !j.More()) {
			if _, err := in.Take(r.Context(), "journald", batch); err != nil {
				http.Error(w, err.Error(), statusOf(err)) // it sends again from the last cursor that was acknowledged
				return
			}
			batch, size = batch[:0], 0
		}
		switch {
		case errors.Is(err, io.EOF):
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.WriteHeader(http.StatusAccepted)
			_, _ = io.WriteString(w, "OK.\n") // it is kept
			return
		case err != nil:
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
}

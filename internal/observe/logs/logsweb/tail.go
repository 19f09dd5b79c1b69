package logsweb

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// tailLine is a line as it is pushed to who follows.
type tailLine struct {
	Time    string          `json:"@timestamp"`
	Level   string          `json:"level,omitempty"`
	Kind    string          `json:"kind"`
	Service string          `json:"service,omitempty"`
	Host    string          `json:"host,omitempty"`
	Message string          `json:"message"`
	Seq     uint64          `json:"seq"`
	Href    string          `json:"href"`
	Fields  json.RawMessage `json:"fields,omitempty"`
}

// tailPush is one event of a tail.
type tailPush struct {
	Lines   []tailLine `json:"lines"`
	Dropped int64      `json:"dropped,omitempty"` // since the event before
}

// tailAtOnce bounds one event, so that a browser can draw it.
const tailAtOnce = 500

// alive keeps proxies from closing a quiet tail, and finds out who is gone or
// signed out.
const alive = 15 * time.Second

// tail pushes lines as they come, as server-sent events.
func (f *face) tail(w http.ResponseWriter, r *http.Request) error {
	filter, err := f.parse(r, r.URL.Query().Get("q"))
	if err != nil {
		return wrongQuery(err)
	}
	t, err := f.o.Store.Tail(r.Context(), filter, nil)
	if err != nil {
		return console.Invalid(err.Error())
	}
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Time{}) // it ends with who follows
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	// From here on there is an answer; an error only means that who follows left.
	if _, err := io.WriteString(w, "retry: 2000\n\n"); err != nil || rc.Flush() != nil {
		return nil
	}
	pushes := make(chan tailPush)
	go func() {
		defer close(pushes)
		for {
			lines, dropped, ok := t.Next()
			if !ok {
				return
			}
			for len(lines) > 0 || dropped > 0 {
				n := min(len(lines), tailAtOnce)
				p := tailPush{Lines: make([]tailLine, n), Dropped: dropped}
				for i := range n {
					p.Lines[i] = f.tailLine(r, &lines[i])
				}
				lines, dropped = lines[n:], 0
				select {
				case pushes <- p:
				case <-r.Context().Done():
					return
				}
			}
		}
	}()
	tick := time.NewTicker(alive)
	defer tick.Stop()
	for {
		select {
		case p, ok := <-pushes:
			if !ok {
				return nil
			}
			b, err := json.Marshal(p)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(w, "data: %s\n\n", b); err != nil || rc.Flush() != nil {
				return nil
			}
		case <-tick.C:
			if !f.c.StillIn(r) {
				return nil
			}
			if _, err := io.WriteString(w, ": alive\n\n"); err != nil || rc.Flush() != nil {
				return nil
			}
		}
	}
}

func (f *face) tailLine(r *http.Request, line *record.Record) tailLine {
	row := f.row(r, nil, line, nil)
	out := tailLine{
		Time: line.At().Format(time.RFC3339Nano), Level: row.level, Kind: string(row.kind), Service: row.service, Host: row.host, Message: line.Message,
		Seq: line.Seq, Href: row.href,
	}
	if r.URL.Query().Get("fields") != "" {
		out.Fields = fieldsJSON(line)
	}
	return out
}

// fieldsJSON are the fields of a line as one object, flat; several values of a
// name are an array.
func fieldsJSON(line *record.Record) []byte {
	b := []byte{'{'}
	for i := 0; i < len(line.Fields); {
		if i > 0 {
			b = append(b, ',')
		}
		name := line.Fields[i].Name
		n := i + 1
		for n < len(line.Fields) && line.Fields[n].Name == name {
			n++
		}
		b = record.AppendString(b, name)
		b = append(b, ':')
		if n-i > 1 {
			b = append(b, '[')
		}
		for k := i; k < n; k++ {
			if k > i {
				b = append(b, ',')
			}
			b = line.Fields[k].Value.AppendJSON(b)
		}
		if n-i > 1 {
			b = append(b, ']')
		}
		i = n
	}
	return append(b, '}')
}

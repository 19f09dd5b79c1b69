package logsweb

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/lib/logattr"
	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
	"github.com/vigie-ops/vigie/internal/ui"
)

// bounds reads the range of a request of a program: from and to in
// milliseconds or RFC 3339, or range; the last hour if there is none.
func (f *face) bounds(r *http.Request) (from, to int64, err error) {
	q := r.URL.Query()
	shown := ui.ParseRange(q, f.o.Now(), "1h")
	from, to = shown.From.UnixNano(), shown.To.UnixNano()
	for _, one := range []struct {
		name string
		at   *int64
	}{{"from", &from}, {"to", &to}} {
		s := q.Get(one.name)
		if s == "" {
			continue
		}
		if ns, ok := record.ParseTime(s); ok {
			*one.at = ns
			continue
		}
		ms, err := strconv.ParseInt(s, 10, 64)
		if err != nil || ms < 0 || ms > 1<<43 {
			return 0, 0, &console.Problem{Status: http.StatusBadRequest, Title: "Bad " + one.name, Detail: one.name + " is a time such as 2026-11-25T10:00:00Z, or milliseconds since 1970."}
		}
		*one.at = ms * 1e6
	}
	if from >= to {
		return 0, 0, &console.Problem{Status: http.StatusBadRequest, Title: "Bad range", Detail: "from comes before to."}
	}
	return from, to, nil
}

// appendLine writes a line as one JSON object: reserved names first, then the
// fields, flat.
func appendLine(b []byte, line *record.Record) []byte {
	b = append(b, `{"@timestamp":`...)
	b = record.TimeValue(line.Time).AppendJSON(b)
	for _, one := range []struct{ name, text string }{
		{record.OwnerField, line.Owner.String()}, {record.Class, line.Class}, {record.Index, line.Index}, {record.ID, line.DocumentID()}, {record.Message, line.Message},
	} {
		if one.text != "" {
			b = append(b, ',')
			b = record.AppendString(b, one.name)
			b = append(b, ':')
			b = record.AppendString(b, one.text)
		}
	}
	if fields := fieldsJSON(line); len(fields) > 2 {
		b = append(b, ',')
		b = append(b, fields[1:len(fields)-1]...)
	}
	return append(b, '}')
}

// apiSearch answers a page of lines, newest first.
func (f *face) apiSearch(w http.ResponseWriter, r *http.Request) error {
	filter, err := f.parse(r, r.URL.Query().Get("q"))
	if err != nil {
		return wrongQuery(err)
	}
	from, to, err := f.bounds(r)
	if err != nil {
		return err
	}
	at, limit, err := console.PageOf(r)
	if err != nil {
		return err
	}
	req := query.Request{Filter: filter, From: from, To: to, Size: limit + 1, TotalUpTo: int64(limit) + 1}
	if at != "" {
		after, ok := parseCursor(at)
		if !ok {
			return &console.Problem{Status: http.StatusBadRequest, Title: "Bad cursor", Detail: "cursor is what the page before gave as next, or left out."}
		}
		req.After = after
	}
	res, err := f.o.Store.Search(r.Context(), req)
	if err != nil {
		return err
	}
	next := ""
	if len(res.Hits) > limit {
		res.Hits = res.Hits[:limit]
		next = fmt.Sprintf("%d.%d", res.Hits[limit-1].Time, res.Hits[limit-1].Seq)
	}
	items := make([]json.RawMessage, len(res.Hits))
	for i := range res.Hits {
		items[i] = appendLine(nil, &res.Hits[i].Record)
	}
	if res.Partial != "" {
		w.Header().Set("Warning", "199 vigie "+strconv.Quote(res.Partial))
	}
	return console.WriteItems(w, items, next)
}

// export streams every line that matches, oldest first: NDJSON with all
// fields, or CSV with the columns that were asked for.
func (f *face) export(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	filter, err := f.parse(r, q.Get("q"))
	if err != nil {
		return wrongQuery(err)
	}
	from, to, err := f.bounds(r)
	if err != nil {
		return err
	}
	format, err := console.OneOf(r, "format", "ndjson", "csv")
	if err != nil {
		return err
	}
	columns := slices.DeleteFunc(q["col"], func(s string) bool { return s == "" })
	if len(columns) == 0 {
		columns = []string{record.Level, record.Host, record.Service}
	}
	name := "logs-" + time.Unix(0, from).UTC().Format("20060102-150405")
	out := bufio.NewWriterSize(w, 64<<10)
	write, end := ndjson(out), out.Flush
	kind := "application/x-ndjson"
	if format == "csv" {
		write, end = csvLines(out, columns)
		name, kind = name+".csv", "text/csv; charset=utf-8"
	} else {
		name += ".ndjson"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // millions of lines take their time
	err = f.o.Store.Export(r.Context(), query.Request{Filter: filter, From: from, To: to}, q.Get("order") == "desc", write)
	if err == nil {
		err = end()
	}
	if err != nil && r.Context().Err() == nil {
		// The answer has begun: only cutting it off says that it is not whole.
		f.o.Log.Error("an export of logs broke off", logattr.Err(err))
		panic(http.ErrAbortHandler)
	}
	return nil
}

func ndjson(out *bufio.Writer) func(*record.Record) error {
	var b []byte
	return func(line *record.Record) error {
		b = append(appendLine(b[:0], line), '\n')
		_, err := out.Write(b)
		return err
	}
}

// csvLines writes lines as CSV. What a spreadsheet would take for a formula is
// made text.
func csvLines(out *bufio.Writer, columns []string) (write func(*record.Record) error, end func() error) {
	c := csv.NewWriter(out)
	head := append([]string{record.Time, record.OwnerField, record.Class}, columns...)
	_ = c.Write(append(head, record.Message)) // into memory; Error tells at the end
	cell := func(s string) string {
		if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
			return "'" + s
		}
		return s
	}
	row := make([]string, len(head)+1)
	write = func(line *record.Record) error {
		row[0], row[1], row[2] = record.TimeValue(line.Time).Text(), line.Owner.String(), line.Class
		for i, name := range columns {
			var all []string
			for v := range line.All(name) {
				all = append(all, v.Text())
			}
			row[3+i] = cell(strings.Join(all, "; "))
		}
		row[len(row)-1] = cell(line.Message)
		return c.Write(row)
	}
	return write, func() error {
		c.Flush()
		if err := c.Error(); err != nil {
			return err
		}
		return out.Flush()
	}
}

// amountItem is how much an owner has of a class and a day.
type amountItem struct {
	Owner  string `json:"owner"`
	Class  string `json:"class"`
	Day    string `json:"day"`
	Lines  int64  `json:"lines"`
	Files  int    `json:"files"`
	Bytes  int64  `json:"bytes"`
	Memory int64  `json:"memory_bytes"`
	Until  string `json:"kept_until"` // day
}

func (f *face) apiAmounts(w http.ResponseWriter, _ *http.Request) error {
	items := []amountItem{}
	for _, a := range f.o.Store.Amounts() {
		items = append(items, amountItem{
			Owner: a.Owner.String(), Class: a.Class, Day: a.Day.Format(time.DateOnly), Lines: a.Lines, Files: a.Files, Bytes: a.Bytes, Memory: a.Memory,
			Until: a.Day.Add(24*time.Hour + f.o.Keeps(a.Owner, a.Class)).Format(time.DateOnly),
		})
	}
	return console.WriteItems(w, items, "")
}

// eraseItem asks for an erasure.
type eraseItem struct {
	Owner  string `json:"owner"` // instance:SLUG or server:SLUG
	Reason string `json:"reason"`
}

// erasedItem is the proof of one.
type erasedItem struct {
	Owner    string    `json:"owner"`
	At       time.Time `json:"at"`
	Lines    int64     `json:"lines"`
	Files    []string  `json:"files"`
	Bytes    int64     `json:"bytes"`
	Days     []string  `json:"days"`
	Segments int       `json:"segments_rewritten"`
	Searched int       `json:"files_searched_after"`
	Left     []string  `json:"left"` // files in which something was found afterwards
}

// apiErase deletes every line of an owner and answers with the proof.
func (f *face) apiErase(w http.ResponseWriter, r *http.Request) error {
	var in eraseItem
	if err := console.ReadJSON(r, &in); err != nil {
		return err
	}
	out, err := f.erased(r.Context(), in.Owner, in.Reason)
	if err != nil {
		return err
	}
	return console.WriteJSON(w, erasedItem{
		Owner: in.Owner, At: out.At, Lines: out.Lines, Files: nonNil(out.Files), Bytes: out.Bytes, Days: nonNil(out.Days), Segments: out.Segments,
		Searched: out.Searched, Left: nonNil(out.Left),
	})
}

func nonNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
)

// seal makes a run that is over the next link of the chain: its hash covers the
// hash of the run that ended before it, all of its own record, and all that it left.
func (o *Office) seal(ctx context.Context, tx *db.Tx, r *Run) error {
	var last []struct {
		Hash string `bun:"hash"`
	}
	// The number is taken first: on PostgreSQL it makes those who end at the
	// same time wait for each other.
	n, err := next(ctx, tx, "record")
	if err != nil {
		return err
	}
	if err := tx.NewRaw(`SELECT hash FROM run_run WHERE seq = ?`, n-1).Scan(ctx, &last); err != nil {
		return fmt.Errorf("read the last record: %w", err)
	}
	r.Seq, r.PrevHash = n, ""
	if len(last) > 0 && n > 1 {
		r.PrevHash = last[0].Hash
	}
	if r.results == "" {
		if r.results, err = digest(ctx, tx, r.ID); err != nil {
			return err
		}
	}
	r.Hash = r.sum(r.results)
	return nil
}

// sum is the hash of a run's record.
func (r Run) sum(results string) string {
	r.Hash, r.Cause = "", clean(r.Cause, maxReason)
	b, err := json.Marshal(struct {
		Run
		Results string
	}{r, results})
	if err != nil {
		panic("run: " + err.Error()) // texts, numbers and times can be written
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// digestForm begins a digest of everything that a run left. Before it, records
// covered their results alone, and their digest has no form.
const digestForm = "2:"

// digest is the hash of all that a run left: results, tasks, hosts and log.
func digest(ctx context.Context, q db.Queryer, run string) (string, error) {
	h := sha256.New()
	for _, table := range []struct {
		query  string
		values int
	}{
		{`SELECT task, host, status, changed, ms, message, diff, at FROM run_result WHERE run = ? ORDER BY task, host`, 8},
		{`SELECT n, play, name, action, path, started_at, ended_at, ok, changed, failed, unreachable, skipped, ignored FROM run_task WHERE run = ? ORDER BY n`, 13},
		{`SELECT host, state, task, ok, changed, failed, unreachable, skipped, ignored FROM run_host WHERE run = ? ORDER BY host`, 9},
		{`SELECT seq, text FROM run_log WHERE run = ? ORDER BY seq`, 2},
	} {
		if err := hashRows(ctx, q, h, table.query, table.values, run); err != nil {
			return "", fmt.Errorf("read what a run left: %w", err)
		}
		_, _ = io.WriteString(h, "\x00")
	}
	return digestForm + hex.EncodeToString(h.Sum(nil)), nil
}

// hashRows writes rows into a hash, the same on both engines.
func hashRows(ctx context.Context, q db.Queryer, h io.Writer, query string, values int, run string) error {
	rows, err := q.QueryContext(ctx, query, run)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	row, at := make([]any, values), make([]any, values)
	for i := range row {
		at[i] = &row[i]
	}
	for rows.Next() {
		if err := rows.Scan(at...); err != nil {
			return err
		}
		for _, v := range row {
			switch v := v.(type) {
			case time.Time:
				_, _ = fmt.Fprintf(h, "%d ", v.UnixMicro()) // what PostgreSQL keeps of a time
			case []byte:
				_, _ = fmt.Fprintf(h, "%q ", v)
			case string:
				_, _ = fmt.Fprintf(h, "%q ", v)
			case bool:
				_, _ = fmt.Fprintf(h, "%t ", v)
			default:
				_, _ = fmt.Fprintf(h, "%v ", v)
			}
		}
		_, _ = io.WriteString(h, "\n")
	}
	return rows.Err()
}

// oldDigest is the hash of the results of a run alone, as records had it first.
func oldDigest(ctx context.Context, q db.Queryer, run string) (string, error) {
	rows, err := q.QueryContext(ctx, `SELECT task, host, status, changed, ms, message, diff FROM run_result WHERE run = ? ORDER BY task, host`, run)
	if err != nil {
		return "", fmt.Errorf("read the results of a run: %w", err)
	}
	defer func() { _ = rows.Close() }()
	h := sha256.New()
	for rows.Next() {
		var task, ms int64
		var host, status, message, diff string
		var changed bool
		if err := rows.Scan(&task, &host, &status, &changed, &ms, &message, &diff); err != nil {
			return "", fmt.Errorf("read the results of a run: %w", err)
		}
		_, _ = fmt.Fprintf(h, "%d %q %q %t %d %q %q\n", task, host, status, changed, ms, message, diff)
	}
	if err := rows.Err(); err != nil {
		return "", fmt.Errorf("read the results of a run: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Verified is what a walk along the chain of records found.
type Verified struct {
	Records int64 // that are what they were when their runs ended
	Broken  int64 // number of the first run whose record is not, or zero
	Missing int64 // records that were written and are gone from the end
}

// Verify walks the chain of records.
func (o *Office) Verify(ctx context.Context) (Verified, error) { return o.VerifyIn(ctx, o.o.DB.Read()) }

// VerifyIn walks the chain as q sees it, such as a transaction.
func (o *Office) VerifyIn(ctx context.Context, q db.Queryer) (Verified, error) {
	var v Verified
	var written int64
	// The count is read first: what ends meanwhile is more, never less.
	if err := q.NewRaw(`SELECT value FROM run_number WHERE name = 'record'`).Scan(ctx, &written); err != nil {
		return v, fmt.Errorf("count records: %w", err)
	}
	prev, old := "", true // records in the old form come before all others
	for {
		runs, err := runsWhere(ctx, q, `seq > ? ORDER BY seq LIMIT 100`, v.Records)
		if err != nil {
			return v, err
		}
		if len(runs) == 0 {
			v.Missing = max(0, written-v.Records)
			return v, nil
		}
		for _, r := range runs {
			results, err := digest(ctx, q, r.ID)
			if err != nil {
				return v, err
			}
			whole := r.Hash == r.sum(results)
			if !whole && old {
				if results, err = oldDigest(ctx, q, r.ID); err != nil {
					return v, err
				}
				whole = r.Hash == r.sum(results)
			} else {
				old = false
			}
			if r.Seq != v.Records+1 || r.PrevHash != prev || !whole {
				v.Broken = r.Number
				return v, nil
			}
			v.Records, prev = r.Seq, r.Hash
		}
	}
}

// Record is a run with all that happened in it, for export.
type Record struct {
	Run     Run
	Hosts   []Host
	Tasks   []Task
	Results []Result
}

// Outline returns a run with its hosts and tasks.
func (o *Office) Outline(ctx context.Context, run string) (Record, error) {
	r, err := o.Get(ctx, run)
	if err != nil {
		return Record{}, err
	}
	rec := Record{Run: r}
	if rec.Hosts, err = hostsOf(ctx, o.o.DB.Read(), r.ID); err != nil {
		return Record{}, err
	}
	rec.Tasks, err = o.Tasks(ctx, r.ID)
	return rec, err
}

// Record returns the whole record of a run, without its log.
func (o *Office) Record(ctx context.Context, run string) (Record, error) {
	rec, err := o.Outline(ctx, run)
	if err != nil {
		return Record{}, err
	}
	for more, after := true, (Result{}); more; {
		var some []Result
		if some, more, err = o.Results(ctx, rec.Run.ID, ResultFilter{After: after, Limit: 1000}); err != nil {
			return Record{}, err
		}
		rec.Results = append(rec.Results, some...)
		if len(some) > 0 {
			after = some[len(some)-1]
		}
	}
	return rec, nil
}

type junitSuite struct {
	XMLName   xml.Name    `xml:"testsuite"`
	Name      string      `xml:"name,attr"`
	Tests     int         `xml:"tests,attr"`
	Failures  int         `xml:"failures,attr"`
	Errors    int         `xml:"errors,attr"`
	Skipped   int         `xml:"skipped,attr"`
	Time      string      `xml:"time,attr"`
	Timestamp string      `xml:"timestamp,attr,omitempty"`
	Cases     []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string       `xml:"classname,attr"` // the host
	Name    string       `xml:"name,attr"`      // the task
	Time    string       `xml:"time,attr"`
	Failure *junitReason `xml:"failure,omitempty"`
	Error   *junitReason `xml:"error,omitempty"`
	Skipped *junitReason `xml:"skipped,omitempty"`
}

type junitReason struct {
	Message string `xml:"message,attr,omitempty"`
	Text    string `xml:",cdata"`
}

// forXML puts U+FFFD in the place of what XML 1.0 has no way to say, such as the
// colours of a terminal.
func forXML(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return '\uFFFD'
		}
		return r
	}, s)
}

// WriteJUnit writes a record in the form that build servers read: a test per
// task and host.
func (rec Record) WriteJUnit(w io.Writer) error {
	seconds := func(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
	s := junitSuite{Name: fmt.Sprintf("%s #%d", rec.Run.Playbook, rec.Run.Number), Tests: len(rec.Results), Time: "0"}
	if !rec.Run.StartedAt.IsZero() {
		s.Timestamp, s.Time = rec.Run.StartedAt.Format("2006-01-02T15:04:05"), seconds(rec.Run.EndedAt.Sub(rec.Run.StartedAt))
	}
	for _, r := range rec.Results {
		c := junitCase{Class: r.Host, Time: seconds(r.Took)}
		if r.Task >= 1 && r.Task <= len(rec.Tasks) {
			c.Name = forXML(rec.Tasks[r.Task-1].Name)
		}
		why := &junitReason{Message: forXML(firstLine(r.Message)), Text: forXML(r.Message)}
		switch r.Status {
		case TaskFailed:
			s.Failures++
			c.Failure = why
		case Unreachable:
			s.Errors++
			c.Error = why
		case Skipped:
			s.Skipped++
			c.Skipped = why
		case OK, Ignored:
		}
		s.Cases = append(s.Cases, c)
	}
	// A run that failed before it came to a task fails the build all the same.
	if rec.Run.State.Over() && rec.Run.State != Succeeded && s.Failures+s.Errors == 0 {
		s.Tests++
		s.Errors++
		s.Cases = append(s.Cases, junitCase{Class: "run", Name: string(rec.Run.State), Time: s.Time, Error: &junitReason{Message: forXML(firstLine(rec.Run.Cause)), Text: forXML(rec.Run.Cause)}})
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", " ")
	return e.Encode(s)
}

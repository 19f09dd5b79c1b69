package logs

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fastjson"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/lib/id"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/elastic"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

//go:embed schema/*.sql
var files embed.FS

// Tables are the tables of this package.
var Tables = db.Schema{Room: "logs", FS: files}

// Bounds of documents: they are a program's notes, not logs.
const (
	documentsKept = 10_000 // newest of an index
	documentBytes = 1 << 20
)

// Documents are indices of which the documents are read, replaced and deleted
// one by one: what programs that search logs remember. All of them are in
// memory, too.
type Documents struct {
	db       *db.DB
	patterns []string
	now      func() time.Time

	mu     sync.Mutex
	loaded bool
	all    map[string]map[string]document // by index and id
	seq    uint64
	writes int
}

type document struct {
	record  record.Record
	body    []byte
	version int64
}

// NewDocuments keeps the indices that patterns name; * is any text.
func NewDocuments(d *db.DB, patterns []string, now func() time.Time) *Documents {
	return &Documents{db: d, patterns: patterns, now: now, all: map[string]map[string]document{}}
}

// Has says whether an index, or what a pattern of indices begins with, is one
// of them.
func (d *Documents) Has(index string) bool {
	return slices.ContainsFunc(d.patterns, func(p string) bool { ok, _ := path.Match(p, index); return ok })
}

func refused(status int, kind, format string, args ...any) error {
	return &elastic.Error{Status: status, Type: kind, Reason: fmt.Sprintf(format, args...)}
}

// Put keeps a document, in the place of one with its id unless it is to be new.
// Without an id it gets one.
func (d *Documents) Put(ctx context.Context, index, docID string, body []byte, isNew bool) (r record.Record, version int64, err error) {
	if len(body) > documentBytes {
		return r, 0, refused(http.StatusRequestEntityTooLarge, "content_too_long_exception", "the document has %d bytes, at most %d", len(body), documentBytes)
	}
	docID = cmp.Or(docID, id.New())
	now := d.now().UTC()
	r, err = documentOf(index, docID, body, now)
	if err != nil {
		return r, 0, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.load(ctx); err != nil {
		return r, 0, err
	}
	was, there := d.all[index][docID]
	if there && isNew {
		return r, 0, refused(http.StatusConflict, "version_conflict_engine_exception", "[%s]: version conflict, document already exists", docID)
	}
	r.Seq, version = d.seq+1, was.version+1
	err = d.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		const q = `
			INSERT INTO log_document (index_name, id, seq, version, at, body)
			VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (index_name, id) DO UPDATE
			SET seq = excluded.seq, version = excluded.version, at = excluded.at, body = excluded.body`
		_, err := tx.NewRaw(q, index, docID, r.Seq, version, now, string(body)).Exec(ctx)
		return err
	})
	if err != nil {
		return r, 0, fmt.Errorf("keep a document of %s: %w", index, err)
	}
	d.seq = r.Seq
	d.remember(index, docID, document{r, body, version})
	if d.writes++; d.writes%256 == 0 {
		return r, version, d.prune(ctx, index)
	}
	return r, version, nil
}

func documentOf(index, docID string, body []byte, at time.Time) (r record.Record, err error) {
	v, err := fastjson.ParseBytes(body)
	if err != nil {
		return r, refused(http.StatusBadRequest, "document_parsing_exception", "failed to parse: the source is no JSON: %v", err)
	}
	if err := record.Document(v, record.Limits{}, &r); err != nil {
		return r, refused(http.StatusBadRequest, "document_parsing_exception", "%v", err)
	}
	if r.Time == 0 {
		r.Time = at.UnixNano()
	}
	r.Index, r.ID, r.Ingested = index, docID, at.UnixNano()
	return r, nil
}

func (d *Documents) remember(index, docID string, one document) {
	if d.all[index] == nil {
		d.all[index] = map[string]document{}
	}
	d.all[index][docID] = one
}

// load reads all documents once. mu is held.
func (d *Documents) load(ctx context.Context) error {
	if d.loaded {
		return nil
	}
	var rows []struct {
		Index   string    `bun:"index_name"`
		ID      string    `bun:"id"`
		Seq     uint64    `bun:"seq"`
		Version int64     `bun:"version"`
		At      time.Time `bun:"at"`
		Body    string    `bun:"body"`
	}
	if err := d.db.Read().NewRaw(`SELECT index_name, id, seq, version, at, body FROM log_document ORDER BY seq`).Scan(ctx, &rows); err != nil {
		return fmt.Errorf("read documents: %w", err)
	}
	for _, row := range rows {
		r, err := documentOf(row.Index, row.ID, []byte(row.Body), row.At)
		if err != nil {
			return fmt.Errorf("the document %s of %s: %w", row.ID, row.Index, err) // it was read when it came
		}
		r.Seq = row.Seq
		d.seq = max(d.seq, row.Seq)
		d.remember(row.Index, row.ID, document{r, []byte(row.Body), row.Version})
	}
	d.loaded = true
	return nil
}

// prune deletes the oldest documents of an index that has too many. mu is held.
func (d *Documents) prune(ctx context.Context, index string) error {
	var seqs []uint64
	for _, one := range d.all[index] {
		seqs = append(seqs, one.record.Seq)
	}
	if len(seqs) <= documentsKept {
		return nil
	}
	slices.Sort(seqs)
	last := seqs[len(seqs)-documentsKept-1]
	return d.delete(ctx, func(i string, one document) bool { return i == index && one.record.Seq <= last })
}

// delete deletes what is chosen. mu is held.
func (d *Documents) delete(ctx context.Context, which func(index string, one document) bool) error {
	type key struct{ index, id string }
	var gone []key
	for index, docs := range d.all {
		for docID, one := range docs {
			if which(index, one) {
				gone = append(gone, key{index, docID})
			}
		}
	}
	if len(gone) == 0 {
		return nil
	}
	err := d.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, k := range gone {
			if _, err := tx.NewRaw(`DELETE FROM log_document WHERE index_name = ? AND id = ?`, k.index, k.id).Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("delete documents: %w", err)
	}
	for _, k := range gone {
		delete(d.all[k.index], k.id)
	}
	return nil
}

// All returns the documents of the indices that match, oldest first.
func (d *Documents) All(ctx context.Context, match func(index string) bool) ([]record.Record, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.load(ctx); err != nil {
		return nil, err
	}
	out := []record.Record{}
	for index, docs := range d.all {
		if match(index) {
			for _, one := range docs {
				out = append(out, one.record)
			}
		}
	}
	slices.SortFunc(out, func(a, b record.Record) int { return cmp.Compare(a.Seq, b.Seq) })
	return out, nil
}

// Body is a document as it was sent.
func (d *Documents) Body(r *record.Record) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.all[r.Index][r.ID].body
}

// Delete deletes documents, as All returned them.
func (d *Documents) Delete(ctx context.Context, docs []record.Record) error {
	chosen := map[string]bool{}
	for i := range docs {
		chosen[docs[i].Index+"\x00"+docs[i].ID] = true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.load(ctx); err != nil {
		return err
	}
	return d.delete(ctx, func(index string, one document) bool { return chosen[index+"\x00"+one.record.ID] })
}

// Erase deletes the documents that name an owner: what was found among its
// lines is its, too.
func (d *Documents) Erase(ctx context.Context, owner record.Owner) (n int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.load(ctx); err != nil {
		return 0, err
	}
	name := []byte(`"` + owner.String() + `"`)
	err = d.delete(ctx, func(_ string, one document) bool {
		if !bytes.Contains(one.body, name) {
			return false
		}
		n++
		return true
	})
	return n, err
}

// validPattern says whether a pattern of indices that are documents takes few:
// logs are never among them by accident.
func validPattern(p string) bool {
	_, err := path.Match(p, "")
	return err == nil && len(strings.TrimRight(p, "*")) >= 3 && strings.IndexByte(strings.TrimRight(p, "*"), '*') < 0
}

// CheckDocuments says which of the patterns are none.
func CheckDocuments(patterns []string) (wrong []string) {
	return slices.DeleteFunc(slices.Clone(patterns), validPattern)
}

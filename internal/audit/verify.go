package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/uptrace/bun"
)

// Report is what Verify found.
type Report struct {
	Entries int64  // how many entries were looked at
	Head    string // hash of the last; who writes it down elsewhere can tell whether the whole trail was exchanged
	Broken  *Break // the first broken row; nil while the trail is whole
}

// Break is the place where the trail was changed.
type Break struct {
	Seq  int64
	ID   string
	What string // a sentence
}

// page is how many entries Verify holds at a time.
const page = 1000

// link is a row of the chain with its payload beside it.
type link struct {
	row
	Salt     *string `bun:"salt"` // nil when the payload's row is missing
	Reason   *string `bun:"reason"`
	Details  *string `bun:"details"`
	ErasedBy *string `bun:"erased_by"`
}

// Verify walks the whole trail and names the first row that is not as it was
// written. An error means that the trail could not be read.
func (l *Log) Verify(ctx context.Context) (Report, error) {
	// One snapshot, so that entries added meanwhile do not look like a break.
	tx, err := l.db.Read().BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return Report{}, fmt.Errorf("verify audit trail: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	r, err := verify(ctx, tx)
	if err != nil {
		return Report{}, fmt.Errorf("verify audit trail: %w", err)
	}
	return r, nil
}

func verify(ctx context.Context, q bun.IDB) (Report, error) {
	var end head
	err := q.NewRaw(`SELECT seq, hash FROM audit_head WHERE one = 1`).Scan(ctx, &end)
	if errors.Is(err, sql.ErrNoRows) {
		return Report{Broken: &Break{What: "the row that holds the end of the trail is missing"}}, nil
	}
	if err != nil {
		return Report{}, err
	}
	w := walk{graves: map[string]*grave{}}
	for w.broken == nil {
		links, err := linksAfter(ctx, q, w.last.Seq)
		if err != nil {
			return Report{}, err
		}
		if len(links) == 0 {
			break
		}
		for _, k := range links {
			if w.step(k); w.broken != nil {
				break
			}
		}
	}
	if w.broken == nil {
		w.finish(end)
	}
	if w.broken == nil {
		if w.broken, err = strayPayload(ctx, q); err != nil {
			return Report{}, err
		}
	}
	return Report{Entries: w.entries, Head: w.last.Hash, Broken: w.broken}, nil
}

func linksAfter(ctx context.Context, q bun.IDB, seq int64) ([]link, error) {
	var links []link
	const text = `
		SELECT e.seq, e.id, e.at, e.actor, e.via, e.verb, e.object, e.payload_hash, e.prev_hash, e.hash,
			p.salt, p.reason, p.details, p.erased_by
		FROM audit_entry e
		LEFT JOIN audit_payload p ON p.entry = e.id
		WHERE e.seq > ?
		ORDER BY e.seq
		LIMIT ?`
	err := q.NewRaw(text, seq, page).Scan(ctx, &links)
	return links, err
}

// strayPayload finds words that belong to no entry: somebody removed one, or
// added words.
func strayPayload(ctx context.Context, q bun.IDB) (*Break, error) {
	var ids []string
	const text = `
		SELECT entry
		FROM audit_payload
		WHERE entry NOT IN (SELECT id FROM audit_entry)
		ORDER BY entry
		LIMIT 1`
	if err := q.NewRaw(text).Scan(ctx, &ids); err != nil || len(ids) == 0 {
		return nil, err
	}
	return &Break{ID: ids[0], What: "there are a reason and details of an entry that does not exist"}, nil
}

// walk is the pure part: it is shown the links in order.
type walk struct {
	last    row
	entries int64
	graves  map[string]*grave // by the id of the entry that erased
	broken  *Break
}

// grave is a set of tombstones, and the entry that must account for it.
type grave struct {
	ids     []string
	seq     int64  // of the first tombstone
	account string // object of the erasing entry; empty until the walk meets it
}

func (w *walk) step(k link) {
	fail := func(format string, args ...any) {
		w.broken = &Break{Seq: k.Seq, ID: k.ID, What: fmt.Sprintf(format, args...)}
	}
	switch {
	case k.Seq != w.last.Seq+1:
		fail("entry %d is missing", w.last.Seq+1)
	case k.PrevHash != w.last.Hash:
		fail("it does not follow the entry before it")
	case k.Hash != k.hash():
		fail("it was changed after it was written")
	case k.Salt == nil:
		fail("its reason and details are missing")
	case *k.ErasedBy != "":
		if *k.Salt != "" || *k.Reason != "" || *k.Details != "{}" {
			fail("it has words although they were erased")
			break
		}
		if w.graves[*k.ErasedBy] == nil {
			w.graves[*k.ErasedBy] = &grave{seq: k.Seq}
		}
		w.graves[*k.ErasedBy].ids = append(w.graves[*k.ErasedBy].ids, k.ID)
	case k.PayloadHash != payload{Salt: *k.Salt, Reason: *k.Reason, Details: *k.Details}.hash():
		fail("its reason or details were changed after they were written")
	}
	if w.broken != nil {
		return
	}
	if g := w.graves[k.ID]; g != nil {
		g.account = k.Object
	}
	w.last = k.row
	w.entries++
}

func (w *walk) finish(end head) {
	if w.last.Seq != end.Seq || w.last.Hash != end.Hash {
		w.broken = &Break{Seq: w.last.Seq, ID: w.last.ID, What: fmt.Sprintf("it is the last entry, but the trail went on to entry %d", end.Seq)}
		if w.last.Seq >= end.Seq {
			w.broken.What = "it is not the entry that the trail ended with"
		}
		return
	}
	for _, by := range slices.Sorted(maps.Keys(w.graves)) {
		g := w.graves[by]
		slices.Sort(g.ids)
		if g.account != tombstones(g.ids) && (w.broken == nil || g.seq < w.broken.Seq) {
			w.broken = &Break{Seq: g.seq, ID: g.ids[0], What: "its words were erased, and no entry accounts for that"}
		}
	}
}

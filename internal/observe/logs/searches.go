package logs

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/lib/id"
)

// Search is a search that a person gave a name. Everybody sees it.
type Search struct {
	ID      string    `bun:"id" json:"id"`
	Name    string    `bun:"name" json:"name"`
	Address string    `bun:"address" json:"address"` // what stands behind /logs?: q, range, col, wrap
	By      string    `bun:"by_whom" json:"by"`
	At      time.Time `bun:"at" json:"at"`
}

// Bounds of saved searches.
const (
	searchesKept = 200
	nameLength   = 80
)

// ErrSearch is a search that cannot be saved; its text is for the person.
var ErrSearch = errors.New("the search cannot be saved")

// Auditor writes down what a person did, in the transaction that does it.
type Auditor interface {
	Record(ctx context.Context, tx *db.Tx, verb, object, reason string, details map[string]any) error
}

// Searches are the saved searches.
type Searches struct {
	db    *db.DB
	audit Auditor
	now   func() time.Time
}

// NewSearches keeps searches in a state.
func NewSearches(d *db.DB, audit Auditor, now func() time.Time) *Searches {
	return &Searches{d, audit, now}
}

// searchKeys are what of an address is kept. Moments are not: a search is asked
// again, not one answer.
var searchKeys = []string{"q", "range", "col", "wrap"}

// Save keeps a search under a name, in the place of the one with that name.
func (s *Searches) Save(ctx context.Context, by, name string, address url.Values) (Search, error) {
	name = strings.Join(strings.Fields(name), " ")
	kept := url.Values{}
	for _, k := range searchKeys {
		if v := slices.DeleteFunc(slices.Clone(address[k]), func(v string) bool { return v == "" }); len(v) > 0 {
			kept[k] = v
		}
	}
	one := Search{ID: id.New(), Name: name, Address: kept.Encode(), By: by, At: s.now().UTC()}
	switch {
	case name == "":
		return one, fmt.Errorf("%w: give it a name", ErrSearch)
	case utf8.RuneCountInString(name) > nameLength:
		return one, fmt.Errorf("%w: its name has %d characters, at most %d", ErrSearch, utf8.RuneCountInString(name), nameLength)
	case len(one.Address) > 8000:
		return one, fmt.Errorf("%w: it is too long", ErrSearch)
	}
	err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var n int
		if err := tx.NewRaw(`SELECT count(*) FROM log_search WHERE name <> ?`, name).Scan(ctx, &n); err != nil {
			return err
		}
		if n >= searchesKept {
			return fmt.Errorf("%w: there are %d already; delete some first", ErrSearch, n)
		}
		const q = `
			INSERT INTO log_search (id, name, address, by_whom, at)
			VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (name) DO UPDATE
			SET address = excluded.address, by_whom = excluded.by_whom, at = excluded.at
			RETURNING id`
		if err := tx.NewRaw(q, one.ID, one.Name, one.Address, one.By, one.At).Scan(ctx, &one.ID); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, "logs.search.save", "search:"+one.Name, "", map[string]any{"address": one.Address})
	})
	return one, err
}

// Delete deletes a search; false says that there is none of that id.
func (s *Searches) Delete(ctx context.Context, searchID string) (found bool, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var names []string
		if err := tx.NewRaw(`DELETE FROM log_search WHERE id = ? RETURNING name`, searchID).Scan(ctx, &names); err != nil || len(names) == 0 {
			return err
		}
		found = true
		return s.audit.Record(ctx, tx, "logs.search.delete", "search:"+names[0], "", nil)
	})
	return found, err
}

// All returns the searches by name.
func (s *Searches) All(ctx context.Context) ([]Search, error) {
	out := []Search{}
	if err := s.db.Read().NewRaw(`SELECT id, name, address, by_whom, at FROM log_search ORDER BY lower(name), name`).Scan(ctx, &out); err != nil {
		return nil, fmt.Errorf("read saved searches: %w", err)
	}
	return out, nil
}

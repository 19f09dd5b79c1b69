package part

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
)

// Part is a file that is known: where it is and what is in it. It holds no file
// open and little memory, so that there can be very many. Its methods may be
// called from several goroutines.
type Part struct {
	path string
	meta Meta
}

// Open reads what a file says of itself. A file that is damaged there is
// ErrDamaged, one of a later version ErrVersion.
func Open(path string) (*Part, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.close()
	return &Part{path, f.meta}, nil
}

// Known is a file of which Write, Merge or an earlier Open told the rest.
func Known(path string, meta Meta) *Part { return &Part{path, meta} }

// Path is where the file is.
func (p *Part) Path() string { return p.path }

// Meta says what is in the file.
func (p *Part) Meta() Meta { return p.meta }

// Fields lists the fields of the lines, without those that every line has and,
// in files with very many, without some that have no column.
func (p *Part) Fields() ([]FieldInfo, error) {
	f, err := open(p.path)
	if err != nil {
		return nil, err
	}
	defer f.close()
	return f.fields(), nil
}

// Search hands the lines that a filter takes to a collector, row group by row
// group, the one with the newest line first. plan is that of the filter, and
// bounds of time are part of both. It reads only groups that may have such
// lines, and of these only the columns that filter and collector ask for, at
// most one group at a time: of a column at most 32 MiB and one line, about 10
// MiB for all of a common query. scanned is added to.
//
// With an error, some lines may be in the collector already.
func (p *Part) Search(ctx context.Context, plan *query.Plan, filter query.Filter, c *query.Collector, scanned *query.Scanned) error {
	f, err := open(p.path)
	if err != nil {
		return err
	}
	defer f.close()
	defer func() { scanned.Bytes += f.read }()
	groups := slices.SortedFunc(slices.Values(f.groups), func(a, b *groupInfo) int { return cmp.Compare(b.most, a.most) })
	some := false
	for _, g := range groups {
		if err := ctx.Err(); err != nil {
			return err
		}
		if c.Done() {
			break
		}
		if c.Skips(g.least, g.most) {
			continue
		}
		x := groupIndex{f: f, g: g}
		if !plan.Possible(&x) {
			continue
		}
		if x.err != nil {
			return x.err
		}
		if !some {
			some = true
			scanned.Files++
		}
		scanned.Rows += int64(g.rows)
		if err := f.search(g, filter, c); err != nil {
			return err
		}
	}
	if !some {
		scanned.Skipped++
	}
	return nil
}

func (f *file) search(g *groupInfo, filter query.Filter, c *query.Collector) error {
	b := f.block(g)
	defer b.release()
	rows := query.Select(filter, b)
	if b.err != nil {
		return b.err
	}
	return c.Block(b, rows)
}

// Verify reads the whole file and compares all sums: nil, or ErrDamaged with the
// first place that is not as it was written.
func (p *Part) Verify(ctx context.Context) error {
	f, err := open(p.path)
	if err != nil {
		return err
	}
	defer f.close()
	const chunk = 64 * blockBytes
	var room []byte
	for at := int64(0); at < f.body; at += chunk {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, room, err = f.bytes(room, at, min(chunk, f.body-at)); err != nil {
			return err
		}
	}
	end, err := f.tail(f.size - f.body)
	if err != nil {
		return err
	}
	s := f.section.append(nil)
	if !bytes.HasPrefix(end, s) {
		return damaged(p.path, f.body, "the section is not as it was written")
	}
	if sum(end[len(s):]) != f.footer {
		return damaged(p.path, f.body+int64(len(s)), "the sum of the footer is wrong")
	}
	if m := f.meta; m != p.meta {
		return fmt.Errorf("%s: it is another file than it was: %w", p.path, ErrDamaged)
	}
	return nil
}

// Possible is false when no line of the file can match what a plan is for.
func (p *Part) Possible(plan *query.Plan) (bool, error) {
	f, err := open(p.path)
	if err != nil {
		return true, err
	}
	defer f.close()
	for _, g := range f.groups {
		x := groupIndex{f: f, g: g}
		if plan.Possible(&x) {
			return true, nil
		}
		if x.err != nil {
			return true, x.err
		}
	}
	return false, nil
}

package part

import (
	"slices"
	"strings"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// block is a row group of an open file. It decodes what it is asked for: whole
// columns for filters, single pages for lines.
type block struct {
	f       *file
	g       *groupInfo
	columns map[string]*query.Column
	byIndex []*query.Column
	pages   []pageCache // by column
	onePage bool        // of a column at most one page is kept
	held    held
	exact   map[string]map[int][]record.Value // by name and row; nil until it is asked for
	err     error

	scratch record.Record
	truth   record.Record
}

// pageCache is what of a column's pages is decoded.
type pageCache struct {
	pages []*query.Column
	held  held // with onePage, of the page kept
	kept  int
}

func (f *file) block(g *groupInfo) *block {
	return &block{f: f, g: g, columns: map[string]*query.Column{}, byIndex: make([]*query.Column, len(f.columns)), pages: make([]pageCache, len(f.columns))}
}

// release gives the memory of all columns back.
func (b *block) release() {
	b.held.release()
	for i := range b.pages {
		b.pages[i].held.release()
	}
	b.columns, b.byIndex, b.pages = nil, nil, nil
}

// Len implements query.Block.
func (b *block) Len() int { return b.g.rows }

// Err implements query.Block.
func (b *block) Err() error { return b.err }

func (b *block) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// Names implements query.Block.
func (b *block) Names() []string {
	var names []string
	for i, c := range b.f.columns {
		if i >= len(firstColumns) && b.g.chunks[i].values > 0 && c.name != restName && c.name != exactName {
			names = append(names, c.name)
		}
	}
	known := len(names)
	add := func(name string) {
		if !record.Reserved(name) && !slices.Contains(names[:known], name) {
			names = append(names, name)
		}
	}
	if b.g.overflow {
		for name := range b.exactly() {
			add(name)
		}
		return names
	}
	for _, n := range b.g.strange {
		add(b.f.strange[n].name)
	}
	return names
}

// Column implements query.Block.
func (b *block) Column(name string) *query.Column {
	c, ok := b.columns[name]
	if !ok {
		c = b.column(name)
		b.columns[name] = c
	}
	return c
}

func (b *block) column(name string) *query.Column {
	if name == restName || name == exactName {
		return b.patched(nil, name)
	}
	c := b.whole(b.f.column(name))
	if name == record.ID {
		c = b.ids(c)
	}
	return b.patched(c, name)
}

// whole decodes a column, as it lies there.
func (b *block) whole(i int) *query.Column {
	if i < 0 || b.g.chunks[i].values == 0 {
		return nil
	}
	if b.byIndex[i] == nil {
		c, err := b.f.decode(b.g, i, 0, len(b.g.pages), &b.held)
		if err != nil {
			b.fail(err)
			return nil
		}
		b.byIndex[i] = c
	}
	return b.byIndex[i]
}

// ids are the documents' names: those the senders gave, and numbers.
func (b *block) ids(given *query.Column) *query.Column {
	seqs := b.Column(record.Seq)
	if seqs == nil {
		return given
	}
	out := &query.Column{Ends: make([]uint32, 1, b.g.rows+1)}
	for row := range b.g.rows {
		r := record.Record{Seq: uint64(seqs.Nums[row])} //nolint:gosec // as it was written
		if given != nil {
			r.ID = given.At(row).Str
		}
		id := r.DocumentID()
		if id == "" {
			if out.Gaps == nil {
				out.Gaps = make([]uint64, (b.g.rows+63)/64)
			}
			out.Gaps[row>>6] |= 1 << (row & 63)
		}
		out.Text = append(out.Text, id...)
		out.Ends = append(out.Ends, uint32(len(out.Text))) //nolint:gosec // groupBytes and a line
	}
	return out
}

// exactly reads the column _exact.
func (b *block) exactly() map[string]map[int][]record.Value {
	if b.exact != nil {
		return b.exact
	}
	b.exact = map[string]map[int][]record.Value{}
	c := b.whole(b.f.column(exactName))
	if c == nil {
		return b.exact
	}
	for row := range b.g.rows {
		v := c.At(row)
		if v.Kind == record.None {
			continue
		}
		if !b.decodeTruth(v.Str) {
			return b.exact
		}
		for _, f := range b.truth.Fields {
			rows := b.exact[f.Name]
			if rows == nil {
				rows = map[int][]record.Value{}
				b.exact[f.Name] = rows
			}
			rows[row] = append(rows[row], f.Value)
		}
	}
	return b.exact
}

func (b *block) decodeTruth(s string) bool {
	if _, err := record.Decode([]byte(s), &b.truth); err != nil {
		b.fail(damaged(b.f.path, b.g.chunks[len(b.g.chunks)-1].at, "the column %q: %v", exactName, err))
		return false
	}
	return true
}

// patched is a column with what it could not hold.
func (b *block) patched(c *query.Column, name string) *query.Column {
	if !b.f.strangeIn(b.g, name) {
		return c
	}
	rows := b.exactly()[name]
	if len(rows) == 0 {
		return c
	}
	if c == nil {
		c = &query.Column{Values: make([]record.Value, b.g.rows)}
	} else {
		own := *c // the one that lines are read of stays as it is
		c = &own
	}
	for row, values := range rows {
		some := make([]record.Value, 0, len(values))
		for _, v := range values {
			if v.Kind != record.None {
				some = append(some, v)
			}
		}
		some = append(some, record.Value{})
		if first := some[0]; c.At(row) != first {
			plain(c, b.g.rows)
			c.Values[row] = first
		}
		if len(some) > 2 {
			if c.More == nil {
				c.More = map[int][]record.Value{}
			}
			c.More[row] = some[1 : len(some)-1]
		}
	}
	return c
}

// Row implements query.Block.
func (b *block) Row(i int, fields []string) record.Record {
	b.read(i, fields, &b.scratch)
	return b.scratch.Clone()
}

// read builds a line of which the texts are good until the block is released
// or, with onePage, another page is read.
func (b *block) read(row int, fields []string, r *record.Record) {
	m := &b.f.meta
	*r = record.Record{Fields: r.Fields[:0]}
	b.truth.Fields = b.truth.Fields[:0]
	if v := b.value(len(b.f.columns)-1, row); v.Kind != record.None {
		b.decodeTruth(v.Str)
	}
	wanted := func(name string) bool { return fields == nil || slices.Contains(fields, name) }
	for i := range b.f.columns {
		c := &b.f.columns[i]
		if i >= len(firstColumns) && (c.name == restName || c.name == exactName || !wanted(c.name) || b.replaced(c.name)) {
			continue
		}
		v := b.value(i, row)
		switch c.name {
		case record.Time:
			r.Time = v.Num
		case record.Ingested:
			r.Ingested = v.Num
		case record.Seq:
			r.Seq = uint64(v.Num) //nolint:gosec // as it was written
		case record.OwnerField:
			r.Owner = m.Owner
		case record.Class:
			r.Class = m.Class
		case record.Index:
			r.Index = v.Str
		case record.ID:
			r.ID = v.Str
		case record.Message:
			r.Message = v.Str
		default:
			if v.Kind != record.None {
				r.Fields = append(r.Fields, record.Field{Name: c.name, Value: v})
			}
		}
	}
	b.replace(r, wanted)
}

// replaced says whether the column _exact has the field of the line.
func (b *block) replaced(name string) bool {
	for i := range b.truth.Fields {
		if b.truth.Fields[i].Name == name {
			return true
		}
	}
	return false
}

// replace puts into a line what the column _exact has of it.
func (b *block) replace(r *record.Record, wanted func(string) bool) {
	some := false
	for _, f := range b.truth.Fields {
		switch f.Name {
		case record.Index:
			r.Index = f.Value.Str
		case record.ID:
			r.ID = f.Value.Str
		case record.Message:
			r.Message = f.Value.Str
		default:
			if wanted(f.Name) {
				r.Fields = append(r.Fields, f)
				some = true
			}
		}
	}
	if some {
		slices.SortStableFunc(r.Fields, func(a, b record.Field) int { return strings.Compare(a.Name, b.Name) })
	}
}

// value is the value of a row, for which its page is decoded and no more.
func (b *block) value(i, row int) record.Value {
	ch := &b.g.chunks[i]
	if ch.values == 0 {
		return record.Value{}
	}
	if c := b.byIndex[i]; c != nil {
		return c.At(row)
	}
	p, _ := slices.BinarySearch(b.g.pages, row+1)
	from := 0
	if p > 0 {
		from = b.g.pages[p-1]
	}
	cache := &b.pages[i]
	if cache.pages == nil {
		cache.pages = make([]*query.Column, len(b.g.pages))
	}
	c := cache.pages[p]
	if c == nil {
		h := &b.held
		if b.onePage {
			cache.held.release()
			cache.pages[cache.kept] = nil
			cache.kept, h = p, &cache.held
		}
		var err error
		if c, err = b.f.decode(b.g, i, p, p+1, h); err != nil {
			b.fail(err)
			return record.Value{}
		}
		cache.pages[p] = c
	}
	return c.At(row - from)
}

var _ query.Block = (*block)(nil)

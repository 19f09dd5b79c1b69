// Package querytest has blocks of lines in memory and makes lines and questions
// at random, for the tests of whoever answers them.
package querytest

import (
	"maps"
	"slices"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Form is how a block keeps its columns.
type Form int

// The forms. Native takes numbers and text where a column has one kind, and
// values where it has several.
const (
	Values Form = iota
	Dict
	Native
	Forms
)

// Block is lines in memory.
type Block struct {
	lines   []record.Record
	form    Form
	columns map[string]*query.Column
	Read    []string // the columns that were asked for, in order
}

var _ query.Block = (*Block)(nil)

// NewBlock returns a block of lines, which it keeps.
func NewBlock(lines []record.Record, form Form) *Block {
	return &Block{lines: lines, form: form, columns: map[string]*query.Column{}}
}

// Len implements query.Block.
func (b *Block) Len() int { return len(b.lines) }

// Err implements query.Block.
func (b *Block) Err() error { return nil }

// Names implements query.Block.
func (b *Block) Names() []string {
	names := map[string]bool{}
	for i := range b.lines {
		for _, f := range b.lines[i].Fields {
			names[f.Name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// Row implements query.Block.
func (b *Block) Row(i int, fields []string) record.Record {
	c := b.lines[i].Clone()
	if fields != nil {
		c.Fields = slices.DeleteFunc(c.Fields, func(f record.Field) bool { return !slices.Contains(fields, f.Name) })
	}
	return c
}

// Column implements query.Block.
func (b *Block) Column(name string) *query.Column {
	if c, ok := b.columns[name]; ok {
		return c
	}
	b.Read = append(b.Read, name)
	c := &query.Column{Values: make([]record.Value, len(b.lines)), More: map[int][]record.Value{}}
	some := false
	for i := range b.lines {
		first := true
		for v := range b.lines[i].All(name) {
			some = true
			if first {
				c.Values[i] = v
			} else {
				c.More[i] = append(c.More[i], v)
			}
			first = false
		}
	}
	if len(c.More) == 0 {
		c.More = nil
	}
	if !some {
		c = nil
	} else {
		switch b.form {
		case Dict:
			c = dict(c)
		case Native:
			c = native(c)
		}
	}
	b.columns[name] = c
	return c
}

func dict(c *query.Column) *query.Column {
	out := &query.Column{Codes: make([]int32, len(c.Values)), More: c.More}
	codes := map[record.Value]int32{}
	for i, v := range c.Values {
		if v.Kind == record.None {
			out.Codes[i] = -1
			continue
		}
		code, ok := codes[v]
		if !ok {
			code = int32(len(out.Dict)) //nolint:gosec // few
			codes[v] = code
			out.Dict = append(out.Dict, v)
		}
		out.Codes[i] = code
	}
	return out
}

func native(c *query.Column) *query.Column {
	kind := record.None
	gaps := make([]uint64, (len(c.Values)+63)/64)
	some := false
	for i, v := range c.Values {
		if v.Kind == record.None {
			gaps[i>>6] |= 1 << (i & 63)
			some = true
			continue
		}
		if kind != record.None && v.Kind != kind || v.Kind == record.JSON {
			return c
		}
		kind = v.Kind
	}
	out := &query.Column{More: c.More}
	if some {
		out.Gaps = gaps
	}
	if kind == record.String {
		out.Ends = []uint32{0}
		for _, v := range c.Values {
			out.Text = append(out.Text, v.Str...)
			out.Ends = append(out.Ends, uint32(len(out.Text))) //nolint:gosec // small
		}
		return out
	}
	out.Kind = kind
	for _, v := range c.Values {
		out.Nums = append(out.Nums, v.Num)
	}
	return out
}

package query

import "github.com/vigie-ops/vigie/internal/observe/logs/record"

// Block is some rows of one place, for collectors that read columns instead of
// lines: a row group of a file, a page of memory. Rows count from 0.
type Block interface {
	Len() int
	// Column returns a field's values; nil when no row has one. It decodes when
	// first asked. Columns are read-only and good as long as the block is.
	Column(name string) *Column
	// Names are the fields that some row has.
	Names() []string
	// Row builds the line of a row, with the fields named or, without names, all.
	Row(i int, fields []string) record.Record
}

// Column is a field's values in a block, in one of two forms: coded, with a
// dictionary of distinct values, or plain.
type Column struct {
	// Dict, when not nil, holds the distinct values; Codes says for each row
	// which, -1 for none.
	Dict  []record.Value
	Codes []int32
	// Values is the plain form: a value a row, of kind None where there is none.
	Values []record.Value
	// More holds what rows have beyond their first value: arrays. Nil mostly.
	More map[int][]record.Value
}

// At returns the first value of a row.
func (c *Column) At(row int) record.Value {
	if c.Dict != nil {
		if code := c.Codes[row]; code >= 0 {
			return c.Dict[code]
		}
		return record.Value{}
	}
	return c.Values[row]
}

// Each yields all values of a row.
func (c *Column) Each(row int, yield func(record.Value)) {
	if v := c.At(row); v.Kind != record.None {
		yield(v)
		for _, v := range c.More[row] {
			yield(v)
		}
	}
}

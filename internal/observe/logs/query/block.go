package query

import (
	"unsafe"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Block is some rows of one place, for collectors that read columns instead of
// lines: a row group of a file, a page of memory. Rows count from 0. A block and
// its columns live until Collector.Block returns, then their memory is used
// again: whoever keeps a string of them clones it.
type Block interface {
	Len() int
	// Column returns a field's values, the reserved fields' too; nil when no row
	// has one. It decodes when first asked. What it returns is read-only.
	Column(name string) *Column
	// Names are the fields that some row has, in no order.
	Names() []string
	// Row builds the line of a row, with the fields named or, without names, all.
	// The line is the caller's to keep.
	Row(i int, fields []string) record.Record
	// Err says why columns could not be read: those are as if no row had a
	// value. Collectors return it after their last use of the block.
	Err() error
}

// Column is a field's values in a block, in one of four forms: coded, with a
// dictionary of distinct values; numbers; text; or plain, whatever the kinds.
// The place that belongs to the form is set, the others are nil.
type Column struct {
	// Dict holds the distinct values; Codes says for each row which, -1 for none.
	Dict  []record.Value
	Codes []int32

	// Nums holds what a Value of Kind has as its Num: a number a row.
	Kind record.Kind
	Nums []int64

	// Text holds strings one after the other, so that all can be searched at
	// once: row i has Text[Ends[i]:Ends[i+1]], and Ends one more than rows. A
	// match that crosses an end is none.
	Text []byte
	Ends []uint32

	// Values is the plain form: a value a row, of kind None where there is none.
	Values []record.Value

	// Gaps, of the forms numbers and text, has bit row%64 of word row/64 set where
	// a row has no value; nil where every row has one.
	Gaps []uint64

	// More holds what rows have beyond their first value: arrays. Nil mostly.
	More map[int][]record.Value
}

// At returns the first value of a row, of kind None where there is none.
func (c *Column) At(row int) record.Value {
	switch {
	case c.Codes != nil:
		if code := c.Codes[row]; code >= 0 {
			return c.Dict[code]
		}
		return record.Value{}
	case c.Values != nil:
		return c.Values[row]
	case c.Gap(row):
		return record.Value{}
	case c.Ends != nil:
		b := c.Text[c.Ends[row]:c.Ends[row+1]]
		return record.Value{Kind: record.String, Str: unsafe.String(unsafe.SliceData(b), len(b))} //nolint:gosec // the column is read-only
	case c.Nums != nil:
		return record.Value{Kind: c.Kind, Num: c.Nums[row]}
	}
	return record.Value{}
}

// Gap says whether a row of numbers or text has no value.
func (c *Column) Gap(row int) bool {
	return c.Gaps != nil && c.Gaps[row>>6]&(1<<(row&63)) != 0
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

package part

import (
	"context"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Order is that in which Each reads lines.
type Order int

// The orders.
const (
	AsWritten   Order = iota // by service, then time
	OldestFirst              // by time
	NewestFirst
)

// Each hands over the lines of times from <= t < to; zero is open. Of a line it
// reads the fields named or, with nil, all; what is no field of Fields in any
// case. The line is only good until f
// returns. It stops at the first error of f and returns it.
//
// In memory it has one page of each column: a page is at most 8,192 lines or
// 4 MiB of text and one line. The orders by time have, packed, some lines of
// each service beside it; see run.
func (p *Part) Each(ctx context.Context, fields []string, from, to int64, order Order, f func(*record.Record) error) error {
	if from != 0 && p.meta.MaxTime < from || to != 0 && p.meta.MinTime >= to {
		return nil
	}
	file, err := open(p.path)
	if err != nil {
		return err
	}
	defer file.close()
	if order == AsWritten {
		return file.inOrder(ctx, fields, from, to, f)
	}
	return file.byTime(ctx, fields, from, to, order == NewestFirst, f)
}

func (f *file) inOrder(ctx context.Context, fields []string, from, to int64, yield func(*record.Record) error) error {
	c := f.cursor(ctx, fields)
	defer c.close()
	for {
		r, err := c.next()
		if r == nil || err != nil {
			return err
		}
		if from != 0 && r.Time < from || to != 0 && r.Time >= to {
			continue
		}
		if err := yield(r); err != nil {
			return err
		}
	}
}

// cursor reads a file line by line, in its order.
type cursor struct {
	ctx    context.Context
	f      *file
	fields []string
	group  int
	row    int
	block  *block
	line   record.Record
}

func (f *file) cursor(ctx context.Context, fields []string) *cursor {
	return &cursor{ctx: ctx, f: f, fields: fields}
}

// next returns the next line, which is good until the next call; nil at the end.
func (c *cursor) next() (*record.Record, error) {
	for c.block == nil || c.row == c.block.g.rows {
		c.close()
		if c.group == len(c.f.groups) {
			return nil, nil //nolint:nilnil // the end is no error
		}
		c.block = c.f.block(c.f.groups[c.group])
		c.block.onePage = true
		c.group++
		c.row = 0
	}
	if c.row%1024 == 0 {
		if err := c.ctx.Err(); err != nil {
			return nil, err
		}
	}
	c.block.read(c.row, c.fields, &c.line)
	c.row++
	if err := c.block.err; err != nil {
		return nil, err
	}
	return &c.line, nil
}

func (c *cursor) close() {
	if c.block != nil {
		c.block.release()
		c.block = nil
	}
}

package logstore

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// memory is the lines of one place that are in no file yet.
type memory struct {
	chunks   []*chunk // filled at the end, written and dropped at the beginning
	lines    int
	bytes    int64
	first    time.Time      // when the first of them came
	last     time.Time      // when the last came
	segments map[uint64]int // of the write-ahead log, with how many of the lines
}

// chunk is some lines one after the other. What was added never changes, so
// that a slice of it can be read while more is added.
type chunk struct {
	text   []byte
	lines  []ref
	sealed bool
	closed bool // it gets no more lines
	marks  atomic.Pointer[marks]
}

// ref is a line of a chunk.
type ref struct {
	at, n   uint32
	time    int64
	seq     uint64
	segment uint64
}

// The size of chunks.
const (
	chunkLines = 4096
	chunkBytes = 1 << 20
)

// refBytes is what a line takes in memory beside its text.
const refBytes = int64(unsafe.Sizeof(ref{}))

// remember puts lines of the log into memory, from where they are found.
func (s *Store) remember(segment uint64, text []byte, lines []line) {
	if len(lines) == 0 {
		return
	}
	now := s.o.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	var m *memory
	var at place
	for i := range lines {
		l := &lines[i]
		if m == nil || l.place != at {
			at = l.place
			if m = s.mem[at]; m == nil {
				at.owner.Kind, at.owner.Slug, at.class = strings.Clone(at.owner.Kind), strings.Clone(at.owner.Slug), strings.Clone(at.class)
				m = &memory{first: now, segments: map[uint64]int{}}
				s.mem[at] = m
			}
		}
		m.add(segment, text[l.at:l.at+l.n], l)
		s.bytes += int64(l.n) + refBytes
		m.last = now
	}
	for t := range s.tails {
		t.offer(text, lines)
	}
	if s.bytes > s.o.Memory {
		s.wake()
	}
	if s.stopMerge != nil && s.bytes > s.o.Memory*3/2 {
		s.stopMerge() // files come first
	}
}

func (m *memory) add(segment uint64, text []byte, l *line) {
	var c *chunk
	if n := len(m.chunks); n > 0 {
		c = m.chunks[n-1]
	}
	if c == nil || c.sealed || len(c.lines) >= chunkLines || len(c.text)+len(text) > chunkBytes && len(c.lines) > 0 {
		if c != nil {
			c.closed = true
		}
		c = &chunk{}
		m.chunks = append(m.chunks, c)
	}
	c.lines = append(c.lines, ref{uint32(len(c.text)), uint32(len(text)), l.time, l.seq, segment}) //nolint:gosec // bounded by chunkBytes and one line
	c.text = append(c.text, text...)
	m.lines++
	m.bytes += int64(len(text)) + refBytes
	m.segments[segment]++
}

// waitForRoom waits while memory is full.
func (s *Store) waitForRoom(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bytes <= fullAt*s.o.Memory {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, roomWait)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { s.mu.Lock(); s.room.Broadcast(); s.mu.Unlock() })
	defer stop()
	for s.bytes > fullAt*s.o.Memory {
		if ctx.Err() != nil {
			return record.ErrBusy
		}
		s.wake()
		s.room.Wait()
	}
	return nil
}

// fullAt is how many times the memory that files are written at is taken before
// senders wait.
const fullAt = 2

// roomWait is how long a batch waits for memory.
const roomWait = 5 * time.Second

// view is lines of a chunk as they are at one moment; it is a query.Block.
type view struct {
	place    place
	text     []byte
	lines    []ref
	from, to int64  // times, both ends in it
	closed   *chunk // that it is the whole of, and that gets no more lines; nil otherwise

	columns map[string]*query.Column
	names   []string
	failed  error
}

// views returns what is in memory of places that are wanted.
func (s *Store) views(want func(place) bool, from, to int64) (out []*view) {
	for at, m := range s.mem {
		if !want(at) {
			continue
		}
		for _, c := range m.chunks {
			if v := newView(at, c); (from == 0 || v.to >= from) && (to == 0 || v.from < to) {
				out = append(out, v)
			}
		}
	}
	return out
}

func newView(at place, c *chunk) *view {
	v := &view{place: at, text: c.text[:len(c.text):len(c.text)], lines: c.lines[:len(c.lines):len(c.lines)]}
	if c.closed {
		v.closed = c
	}
	for i, l := range v.lines {
		if i == 0 {
			v.from, v.to = l.time, l.time
		}
		v.from, v.to = min(v.from, l.time), max(v.to, l.time)
	}
	return v
}

// Len implements query.Block.
func (v *view) Len() int { return len(v.lines) }

// Err implements query.Block.
func (v *view) Err() error { return v.failed }

func (v *view) line(i int) []byte { l := v.lines[i]; return v.text[l.at : l.at+l.n] }

func (v *view) peek(i int) record.Peek {
	p, err := record.PeekAt(v.line(i))
	if err != nil {
		v.failed = err // memory does not change; it is a mistake in the program
	}
	return p
}

// Row implements query.Block.
func (v *view) Row(i int, fields []string) record.Record {
	var r record.Record
	if _, err := record.Decode(v.line(i), &r); err != nil {
		v.failed = err
		return record.Record{}
	}
	if fields != nil {
		r.Fields = slices.DeleteFunc(r.Fields, func(f record.Field) bool { return !slices.Contains(fields, f.Name) })
	}
	return r.Clone()
}

// Names implements query.Block.
func (v *view) Names() []string {
	if v.names == nil {
		v.all()
	}
	return v.names
}

// all reads all columns of fields at once.
func (v *view) all() {
	if v.columns == nil {
		v.columns = map[string]*query.Column{}
	}
	v.names = []string{}
	fresh := map[string]*query.Column{}
	for row := range v.lines {
		p := v.peek(row)
		p.Fields(func(name string, value record.Value) bool {
			c := fresh[name]
			if c == nil {
				c = &query.Column{Values: make([]record.Value, len(v.lines))}
				fresh[name] = c
				v.names = append(v.names, name)
			}
			put(c, row, value)
			return true
		})
	}
	for name, c := range fresh {
		v.columns[name] = c
	}
}

func put(c *query.Column, row int, value record.Value) {
	if c.Values[row].Kind == record.None {
		c.Values[row] = value
		return
	}
	if c.More == nil {
		c.More = map[int][]record.Value{}
	}
	c.More[row] = append(c.More[row], value)
}

// Column implements query.Block.
func (v *view) Column(name string) *query.Column {
	if c, ok := v.columns[name]; ok {
		return c
	}
	if v.columns == nil {
		v.columns = map[string]*query.Column{}
	}
	var c *query.Column
	switch name {
	case record.Time:
		c = &query.Column{Kind: record.Moment, Nums: make([]int64, len(v.lines))}
		for i, l := range v.lines {
			c.Nums[i] = l.time
		}
	case record.Seq:
		c = &query.Column{Kind: record.Int, Nums: make([]int64, len(v.lines))}
		for i, l := range v.lines {
			c.Nums[i] = int64(l.seq) //nolint:gosec // counts from one
		}
	case record.Message:
		c = v.messages()
	case record.OwnerField:
		c = v.same(record.StringValue(v.place.owner.String()))
	case record.Class:
		c = v.same(record.StringValue(v.place.class))
	case record.Ingested, record.Index, record.ID:
		c = v.reserved(name)
	default:
		if v.names == nil {
			c = v.field(name)
		}
	}
	v.columns[name] = c
	return c
}

func (v *view) same(value record.Value) *query.Column {
	return &query.Column{Dict: []record.Value{value}, Codes: make([]int32, len(v.lines))}
}

func (v *view) messages() *query.Column {
	c := &query.Column{Ends: make([]uint32, 1, len(v.lines)+1)}
	for row := range v.lines {
		m := v.peek(row).Message
		if m == "" {
			if c.Gaps == nil {
				c.Gaps = make([]uint64, (len(v.lines)+63)/64)
			}
			c.Gaps[row>>6] |= 1 << (row & 63)
		}
		c.Text = append(c.Text, m...)
		c.Ends = append(c.Ends, uint32(len(c.Text))) //nolint:gosec // bounded by the chunk
	}
	return c
}

func (v *view) reserved(name string) *query.Column {
	c := &query.Column{Values: make([]record.Value, len(v.lines))}
	some := false
	for row := range v.lines {
		p := v.peek(row)
		switch name {
		case record.Ingested:
			c.Values[row] = record.TimeValue(p.Ingested)
		case record.Index:
			if p.Index != "" {
				c.Values[row] = record.StringValue(p.Index)
			}
		case record.ID:
			r := record.Record{ID: p.ID, Seq: p.Seq}
			c.Values[row] = record.StringValue(r.DocumentID())
		}
		some = some || c.Values[row].Kind != record.None
	}
	if !some {
		return nil
	}
	return c
}

func (v *view) field(name string) *query.Column {
	var c *query.Column
	for row := range v.lines {
		p := v.peek(row)
		p.Field(name, func(value record.Value) bool {
			if c == nil {
				c = &query.Column{Values: make([]record.Value, len(v.lines))}
			}
			put(c, row, value)
			return true
		})
	}
	return c
}

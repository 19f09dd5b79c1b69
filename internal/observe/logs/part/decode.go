package part

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/rle"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Memory for what is decoded is used again and again.
type pool[T any] struct{ p sync.Pool }

// get returns a slice of length n, with whatever is in it.
func (p *pool[T]) get(n int) *[]T {
	if s, ok := p.p.Get().(*[]T); ok {
		if cap(*s) >= n {
			*s = (*s)[:n]
			return s
		}
	}
	s := make([]T, n, max(n, 1024))
	return &s
}

// keptRoom is the largest piece of memory that is kept.
const keptRoom = 16 << 20

func (p *pool[T]) put(s *[]T) {
	if cap(*s) <= keptRoom {
		p.p.Put(s)
	}
}

var (
	bytePool  pool[byte]
	pagePool  pool[byte]
	int64Pool pool[int64]
	int32Pool pool[int32]
	endPool   pool[uint32]
)

// held is the memory of columns.
type held struct {
	bytes  []*[]byte
	int64s []*[]int64
	int32s []*[]int32
	ends   []*[]uint32
}

func (h *held) release() {
	for _, s := range h.bytes {
		bytePool.put(s)
	}
	for _, s := range h.int64s {
		int64Pool.put(s)
	}
	for _, s := range h.int32s {
		int32Pool.put(s)
	}
	for _, s := range h.ends {
		endPool.put(s)
	}
	*h = held{h.bytes[:0], h.int64s[:0], h.int32s[:0], h.ends[:0]}
}

func (h *held) text(n int) []byte {
	s := bytePool.get(n)
	h.bytes = append(h.bytes, s)
	return (*s)[:0:n]
}

func (h *held) nums(n int) []int64 {
	s := int64Pool.get(n)
	h.int64s = append(h.int64s, s)
	return (*s)[:n:n]
}

func (h *held) codes(n int) []int32 {
	s := int32Pool.get(n)
	h.int32s = append(h.int32s, s)
	return (*s)[:n:n]
}

func (h *held) offsets(n int) []uint32 {
	s := endPool.get(n)
	h.ends = append(h.ends, s)
	return (*s)[:n:n]
}

var zstdDecoders = sync.Pool{New: func() any {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxChunk))
	if err != nil { // the options are ours
		panic(err)
	}
	return d
}}

// unpack decompresses a page.
func unpack(b []byte, p page, room []byte) ([]byte, error) {
	d := zstdDecoders.Get().(*zstd.Decoder)
	defer zstdDecoders.Put(d)
	out, err := d.DecodeAll(b[p.head:p.size], room[:0])
	if err == nil && len(out) != p.raw {
		err = fmt.Errorf("%d bytes instead of %d", len(out), p.raw)
	}
	return out, err
}

// decode decodes the pages from first to before last of a column in a row
// group. The memory is h's.
func (f *file) decode(g *groupInfo, i, first, last int, h *held) (c *query.Column, err error) {
	ch := &g.chunks[i]
	defer func() {
		// The sums were right, so this is a file that somebody made.
		if r := recover(); r != nil {
			c, err = nil, damaged(f.path, ch.at, "the column %q: %v", f.columns[i].name, r)
		}
	}()
	from, rows := 0, g.pages[last-1]
	if first > 0 {
		from = g.pages[first-1]
		rows -= from
	}
	d := decoder{kind: f.columns[i].kind, chunk: ch, optional: !f.columns[i].required, full: ch.values == g.rows, rows: rows, held: h}
	at, size := ch.at+int64(ch.dict.size), int64(0)
	for j, p := range ch.pages[:last] {
		if j < first {
			at += int64(p.size)
			continue
		}
		size += int64(p.size)
		d.raw += p.raw
	}
	packed, raw := pagePool.get(0), pagePool.get(0)
	defer pagePool.put(packed)
	defer pagePool.put(raw)
	if first == 0 {
		at, size = ch.at, size+int64(ch.dict.size)
	} else if ch.enc == encDict {
		b, used, err := f.bytes(*packed, ch.at, int64(ch.dict.size))
		*packed = used
		if err != nil {
			return nil, err
		}
		if err := d.dictionary(b, raw); err != nil {
			return nil, damaged(f.path, ch.at, "the dictionary of %q: %v", f.columns[i].name, err)
		}
	}
	b, used, err := f.bytes(*packed, at, size)
	*packed = used
	if err != nil {
		return nil, err
	}
	if first == 0 && ch.enc == encDict {
		if err := d.dictionary(b, raw); err != nil {
			return nil, damaged(f.path, ch.at, "the dictionary of %q: %v", f.columns[i].name, err)
		}
		b = b[ch.dict.size:]
	}
	d.begin()
	for j := first; j < last; j++ {
		p := ch.pages[j]
		if *raw, err = unpack(b, p, *raw); err == nil {
			err = d.page(*raw, g.pages[j]-from)
		}
		if err != nil {
			return nil, damaged(f.path, at, "page %d of %q: %v", j, f.columns[i].name, err)
		}
		b = b[p.size:]
	}
	return d.end(), nil
}

// decoder puts the pages of a column together.
type decoder struct {
	kind     kind
	chunk    *chunk
	optional bool
	full     bool // every row has a value
	rows     int
	raw      int // bytes of all pages
	held     *held

	at     int // rows that are done
	levels []uint8
	gaps   []uint64
	dict   []record.Value
	codes  []int32
	nums   []int64
	text   []byte
	ends   []uint32
}

func (d *decoder) dictionary(b []byte, raw *[]byte) error {
	var err error
	if *raw, err = unpack(b, d.chunk.dict, *raw); err != nil {
		return err
	}
	p := *raw
	if d.chunk.entries > len(p)/4 {
		return fmt.Errorf("%d entries in %d bytes", d.chunk.entries, len(p))
	}
	d.dict = make([]record.Value, 0, d.chunk.entries)
	if !d.kind.bytewise() {
		for ; len(p) >= 8; p = p[8:] {
			d.dict = append(d.dict, d.kind.value(int64(binary.LittleEndian.Uint64(p)))) //nolint:gosec // bits
		}
	} else {
		text := append(d.held.text(len(p)), p...)
		for len(text) >= 4 {
			n := binary.LittleEndian.Uint32(text)
			d.dict = append(d.dict, record.Value{Kind: d.kind.record(), Str: view(text[4 : 4+n])})
			text = text[4+n:]
		}
	}
	if len(d.dict) != d.chunk.entries {
		return fmt.Errorf("%d entries instead of %d", len(d.dict), d.chunk.entries)
	}
	return nil
}

// begin makes room.
func (d *decoder) begin() {
	switch {
	case d.chunk.enc == encDict:
		d.codes = d.held.codes(d.rows)
	case d.kind.bytewise():
		d.text = d.held.text(d.raw)
		d.ends = d.held.offsets(d.rows + 1)
		d.ends[0] = 0
	default:
		d.nums = d.held.nums(d.rows)
	}
	if !d.full {
		d.gaps = make([]uint64, (d.rows+63)/64)
	}
}

// page takes in the rows up to end.
func (d *decoder) page(b []byte, end int) error {
	n := end - d.at
	values := n
	if d.optional {
		size := int(binary.LittleEndian.Uint32(b))
		if !d.full {
			var err error
			if !runsHold(b[4:4+size], 1, n) {
				return fmt.Errorf("not the levels of %d rows", n)
			}
			if d.levels, err = levels1.DecodeLevels(d.levels, b[4:4+size]); err != nil {
				return err
			}
			d.levels = d.levels[:n]
			values = 0
			for i, l := range d.levels {
				values += int(l)
				d.gaps[(d.at+i)>>6] |= uint64(1-l) << ((d.at + i) & 63)
			}
		}
		b = b[4+size:]
	}
	got, err := d.values(b, n, values)
	if err != nil {
		return err
	}
	if got != values {
		return fmt.Errorf("%d values instead of %d", got, values)
	}
	d.at = end
	return nil
}

// values decodes the values of n rows and says how many there were.
func (d *decoder) values(b []byte, n, values int) (got int, err error) {
	switch {
	case d.codes != nil:
		return d.pageCodes(b, n, values)
	case d.ends != nil:
		return d.pageText(b, n, values)
	}
	out := d.nums[d.at : d.at+n : d.at+n]
	switch {
	case d.chunk.enc == encDelta:
		if values > 0 {
			room := d.nums[d.at:d.at:d.rows]
			if !deltaHolds(b, values) {
				return 0, nil
			}
			nums, err := parquet.DeltaBinaryPacked.DecodeInt64(room, b)
			if err != nil {
				return 0, err
			}
			got = min(len(nums), n)
			if got > 0 && &out[0] != &nums[0] {
				copy(out, nums)
			}
		}
	case d.kind == kindBool:
		for i := range min(values, 8*len(b)) {
			out[i] = int64(b[i/8] >> (i % 8) & 1)
			got++
		}
	default:
		for i := range min(values, len(b)/8) {
			out[i] = int64(binary.LittleEndian.Uint64(b[i*8:])) //nolint:gosec // bits
			got++
		}
	}
	if got == values {
		spread(out, d.levels, got, d.full, 0)
	}
	return got, nil
}

// spread moves the first n of values to the rows that have one.
func spread[T any](rows []T, levels []uint8, n int, full bool, none T) {
	if full || n == len(rows) {
		return
	}
	for i := len(rows) - 1; i >= 0; i-- {
		if levels[i] == 0 {
			rows[i] = none
			continue
		}
		n--
		rows[i] = rows[n]
	}
}

func (d *decoder) pageCodes(b []byte, n, values int) (int, error) {
	if values == 0 {
		spread(d.codes[d.at:d.at+n], d.levels, 0, d.full, -1)
		return 0, nil
	}
	width := int(b[0])
	if width > bits.Len(maxDict) {
		return 0, fmt.Errorf("codes of %d bits", width)
	}
	if !runsHold(b[1:], width, values) {
		return 0, nil
	}
	codes, err := (&rle.Encoding{BitWidth: width}).DecodeInt32(d.codes[d.at:d.at:d.rows], b[1:])
	if err != nil || len(codes) < values {
		return len(codes), err
	}
	out := d.codes[d.at : d.at+n]
	copy(out, codes[:values])
	for _, c := range out[:values] {
		if int(c) >= len(d.dict) || c < 0 {
			return 0, fmt.Errorf("code %d of %d", c, len(d.dict))
		}
	}
	spread(out, d.levels, values, d.full, -1)
	return values, nil
}

func (d *decoder) pageText(b []byte, n, values int) (int, error) {
	ends := d.ends[d.at+1 : d.at+1+n]
	base := uint32(len(d.text)) //nolint:gosec // groupBytes and a line
	if values == 0 {
		for i := range ends {
			ends[i] = base
		}
		return 0, nil
	}
	if !deltaHolds(b, values) {
		return 0, nil
	}
	offsets := endPool.get(0)
	defer endPool.put(offsets)
	text, all, err := parquet.DeltaLengthByteArray.DecodeByteArray(d.text[len(d.text):], b, *offsets)
	*offsets = all
	if err != nil || len(all) != values+1 {
		return len(all) - 1, err
	}
	if room := d.text[len(d.text):cap(d.text)]; len(text) > 0 && len(room) >= len(text) && &room[0] == &text[0] {
		d.text = d.text[:len(d.text)+len(text)] // it was decoded in its place
	} else {
		d.text = append(d.text, text...)
	}
	if d.full || values == n {
		for i := range ends {
			ends[i] = base + all[i+1]
		}
		return values, nil
	}
	v := 0
	for i, l := range d.levels {
		v += int(l)
		ends[i] = base + all[v]
	}
	return values, nil
}

// end is the column.
func (d *decoder) end() *query.Column {
	c := &query.Column{Gaps: d.gaps}
	switch {
	case d.codes != nil:
		c.Dict, c.Codes, c.Gaps = d.dict, d.codes, nil
	case d.kind == kindText || d.kind == kindBytes:
		c.Text, c.Ends = d.text, d.ends
	case d.kind == kindJSON:
		text := query.Column{Text: d.text, Ends: d.ends, Gaps: d.gaps}
		plain(&text, d.rows)
		for i := range text.Values {
			if text.Values[i].Kind == record.String {
				text.Values[i].Kind = record.JSON
			}
		}
		return &text
	case d.kind == kindFloat && !d.broken():
		c = &query.Column{Values: make([]record.Value, d.rows)}
		for i, n := range d.nums {
			if d.gaps == nil || d.gaps[i>>6]&(1<<(i&63)) == 0 {
				c.Values[i] = floatOf(n)
			}
		}
	default:
		c.Kind, c.Nums = d.kind.record(), d.nums
	}
	return c
}

// broken says that all numbers are fractions: then they are of one kind.
func (d *decoder) broken() bool {
	for i, n := range d.nums {
		if (d.gaps == nil || d.gaps[i>>6]&(1<<(i&63)) == 0) && floatOf(n).Kind != record.Float {
			return false
		}
	}
	return true
}

// plain puts a column in the form that holds anything.
func plain(c *query.Column, rows int) {
	if c.Values != nil {
		return
	}
	values := make([]record.Value, rows)
	for i := range values {
		values[i] = c.At(i)
	}
	*c = query.Column{Values: values, More: c.More}
}

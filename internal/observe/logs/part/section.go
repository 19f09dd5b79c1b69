package part

import (
	"encoding/binary"
	"hash/crc32"
	"unique"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// version is the form of files that this program writes.
//
//	1  as the package says
const version = 1

// The section ends with its length, its sum and a mark, so that it is found
// from the footer on.
const (
	sectionMagic = "vgP1"
	sectionTail  = 12
	// blockBytes is how much of a file has a sum of its own: what is read at
	// least.
	blockBytes = 8192
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func sum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

type columnInfo struct {
	field
	required bool
	values   int64 // of all groups
}

// The columns that every file has: those of the lines' own places, and behind
// the fields those for what has no column.
var (
	firstColumns = []columnInfo{
		{field: field{record.Time, kindTime}, required: true},
		{field: field{record.Ingested, kindTime}},
		{field: field{record.Seq, kindInt}, required: true},
		{field: field{record.OwnerField, kindText}},
		{field: field{record.Class, kindText}},
		{field: field{record.Index, kindText}},
		{field: field{record.ID, kindText}},
		{field: field{record.Message, kindText}},
	}
	lastColumns = []columnInfo{{field: field{restName, kindText}}, {field: field{exactName, kindBytes}}}
)

type nameCount struct {
	name string
	kind record.Kind // of one of its values
	n    int64       // lines
}

type groupInfo struct {
	rows        int
	least, most int64 // times
	pages       []int // rows at which they end
	chunks      []chunk
	bloomAt     int64
	bloomSize   int
	strange     []int // of section.strange
	overflow    bool  // it has strange fields that are not listed
}

// section is what a file says of itself.
type section struct {
	meta    Meta
	columns []columnInfo
	strange []nameCount // fields with values in _exact
	groups  []*groupInfo
	body    int64 // where the section begins
	sums    []uint32
	footer  uint32 // sum
}

// append writes the section with its tail.
func (s *section) append(b []byte) []byte {
	start := len(b)
	b = append(b, version)
	for _, t := range []string{s.meta.Owner.Kind, s.meta.Owner.Slug, s.meta.Class, s.meta.Day} {
		b = appendText(b, t)
	}
	b = binary.AppendUvarint(b, uint64(s.meta.Lines)) //nolint:gosec // a count
	b = binary.AppendVarint(b, s.meta.MinTime)
	b = binary.AppendVarint(b, s.meta.MaxTime)
	b = binary.AppendUvarint(b, s.meta.MinSeq)
	b = binary.AppendUvarint(b, s.meta.MaxSeq)
	b = appendInt(b, len(s.columns))
	for _, c := range s.columns {
		b = appendText(b, c.name)
		b = append(b, byte(c.kind), flag(c.required))
		b = appendInt(b, int(c.values))
	}
	b = appendInt(b, len(s.strange))
	for _, n := range s.strange {
		b = appendText(b, n.name)
		b = append(b, byte(n.kind))
		b = appendInt(b, int(n.n))
	}
	b = appendInt(b, len(s.groups))
	for _, g := range s.groups {
		b = g.append(b)
	}
	b = appendInt(b, int(s.body))
	b = appendInt(b, len(s.sums))
	for _, c := range s.sums {
		b = binary.LittleEndian.AppendUint32(b, c)
	}
	b = binary.LittleEndian.AppendUint32(b, s.footer)
	own := b[start:]
	b = binary.LittleEndian.AppendUint32(b, uint32(len(own))) //nolint:gosec // a section
	b = binary.LittleEndian.AppendUint32(b, sum(own))
	return append(b, sectionMagic...)
}

func (g *groupInfo) append(b []byte) []byte {
	b = appendInt(b, g.rows)
	b = binary.AppendVarint(b, g.least)
	b = binary.AppendVarint(b, g.most)
	b = appendInt(b, len(g.pages))
	for _, p := range g.pages {
		b = appendInt(b, p)
	}
	b = appendInt(b, int(g.bloomAt))
	b = appendInt(b, g.bloomSize)
	b = append(b, flag(g.overflow))
	b = appendInt(b, len(g.strange))
	for _, n := range g.strange {
		b = appendInt(b, n)
	}
	for i := range g.chunks {
		c := &g.chunks[i]
		b = appendInt(b, c.values)
		b = append(b, byte(c.enc), flag(c.tokens)|flag(c.bounded)<<1)
		if c.bounded {
			b = binary.LittleEndian.AppendUint64(b, uint64(c.least)) //nolint:gosec // bits
			b = binary.LittleEndian.AppendUint64(b, uint64(c.most))  //nolint:gosec // bits
		}
		b = appendInt(b, int(c.at))
		if c.enc == encDict {
			b = appendInt(b, c.entries)
			b = c.dict.append(b)
		}
		b = appendInt(b, len(c.pages))
		for _, p := range c.pages {
			b = p.append(b)
		}
	}
	return b
}

func (p page) append(b []byte) []byte {
	return appendInt(appendInt(appendInt(b, p.size), p.head), p.raw)
}

func appendInt(b []byte, n int) []byte { return binary.AppendUvarint(b, uint64(n)) } //nolint:gosec // sizes and counts

func appendText(b []byte, s string) []byte { return append(appendInt(b, len(s)), s...) }

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// sectionReader reads what append wrote. The sum was right, so that what does
// not read was written so; it is checked all the same, since whoever can write
// files can write sums.
type sectionReader struct {
	b   []byte
	all string // what b was, for texts to be parts of
	bad bool
}

func readSection(b []byte) (*section, bool) {
	d := &sectionReader{b: b, all: string(b)}
	d.byte() // the version, which the caller looked at
	s := &section{}
	// These outlive the section, and are the same in many files.
	s.meta.Owner = record.Owner{Kind: unique.Make(d.text()).Value(), Slug: unique.Make(d.text()).Value()}
	s.meta.Class, s.meta.Day = unique.Make(d.text()).Value(), unique.Make(d.text()).Value()
	s.meta.Lines = int64(d.int())
	s.meta.MinTime, s.meta.MaxTime = d.varint(), d.varint()
	s.meta.MinSeq, s.meta.MaxSeq = d.uvarint(), d.uvarint()
	n := d.count(4)
	s.columns = make([]columnInfo, 0, n)
	for range n {
		c := columnInfo{field: field{name: d.text(), kind: kind(d.byte())}}
		c.required = d.byte() == 1
		c.values = int64(d.int())
		s.columns = append(s.columns, c)
	}
	for range d.count(3) {
		s.strange = append(s.strange, nameCount{d.text(), record.Kind(d.byte()), int64(d.int())})
	}
	for range d.count(8) {
		if g := d.group(len(s.columns), len(s.strange)); !d.bad {
			s.groups = append(s.groups, g)
		}
	}
	s.body = int64(d.int())
	n = d.count(4)
	s.sums = make([]uint32, n)
	for i := range s.sums {
		s.sums[i] = d.uint32()
	}
	s.footer = d.uint32()
	s.meta.Groups = len(s.groups)
	for _, g := range s.groups {
		s.meta.FilterBytes += int64(g.bloomSize)
	}
	return s, !d.bad && s.sane()
}

func (d *sectionReader) group(columns, strange int) *groupInfo {
	g := &groupInfo{rows: d.int(), least: d.varint(), most: d.varint()}
	g.pages = make([]int, d.count(1))
	for i := range g.pages {
		g.pages[i] = d.int()
	}
	g.bloomAt, g.bloomSize = int64(d.int()), d.int()
	g.overflow = d.byte() == 1
	for range d.count(1) {
		n := d.int()
		d.bad = d.bad || n >= strange
		g.strange = append(g.strange, n)
	}
	if d.bad || columns > len(d.b) {
		d.bad = true
		return g
	}
	g.chunks = make([]chunk, columns)
	var room []page
	for i := range g.chunks {
		c := &g.chunks[i]
		c.values, c.enc = d.int(), encoding(d.byte())
		flags := d.byte()
		c.tokens, c.bounded = flags&1 != 0, flags&2 != 0
		if c.bounded {
			c.least, c.most = int64(d.uint64()), int64(d.uint64()) //nolint:gosec // bits
		}
		c.at = int64(d.int())
		if c.enc == encDict {
			c.entries = d.int()
			c.dict = page{d.int(), d.int(), d.int()}
		}
		n := d.count(3)
		if len(room) < n {
			room = make([]page, max(n, len(g.pages)*(columns-i)))
		}
		c.pages, room = room[:n:n], room[n:]
		for j := range c.pages {
			c.pages[j] = page{d.int(), d.int(), d.int()}
		}
	}
	return g
}

// sane says whether all places lie in the file and all counts agree.
func (s *section) sane() bool {
	if !s.saneColumns() || s.body < int64(len(parquetMagic)) || int64(len(s.sums)) != (s.body+blockBytes-1)/blockBytes {
		return false
	}
	inside := func(at, size int64) bool { return at >= 0 && size >= 0 && at <= s.body && size <= s.body-at }
	var rows int64
	for _, g := range s.groups {
		rows += int64(g.rows)
		if g.rows < 1 || g.rows > usual.groupRows || len(g.pages) == 0 || g.pages[len(g.pages)-1] != g.rows || !inside(g.bloomAt, int64(g.bloomSize)) || g.bloomSize%bloomBlock != 0 {
			return false
		}
		for i, end := range g.pages {
			if i > 0 && end <= g.pages[i-1] || end < 1 {
				return false
			}
		}
		for i := range g.chunks {
			c := &g.chunks[i]
			if c.values > 0 && !s.columns[i].kind.packs(c.enc) {
				return false
			}
			if !inside(c.at, c.size()) || c.values > g.rows || s.columns[i].required && c.values != g.rows {
				return false
			}
			if c.values > 0 && len(c.pages) != len(g.pages) {
				return false
			}
			raw := c.dict.raw
			for _, p := range c.pages {
				if p.head > p.size || p.raw > maxChunk {
					return false
				}
				raw += p.raw
			}
			if raw > maxChunk || c.dict.head > c.dict.size || c.dict.raw > maxChunk {
				return false
			}
		}
	}
	return rows == s.meta.Lines
}

// saneColumns says whether the columns of every file are where they belong.
func (s *section) saneColumns() bool {
	fields := len(s.columns) - len(firstColumns) - len(lastColumns)
	if fields < 0 {
		return false
	}
	for i, c := range s.columns {
		var want columnInfo
		switch {
		case i < len(firstColumns):
			want = firstColumns[i]
		case i >= len(firstColumns)+fields:
			want = lastColumns[i-len(firstColumns)-fields]
		default:
			if c.required || c.kind < kindText || c.kind >= kindBytes || !columnName(c.name) {
				return false
			}
			continue
		}
		if c.field != want.field || c.required != want.required {
			return false
		}
	}
	return true
}

func (d *sectionReader) byte() byte {
	if len(d.b) == 0 {
		d.bad = true
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *sectionReader) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *sectionReader) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *sectionReader) int() int {
	n := d.uvarint()
	if n > 1<<50 {
		d.bad = true
		return 0
	}
	return int(n) //nolint:gosec // bounded
}

// count reads how many things of at least size bytes follow.
func (d *sectionReader) count(size int) int {
	n := d.int()
	if n > len(d.b)/size {
		d.bad, d.b = true, nil
		return 0
	}
	return n
}

func (d *sectionReader) text() string {
	n := d.count(1)
	at := len(d.all) - len(d.b)
	d.b = d.b[n:]
	return d.all[at : at+n]
}

func (d *sectionReader) uint32() uint32 { return uint32(d.fixed(4)) } //nolint:gosec // four bytes
func (d *sectionReader) uint64() uint64 { return d.fixed(8) }

func (d *sectionReader) fixed(n int) uint64 {
	var eight [8]byte
	if len(d.b) < n {
		d.bad, d.b = true, nil
		return 0
	}
	copy(eight[:], d.b[:n])
	d.b = d.b[n:]
	return binary.LittleEndian.Uint64(eight[:])
}

package part

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// encoding is how the values of a chunk lie in its pages. It lies in files.
type encoding byte

const (
	encPlain encoding = iota // numbers of eight bytes, booleans of a bit
	encDict                  // codes of a dictionary
	encDelta                 // whole numbers by their differences
	encText                  // the lengths of texts, then the texts
)

func (e encoding) parquet() format.Encoding {
	switch e {
	case encDict:
		return format.RLEDictionary
	case encDelta:
		return format.DeltaBinaryPacked
	case encText:
		return format.DeltaLengthByteArray
	}
	return format.Plain
}

// page is where a page lies: its sizes in bytes, header included, of the header,
// and of what decompressing gives.
type page struct{ size, head, raw int }

// chunk is a column in a row group.
type chunk struct {
	values int // without the rows that have none
	enc    encoding
	tokens bool // all of its values are in the filter

	at      int64 // where it begins
	dict    page
	entries int // of the dictionary
	pages   []page

	bounded     bool
	least, most int64
}

func (c *chunk) size() int64 {
	n := c.dict.size
	for _, p := range c.pages {
		n += p.size
	}
	return int64(n)
}

func (c *chunk) rawSize() int64 {
	n := c.dict.raw + c.dict.head
	for _, p := range c.pages {
		n += p.raw + p.head
	}
	return int64(n)
}

// encoder writes columns as pages.
type encoder struct {
	raw, packed, values []byte
	offsets             []uint32
	protocol            thrift.CompactProtocol
}

// window is how far back a page is compressed: an encoder keeps four times as
// much in memory, and more makes no page smaller.
const window = 512 << 10

var zstdEncoders = sync.Pool{New: func() any {
	// Of the levels this one alone finds that hexadecimal digits are worth half a
	// byte: a fifth less of traced lines, for a fifth more time than the default.
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false), zstd.WithWindowSize(window))
	if err != nil { // the options are ours
		panic(err)
	}
	return e
}}

var levels1 = rle.Encoding{BitWidth: 1}

// chunk appends a column's pages to dst.
func (e *encoder) chunk(dst []byte, c *column, pages []int) ([]byte, chunk, error) {
	out := chunk{values: c.values, tokens: !c.noTokens}
	out.least, out.most, out.bounded = c.bounds()
	out.enc = encPlain
	switch {
	case c.values == 0:
	case c.pays():
		out.enc = encDict
		var err error
		out.entries = len(c.order)
		if dst, out.dict, err = e.dictionary(dst, c); err != nil {
			return dst, out, err
		}
	case c.kind.bytewise():
		out.enc = encText
	case c.kind == kindInt || c.kind == kindTime:
		out.enc = encDelta
	}
	row, value := 0, 0
	if c.values == 0 {
		pages = pages[len(pages)-1:] // a page says it as well as many
	}
	for i, end := range pages {
		last := c.values
		if c.values > 0 {
			last = c.cuts[i]
		}
		e.raw = e.raw[:0]
		if !c.required {
			e.values = must(levels1.EncodeLevels(e.values, c.levels[row:end]))
			e.raw = binary.LittleEndian.AppendUint32(e.raw, uint32(len(e.values))) //nolint:gosec // a page
			e.raw = append(e.raw, e.values...)
		}
		if c.values > 0 {
			e.encode(c, out.enc, value, last)
			e.raw = append(e.raw, e.values...)
		}
		header := format.PageHeader{Type: format.DataPage}
		header.DataPageHeader.Set(format.DataPageHeader{
			NumValues: int32(end - row), Encoding: out.enc.parquet(), //nolint:gosec // rows of a page
			DefinitionLevelEncoding: format.RLE, RepetitionLevelEncoding: format.RLE,
		})
		var p page
		var err error
		if dst, p, err = e.page(dst, &header); err != nil {
			return dst, out, err
		}
		out.pages = append(out.pages, p)
		row, value = end, last
	}
	return dst, out, nil
}

func (e *encoder) dictionary(dst []byte, c *column) ([]byte, page, error) {
	e.raw = e.raw[:0]
	for _, i := range c.order {
		if c.kind.bytewise() {
			s := c.text[c.ends[i]:c.ends[i+1]]
			e.raw = binary.LittleEndian.AppendUint32(e.raw, uint32(len(s))) //nolint:gosec // as ends
			e.raw = append(e.raw, s...)
		} else {
			e.raw = binary.LittleEndian.AppendUint64(e.raw, uint64(c.nums[i])) //nolint:gosec // bits
		}
	}
	header := format.PageHeader{Type: format.DictionaryPage}
	header.DictionaryPageHeader.Set(format.DictionaryPageHeader{NumValues: int32(len(c.order)), Encoding: format.Plain}) //nolint:gosec // maxDict
	return e.page(dst, &header)
}

// encode puts some values of a column in e.values.
func (e *encoder) encode(c *column, enc encoding, from, to int) {
	switch enc {
	case encDict:
		// As many bits as the last code needs, so that all pages are alike.
		width := bits.Len(uint(len(c.order) - 1)) //nolint:gosec // at least one
		codes := rle.Encoding{BitWidth: width}
		e.packed = must(codes.EncodeInt32(e.packed, c.codes[from:to]))
		e.values = append(append(e.values[:0], byte(width)), e.packed...)
	case encDelta:
		e.values = must(parquet.DeltaBinaryPacked.EncodeInt64(e.values, c.nums[from:to]))
	case encText:
		e.offsets = e.offsets[:0]
		first := c.ends[from]
		for _, end := range c.ends[from : to+1] {
			e.offsets = append(e.offsets, end-first)
		}
		e.values = must(parquet.DeltaLengthByteArray.EncodeByteArray(e.values, c.text[first:c.ends[to]], e.offsets))
	case encPlain:
		e.values = e.values[:0]
		if c.kind == kindBool {
			for i, n := range c.nums[from:to] {
				if i%8 == 0 {
					e.values = append(e.values, 0)
				}
				e.values[i/8] |= byte(n) << (i % 8) //nolint:gosec // 0 or 1
			}
			return
		}
		for _, n := range c.nums[from:to] {
			e.values = binary.LittleEndian.AppendUint64(e.values, uint64(n)) //nolint:gosec // bits
		}
	}
}

// page appends e.raw as a page.
func (e *encoder) page(dst []byte, h *format.PageHeader) ([]byte, page, error) {
	z := zstdEncoders.Get().(*zstd.Encoder)
	e.packed = z.EncodeAll(e.raw, e.packed[:0])
	zstdEncoders.Put(z)
	h.UncompressedPageSize, h.CompressedPageSize = int32(len(e.raw)), int32(len(e.packed)) //nolint:gosec // pageBytes and a line
	h.CRC = int32(crc32.ChecksumIEEE(e.packed))                                            //nolint:gosec // as Parquet has it
	head, err := thrift.Marshal(&e.protocol, h)
	if err != nil {
		return dst, page{}, err
	}
	dst = append(dst, head...)
	dst = append(dst, e.packed...)
	return dst, page{size: len(head) + len(e.packed), head: len(head), raw: len(e.raw)}, nil
}

// must is for encoders that fail on widths alone, which are ours.
func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

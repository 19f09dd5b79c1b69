package record

import (
	"encoding/binary"
	"errors"
	"math"
	"unsafe"
)

// ErrCorrupt is bytes that Append did not write.
var ErrCorrupt = errors.New("not an encoded line")

// Append writes the line in the form that the write-ahead log and the way from
// an agent to a hub share: varints and strings with their length. Its first
// byte is the version of the form; whoever reads, reads all older ones.
func Append(b []byte, r *Record) []byte {
	b = append(b, 1)
	b = binary.AppendVarint(b, r.Time)
	b = binary.AppendVarint(b, r.Ingested)
	b = binary.AppendUvarint(b, r.Seq)
	for _, s := range [...]string{r.Owner.Kind, r.Owner.Slug, r.Class, r.Index, r.ID, r.Message} {
		b = appendString(b, s)
	}
	b = binary.AppendUvarint(b, uint64(len(r.Fields)))
	for _, f := range r.Fields {
		b = appendString(b, f.Name)
		b = append(b, byte(f.Value.Kind))
		switch f.Value.Kind {
		case String, JSON:
			b = appendString(b, f.Value.Str)
		default:
			b = binary.AppendVarint(b, f.Value.Num)
		}
	}
	return b
}

// Decode reads one line from the beginning of b into r and returns what lies
// behind it. The line's strings are parts of b: it is good as long as b does
// not change. The room of r.Fields is used again.
func Decode(b []byte, r *Record) (rest []byte, err error) {
	d := decoder{b: b}
	if d.byte() != 1 {
		return nil, ErrCorrupt
	}
	r.Time, r.Ingested, r.Seq = d.varint(), d.varint(), d.uvarint()
	r.Owner.Kind, r.Owner.Slug = d.string(), d.string()
	r.Class, r.Index, r.ID, r.Message = d.string(), d.string(), d.string(), d.string()
	n := d.uvarint()
	if n > uint64(len(d.b))/3 { // a field has three bytes at least
		return nil, ErrCorrupt
	}
	r.Fields = r.Fields[:0]
	for range n {
		r.Fields = append(r.Fields, Field{d.string(), d.value()})
	}
	if d.bad {
		return nil, ErrCorrupt
	}
	return d.b, nil
}

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.bad = true
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) string() string {
	n := d.uvarint()
	if n > uint64(len(d.b)) || n > math.MaxInt32 {
		d.bad, d.b = true, nil
		return ""
	}
	if n == 0 {
		return ""
	}
	s := unsafe.String(&d.b[0], int(n)) //nolint:gosec // the caller keeps b as it is
	d.b = d.b[n:]
	return s
}

package record

import "math"

// Peek is an encoded line of which the fields are not decoded yet, for whoever
// looks at one of many. Its strings are parts of the line's bytes.
type Peek struct {
	Time     int64
	Ingested int64
	Seq      uint64
	Owner    Owner
	Class    string
	Index    string
	ID       string
	Message  string

	fields []byte
	count  uint64
}

// PeekAt decodes what stands before the fields of the line at the beginning of
// b, which must be whole and as Append wrote it.
func PeekAt(b []byte) (p Peek, err error) {
	d := decoder{b: b}
	if d.byte() != 1 {
		return p, ErrCorrupt
	}
	p.Time, p.Ingested, p.Seq = d.varint(), d.varint(), d.uvarint()
	p.Owner.Kind, p.Owner.Slug = d.string(), d.string()
	p.Class, p.Index, p.ID, p.Message = d.string(), d.string(), d.string(), d.string()
	p.count = d.uvarint()
	if d.bad || p.count > uint64(len(d.b))/3 {
		return p, ErrCorrupt
	}
	p.fields = d.b
	return p, nil
}

// Fields yields the fields in their order until one is damaged.
func (p *Peek) Fields(yield func(name string, v Value) bool) {
	d := decoder{b: p.fields}
	for range p.count {
		name := d.string()
		v := d.value()
		if d.bad || !yield(name, v) {
			return
		}
	}
}

// Field yields the values of one field; it decodes no other.
func (p *Peek) Field(name string, yield func(v Value) bool) {
	d := decoder{b: p.fields}
	for range p.count {
		switch at := d.string(); {
		case at < name:
			d.skip()
		case at == name:
			if v := d.value(); d.bad || !yield(v) {
				return
			}
		default:
			return
		}
		if d.bad {
			return
		}
	}
}

func (d *decoder) value() Value {
	v := Value{Kind: Kind(d.byte())}
	switch v.Kind {
	case String, JSON:
		v.Str = d.string()
	case None, Int, Float, Bool, Moment:
		v.Num = d.varint()
	default:
		d.bad = true
	}
	return v
}

// skip passes over a value.
func (d *decoder) skip() {
	switch Kind(d.byte()) {
	case String, JSON:
		n := d.uvarint()
		if n > uint64(len(d.b)) || n > math.MaxInt32 {
			d.bad, d.b = true, nil
			return
		}
		d.b = d.b[n:]
	default:
		for len(d.b) > 0 && d.b[0] >= 0x80 {
			d.b = d.b[1:]
		}
		d.byte()
	}
}

package record

import (
	"encoding/binary"
	"fmt"
)

// AppendBatch writes a batch with its marks as agents send it to hubs: a
// version, the names of streams, and the lines with the number of their stream
// and their offset.
func AppendBatch(b []byte, batch *Batch) []byte {
	b = append(b, 1)
	index := map[string]uint64{}
	var names []string
	for _, m := range batch.Marks {
		if _, ok := index[m.Stream]; !ok {
			index[m.Stream] = uint64(len(names))
			names = append(names, m.Stream)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(names)))
	for _, n := range names {
		b = appendString(b, n)
	}
	b = binary.AppendUvarint(b, uint64(len(batch.Records)))
	var line []byte
	for i := range batch.Records {
		b = binary.AppendUvarint(b, index[batch.Marks[i].Stream])
		b = binary.AppendVarint(b, batch.Marks[i].Offset)
		line = Append(line[:0], &batch.Records[i])
		b = binary.AppendUvarint(b, uint64(len(line)))
		b = append(b, line...)
	}
	return b
}

// DecodeBatch reads what AppendBatch wrote. Its strings are parts of b.
func DecodeBatch(b []byte) (Batch, error) {
	var out Batch
	d := decoder{b: b}
	if v := d.byte(); v != 1 {
		return out, fmt.Errorf("%w: version %d", ErrCorrupt, v)
	}
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		return out, ErrCorrupt
	}
	names := make([]string, n)
	for i := range names {
		names[i] = d.string()
	}
	n = d.uvarint()
	if d.bad || n > uint64(len(d.b))/3 {
		return out, ErrCorrupt
	}
	out.Records, out.Marks = make([]Record, n), make([]Mark, n)
	for i := range out.Records {
		stream, offset, size := d.uvarint(), d.varint(), d.uvarint()
		if d.bad || stream >= uint64(len(names)) || size > uint64(len(d.b)) {
			return Batch{}, ErrCorrupt
		}
		rest, err := Decode(d.b[:size], &out.Records[i])
		if err != nil || len(rest) > 0 {
			return Batch{}, ErrCorrupt
		}
		d.b = d.b[size:]
		out.Marks[i] = Mark{names[stream], offset}
	}
	if len(d.b) > 0 {
		return Batch{}, ErrCorrupt
	}
	return out, nil
}

package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"
)

// Record is one thing that was observed.
type Record struct {
	Seq     uint64    // place in the spool, growing; set by Append
	At      time.Time // when it was appended; set by Append
	Kind    string    // what the payload is
	ID      string    // tells a record that is sent again from a new one
	Payload []byte
}

// A record on disk is a header, the kind, the id, the payload and a checksum
// of these three. The header has a checksum of its own, so that a reader who
// searches for the next record after damage does not trust a length it should
// not. All numbers are little endian.
//
//	0  magic        4 bytes
//	4  payload      uint32, length
//	8  seq          uint64
//	16 time         int64, milliseconds since 1970
//	24 kind         uint8, length
//	25 id           uint8, length
//	26 reserved     2 bytes, zero
//	28 header sum   uint32, CRC32C of bytes 0 to 27
//	32 kind, id, payload
//	…  body sum     uint32, CRC32C
const (
	magic      = "vgR1"
	headerSize = 32
	sumSize    = 4
	// MaxPayload is the largest payload Append takes.
	MaxPayload = 16 << 20
	maxName    = 255
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var (
	errTorn    = errors.New("the record ends early")
	errDamaged = errors.New("the record is damaged")
)

// check says whether the record fits the format.
func (r Record) check() error {
	switch {
	case len(r.Kind) == 0 || len(r.Kind) > maxName:
		return fmt.Errorf("record kind %.20q: it needs 1 to %d bytes", r.Kind, maxName)
	case len(r.ID) > maxName:
		return fmt.Errorf("record id %.20q: it has more than %d bytes", r.ID, maxName)
	case len(r.Payload) > MaxPayload:
		return fmt.Errorf("record of kind %s: the payload has %d bytes, at most %d are kept", r.Kind, len(r.Payload), MaxPayload)
	}
	return nil
}

func (r Record) size() int64 {
	return int64(headerSize + len(r.Kind) + len(r.ID) + len(r.Payload) + sumSize)
}

// appendTo encodes the record behind b.
func (r Record) appendTo(b []byte) []byte {
	start := len(b)
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(r.Payload)))
	b = binary.LittleEndian.AppendUint64(b, r.Seq)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.At.UnixMilli()))
	b = append(b, byte(len(r.Kind)), byte(len(r.ID)), 0, 0)
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
	body := len(b)
	b = append(b, r.Kind...)
	b = append(b, r.ID...)
	b = append(b, r.Payload...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[body:], castagnoli))
}

// header is what the first bytes of a record say.
type header struct {
	seq      uint64
	at       time.Time
	kind, id int
	payload  int
}

func (h header) size() int64 { return int64(headerSize + h.kind + h.id + h.payload + sumSize) }

// decodeHeader reads the first bytes of a record.
func decodeHeader(b []byte) (header, error) {
	if len(b) < headerSize {
		return header{}, errTorn
	}
	if string(b[:4]) != magic || binary.LittleEndian.Uint32(b[28:]) != crc32.Checksum(b[:28], castagnoli) {
		return header{}, errDamaged
	}
	h := header{
		payload: int(binary.LittleEndian.Uint32(b[4:])),
		seq:     binary.LittleEndian.Uint64(b[8:]),
		at:      time.UnixMilli(int64(binary.LittleEndian.Uint64(b[16:]))).UTC(),
		kind:    int(b[24]),
		id:      int(b[25]),
	}
	if h.payload > MaxPayload || h.kind == 0 {
		return header{}, errDamaged
	}
	return h, nil
}

// decode reads the record at the beginning of b and says how long it is. The
// record shares b's memory.
func decode(b []byte) (Record, int64, error) {
	h, err := decodeHeader(b)
	if err != nil {
		return Record{}, 0, err
	}
	n := h.size()
	if int64(len(b)) < n {
		return Record{}, n, errTorn
	}
	body := b[headerSize : n-sumSize]
	if binary.LittleEndian.Uint32(b[n-sumSize:]) != crc32.Checksum(body, castagnoli) {
		return Record{}, n, errDamaged
	}
	return Record{
		Seq:     h.seq,
		At:      h.at,
		Kind:    string(body[:h.kind]),
		ID:      string(body[h.kind : h.kind+h.id]),
		Payload: body[h.kind+h.id:],
	}, n, nil
}

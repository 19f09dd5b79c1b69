package wal

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// A frame on disk is a header and a body. The header has a checksum of its
// own, so that whoever searches for the next frame behind damage does not trust
// a length it should not. All numbers are little endian.
//
//	0  magic       4 bytes
//	4  length      uint32, of the body
//	8  body sum    uint32, CRC32C of the nonce and the body
//	12 header sum  uint32, CRC32C of the nonce and bytes 0 to 11
//	16 body        kind, payload
//
// The nonce is the segment's, drawn at random and known from its name. Without
// it a line of a log could hold what looks like a frame, and a reader searching
// behind damage would take it for one.
const (
	magic      = "vgL1"
	headerSize = 16
	// MaxPayload is the largest payload of a frame.
	MaxPayload = 64 << 20
)

// The kinds of bodies.
const (
	kindHead  = 'h' // the first frame of a segment: end of the segment before it, then what Options.Head returned
	kindEntry = 'e'
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// nonce makes the frames of a segment its own.
type nonce uint64

func (n nonce) sum(b []byte) uint32 {
	var own [8]byte
	binary.LittleEndian.PutUint64(own[:], uint64(n))
	return crc32.Update(crc32.Checksum(own[:], castagnoli), castagnoli, b)
}

// begin makes room for a header and writes the kind; the payload follows, then
// finish is called with where the frame began.
func begin(b []byte, kind byte) []byte {
	b = append(b, make([]byte, headerSize)...)
	return append(b, kind)
}

// finish writes the header of the frame that began at start and ends b.
func (n nonce) finish(b []byte, start int) {
	h, body := b[start:start+headerSize], b[start+headerSize:]
	copy(h, magic)
	binary.LittleEndian.PutUint32(h[4:], uint32(len(body))) //nolint:gosec // bounded by MaxPayload
	binary.LittleEndian.PutUint32(h[8:], n.sum(body))
	binary.LittleEndian.PutUint32(h[12:], n.sum(h[:12]))
}

// header reads the length of a body from the header at the beginning of b.
func (n nonce) header(b []byte) (length int, ok bool) {
	if len(b) < headerSize || string(b[:4]) != magic || binary.LittleEndian.Uint32(b[12:]) != n.sum(b[:12]) {
		return 0, false
	}
	size := binary.LittleEndian.Uint32(b[4:])
	return int(size), size > 0 && size <= MaxPayload+1
}

// frame reads the frame at the beginning of b: its body and its size.
func (n nonce) frame(b []byte) (body []byte, size int, ok bool) {
	length, ok := n.header(b)
	if !ok || length > len(b)-headerSize {
		return nil, 0, false
	}
	size = headerSize + length
	body = b[headerSize:size]
	return body, size, binary.LittleEndian.Uint32(b[8:]) == n.sum(body)
}

// gap is bytes of a segment that hold no frame.
type gap struct{ at, end int }

// scan hands over the frames of a segment in their order and returns what lies
// between them and behind the last.
func (n nonce) scan(b []byte, f func(at int, body []byte) error) (gaps []gap, err error) {
	for at := 0; at < len(b); {
		body, size, ok := n.frame(b[at:])
		if !ok {
			next := n.search(b, at+1)
			gaps = append(gaps, gap{at, next})
			at = next
			continue
		}
		if err := f(at, body); err != nil {
			return gaps, err
		}
		at += size
	}
	return gaps, nil
}

// search returns where the next readable frame begins, or the end of b.
func (n nonce) search(b []byte, from int) int {
	for from < len(b) {
		i := bytes.Index(b[from:], []byte(magic))
		if i < 0 {
			break
		}
		if _, _, ok := n.frame(b[from+i:]); ok {
			return from + i
		}
		from += i + 1
	}
	return len(b)
}

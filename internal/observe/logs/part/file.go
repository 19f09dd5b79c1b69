package part

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// file is an open file of which the section was read.
type file struct {
	path string
	f    *os.File
	size int64
	*section
	read int64 // bytes
}

// tailBytes is how much of the end of a file is read at first: the section is
// mostly in it.
const tailBytes = 16 << 10

func open(path string) (*file, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r := &file{path: path, f: f}
	if err := r.readEnd(); err != nil {
		_ = f.Close()
		return nil, err
	}
	return r, nil
}

func (f *file) close() { _ = f.f.Close() }

// readEnd finds and reads the section.
func (f *file) readEnd() error {
	st, err := f.f.Stat()
	if err != nil {
		return err
	}
	f.size = st.Size()
	room := bytePool.get(tailBytes)
	defer bytePool.put(room)
	end, err := f.tailInto(*room)
	if err != nil {
		return err
	}
	if len(end) < 8 || string(end[len(end)-4:]) != parquetMagic {
		return damaged(f.path, f.size, "it does not end as a Parquet file")
	}
	behind := int64(binary.LittleEndian.Uint32(end[len(end)-8:])) + 8 // the footer
	need := behind + sectionTail
	if end, err = f.longer(end, need); err != nil {
		return err
	}
	tail := end[int64(len(end))-need:]
	if string(tail[8:sectionTail]) != sectionMagic {
		return damaged(f.path, f.size-behind, "no section stands before the footer")
	}
	length := int64(binary.LittleEndian.Uint32(tail))
	wanted := binary.LittleEndian.Uint32(tail[4:])
	need += length
	if end, err = f.longer(end, need); err != nil {
		return err
	}
	own := end[int64(len(end))-need:][:length]
	at := f.size - need
	if sum(own) != wanted || length == 0 {
		return damaged(f.path, at, "the sum of the section is wrong")
	}
	if own[0] > version {
		return fmt.Errorf("%s: form %d: %w", f.path, own[0], ErrVersion)
	}
	s, ok := readSection(own)
	if !ok || s.body != at {
		return damaged(f.path, at, "the section cannot be read")
	}
	s.meta.Bytes = f.size
	f.section = s
	return nil
}

// tail reads the last n bytes.
func (f *file) tail(n int64) ([]byte, error) { return f.tailInto(make([]byte, n)) }

// tailInto reads the end of the file, as much as there is room for.
func (f *file) tailInto(room []byte) ([]byte, error) {
	b := room[:min(int64(len(room)), f.size)]
	if _, err := f.f.ReadAt(b, f.size-int64(len(b))); err != nil {
		return nil, f.explain(err, f.size-int64(len(b)))
	}
	f.read += int64(len(b))
	return b, nil
}

// longer is an end of the file of at least n bytes.
func (f *file) longer(end []byte, n int64) ([]byte, error) {
	if n <= int64(len(end)) {
		return end, nil
	}
	if n > f.size {
		return nil, damaged(f.path, f.size, "a length at its end is beyond its beginning")
	}
	return f.tail(n)
}

// explain tells a file that became shorter from a disk that cannot be read.
func (f *file) explain(err error, at int64) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF { //nolint:errorlint // ReadAt returns them as they are
		return damaged(f.path, at, "it ends here")
	}
	return fmt.Errorf("%s: byte %d: %w", f.path, at, err)
}

// bytes reads a part of the body into room, which may be nil, and believes none
// of which the sum is wrong.
func (f *file) bytes(room []byte, at, n int64) (part, used []byte, err error) {
	from := at / blockBytes * blockBytes
	to := min((at+n+blockBytes-1)/blockBytes*blockBytes, f.body)
	if int64(cap(room)) < to-from {
		room = make([]byte, to-from)
	}
	room = room[:to-from]
	if _, err := f.f.ReadAt(room, from); err != nil {
		return nil, room, f.explain(err, from)
	}
	f.read += to - from
	for i := int64(0); i < int64(len(room)); i += blockBytes {
		if sum(room[i:min(i+blockBytes, int64(len(room)))]) != f.sums[(from+i)/blockBytes] {
			return nil, room, damaged(f.path, from+i, "the sum of %d bytes is wrong", blockBytes)
		}
	}
	return room[at-from:][:n], room, nil
}

// column returns the place of a column, -1 for none.
func (s *section) column(name string) int {
	for i := range s.columns {
		if s.columns[i].name == name {
			return i
		}
	}
	return -1
}

// fields are the fields of the lines, without those that every line has.
func (s *section) fields() []FieldInfo {
	var all []FieldInfo
	of := map[string]int{}
	for _, c := range s.columns {
		if c.values > 0 && !record.Reserved(c.name) && c.name != restName && c.name != exactName {
			of[c.name] = len(all)
			all = append(all, FieldInfo{Name: c.name, Kind: c.kind.record(), Lines: c.values, Column: true})
		}
	}
	for _, n := range s.strange {
		if record.Reserved(n.name) {
			continue
		}
		if i, ok := of[n.name]; ok {
			if s.columns[s.column(n.name)].kind.textual() {
				continue // text columns show them
			}
			all[i].Lines += n.n
			continue
		}
		all = append(all, FieldInfo{Name: n.name, Kind: n.kind, Lines: n.n})
	}
	return all
}

// groupIndex is what the section and the filter tell of a row group without its
// lines.
type groupIndex struct {
	f    *file
	g    *groupInfo
	room []byte
	err  error
}

// Word implements query.Index.
func (x *groupIndex) Word(token uint64) bool { return x.token(token) }

func (x *groupIndex) token(token uint64) bool {
	if x.g.bloomSize == 0 {
		return true
	}
	if token == 0 {
		token = 1
	}
	var b []byte
	var err error
	b, x.room, err = x.f.bytes(x.room, x.g.bloomAt+int64(bloomAt(x.g.bloomSize, token)), bloomBlock)
	if err != nil {
		x.err = err
		return true
	}
	return inBloom(b, token)
}

// Value implements query.Index.
func (x *groupIndex) Value(field string, token uint64) bool {
	if i := x.f.column(field); i >= 0 && !x.g.chunks[i].tokens {
		return true
	}
	return x.token(token)
}

// Has implements query.Index.
func (x *groupIndex) Has(field string) bool {
	if field == query.AnyField || record.Reserved(field) {
		return true
	}
	if i := x.f.column(field); i >= 0 && x.g.chunks[i].values > 0 {
		return true
	}
	return x.strange(field)
}

// strange says whether lines of the group have the field in the column _exact.
func (x *groupIndex) strange(field string) bool { return x.f.strangeIn(x.g, field) }

func (s *section) strangeIn(g *groupInfo, field string) bool {
	if g.overflow {
		return true
	}
	for _, n := range g.strange {
		if s.strange[n].name == field {
			return true
		}
	}
	return false
}

// Bounds implements query.Index.
func (x *groupIndex) Bounds(field string) (least, most record.Value, ok bool) {
	i := x.f.column(field)
	if i < 0 || !x.g.chunks[i].bounded || x.strange(field) {
		return least, most, false
	}
	c, k := &x.g.chunks[i], x.f.columns[i].kind
	return k.value(c.least), k.value(c.most), true
}

package part

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// maxGroups is how many row groups Parquet's footer can count.
const maxGroups = 32_767

// leftover is the end of the name of a file that is being written.
const leftover = ".tmp"

// Writer writes a file, line by line. It holds one row group in memory: at most
// 40,960 lines or 32 MiB of text and one line, about three times that, and the
// filters of all groups.
type Writer struct {
	path string
	f    *os.File
	w    *bufio.Writer
	at   int64
	err  error

	group   *group
	encoder encoder
	buf     []byte
	blooms  [][]byte
	section section
	strange map[string]int // place in section.strange

	before  key
	service []byte
}

// key is a line's place in a file.
type key struct {
	service string
	time    int64
	seq     uint64
}

func (k key) compare(o key) int {
	return cmp.Or(strings.Compare(k.service, o.service), cmp.Compare(k.time, o.time), cmp.Compare(k.seq, o.seq))
}

func keyOf(r *record.Record) key {
	k := key{time: r.Time, seq: r.Seq}
	if v, ok := r.Get(record.Service); ok {
		k.service = v.Text()
	}
	return k
}

// Create begins a file. What a file of this name holds is not touched until
// Close puts the new one in its place. Shape should be that of the lines.
func Create(path string, info Info, shape *Shape) (*Writer, error) {
	return create(path, info, shape, usual)
}

func create(path string, info Info, shape *Shape, l limits) (*Writer, error) {
	f, err := os.OpenFile(path+leftover, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	w := &Writer{path: path, f: f, w: bufio.NewWriterSize(f, 256<<10), group: newGroup(shape.columns(), l), strange: map[string]int{}}
	w.section.meta.Info = info
	for _, c := range w.group.columns {
		w.section.columns = append(w.section.columns, columnInfo{field: c.field, required: c.required})
	}
	w.write([]byte(parquetMagic))
	return w, w.err
}

// Add adds a line, which must not come before the last one in the order of
// service, time and number: ErrOrder. It keeps nothing of r.
func (w *Writer) Add(r *record.Record) error {
	if w.err != nil {
		return w.err
	}
	if err := check(r, w.section.meta.Info); err != nil {
		return err
	}
	g, m := w.group, &w.section.meta
	k := keyOf(r)
	if m.Lines > 0 {
		switch c := k.compare(w.before); {
		case c < 0:
			return fmt.Errorf("%s: line %d: %w", w.path, m.Lines, ErrOrder)
		case k.service != w.before.service && g.rows >= g.limits.groupLeast:
			w.flush()
		}
	}
	if m.Lines == 0 {
		m.MinTime, m.MaxTime, m.MinSeq, m.MaxSeq = r.Time, r.Time, r.Seq, r.Seq
	}
	m.MinTime, m.MaxTime = min(m.MinTime, r.Time), max(m.MaxTime, r.Time)
	m.MinSeq, m.MaxSeq = min(m.MinSeq, r.Seq), max(m.MaxSeq, r.Seq)
	m.Lines++
	w.service = append(w.service[:0], k.service...)
	k.service = view(w.service)
	w.before = k
	g.add(r)
	if g.rows >= g.limits.groupRows || g.bytes >= g.limits.groupBytes {
		w.flush()
	}
	return w.err
}

// check says what of a line cannot be written.
func check(r *record.Record, info Info) error {
	if r.Owner != info.Owner || r.Class != info.Class {
		return fmt.Errorf("a line of %s, class %s, is none of %s, class %s", r.Owner, r.Class, info.Owner, info.Class)
	}
	size := len(r.Message) + len(r.Index) + len(r.ID)
	for i := range r.Fields {
		f := &r.Fields[i]
		size += len(f.Name) + len(f.Value.Str) + 8
		if record.Reserved(f.Name) || f.Value.Kind > record.JSON {
			return fmt.Errorf("field %q: the name is taken, or the kind %d not known", f.Name, f.Value.Kind)
		}
		if i > 0 && f.Name < r.Fields[i-1].Name {
			return fmt.Errorf("field %q: fields must be sorted", f.Name)
		}
	}
	if size > MaxLine {
		return fmt.Errorf("a line of %d bytes: %w", size, ErrTooLarge)
	}
	return nil
}

func (w *Writer) write(b []byte) {
	if w.err == nil {
		_, w.err = w.w.Write(b)
		w.at += int64(len(b))
	}
}

// flush writes the row group.
func (w *Writer) flush() {
	g := w.group
	if g.rows == 0 || w.err != nil {
		return
	}
	if len(w.section.groups) == maxGroups {
		w.err = fmt.Errorf("%s: more than %d row groups; write several files", w.path, maxGroups)
		return
	}
	g.cut()
	info := &groupInfo{rows: g.rows, least: g.least, most: g.most, pages: slices.Clone(g.pages), overflow: g.overflow}
	for i, c := range g.columns {
		var out chunk
		w.buf, out, w.err = w.encoder.chunk(w.buf[:0], c, g.pages)
		if w.err != nil {
			return
		}
		out.at = w.at
		w.write(w.buf)
		info.chunks = append(info.chunks, out)
		w.section.columns[i].values += int64(c.values)
	}
	for _, name := range slices.Sorted(maps.Keys(g.strange)) {
		n, ok := w.strange[name]
		if !ok {
			if len(w.section.strange) >= maxNames {
				info.overflow = true
				continue
			}
			n = len(w.section.strange)
			w.strange[name] = n
			w.section.strange = append(w.section.strange, nameCount{name: name, kind: g.strange[name].kind})
		}
		w.section.strange[n].n += g.strange[name].n
		info.strange = append(info.strange, n)
	}
	w.blooms = append(w.blooms, newBloom(g.tokens))
	w.section.groups = append(w.section.groups, info)
	g.reset()
}

// Close writes what is left, makes sure that the disk has it and gives the file
// its name. With an error there is no file, or the one that was there before.
func (w *Writer) Close() (Meta, error) {
	w.flush()
	w.group.release()
	if w.err == nil && w.section.meta.Lines == 0 {
		w.err = errors.New("a file of no lines is not written")
	}
	for i, b := range w.blooms {
		w.section.groups[i].bloomAt, w.section.groups[i].bloomSize = w.at, len(b)
		w.section.meta.FilterBytes += int64(len(b))
		w.write(b)
	}
	w.section.meta.Groups = len(w.section.groups)
	if w.err == nil {
		w.err = w.end()
	}
	if w.err == nil {
		w.err = w.f.Sync()
	}
	if err := w.f.Close(); w.err == nil {
		w.err = err
	}
	if w.err == nil {
		w.err = os.Rename(w.path+leftover, w.path)
	}
	err := w.err
	w.err = fs.ErrClosed
	if err != nil {
		_ = os.Remove(w.path + leftover)
		return Meta{}, fmt.Errorf("write %s: %w", w.path, err)
	}
	return w.section.meta, syncDir(filepath.Dir(w.path))
}

// end writes the section and the footer.
func (w *Writer) end() error {
	if err := w.w.Flush(); err != nil {
		return err
	}
	tail, err := footer(&w.section)
	if err != nil {
		return err
	}
	w.section.body, w.section.footer = w.at, sum(tail)
	if w.section.sums, err = blockSums(w.f, w.at); err != nil {
		return err
	}
	w.buf = append(w.section.append(w.buf[:0]), tail...)
	w.section.meta.Bytes = w.at + int64(len(w.buf))
	_, err = w.f.WriteAt(w.buf, w.at)
	return err
}

// Abort gives the file up. After Close it does nothing.
func (w *Writer) Abort() {
	if w.f.Close() == nil {
		w.group.release()
		w.err = fs.ErrClosed
		_ = os.Remove(w.path + leftover)
	}
}

// blockSums reads the sums of a file's blocks up to end.
func blockSums(f io.ReaderAt, end int64) ([]uint32, error) {
	var sums []uint32
	b := make([]byte, 64*blockBytes)
	for at := int64(0); at < end; at += int64(len(b)) {
		some := b[:min(int64(len(b)), end-at)]
		if _, err := f.ReadAt(some, at); err != nil {
			return nil, err
		}
		for block := range slices.Chunk(some, blockBytes) {
			sums = append(sums, sum(block))
		}
	}
	return sums, nil
}

// Write writes lines, in whatever order they are, as a file. It does not change
// them. Like Create and Close it leaves no half of a file under the name.
func Write(path string, info Info, lines []record.Record) (Meta, error) {
	return write(path, info, lines, usual)
}

func write(path string, info Info, lines []record.Record, l limits) (Meta, error) {
	shape := NewShape()
	for i := range lines {
		shape.Add(&lines[i])
	}
	w, err := create(path, info, shape, l)
	if err != nil {
		return Meta{}, err
	}
	defer w.Abort()
	for _, i := range sorted(lines) {
		if err := w.Add(&lines[i]); err != nil {
			return Meta{}, err
		}
	}
	return w.Close()
}

// sorted is the order of a file: by service first, of which there are few, so
// that the rest is mostly in order already.
func sorted(lines []record.Record) []int32 {
	services := map[string][]int32{}
	for i := range lines {
		k := keyOf(&lines[i])
		services[k.service] = append(services[k.service], int32(i)) //nolint:gosec // lines in memory
	}
	all := make([]int32, 0, len(lines))
	for _, name := range slices.Sorted(maps.Keys(services)) {
		some := services[name]
		slices.SortFunc(some, func(a, b int32) int {
			return cmp.Or(cmp.Compare(lines[a].Time, lines[b].Time), cmp.Compare(lines[a].Seq, lines[b].Seq), cmp.Compare(a, b))
		})
		all = append(all, some...)
	}
	return all
}

// RemoveLeftovers deletes what writers that were killed left in a folder: files
// that end in .tmp, which no reader looks at. It must not be called while one writes there.
func RemoveLeftovers(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), leftover) || !e.Type().IsRegular() {
			continue
		}
		if rm := os.Remove(filepath.Join(dir, e.Name())); rm != nil && !errors.Is(rm, fs.ErrNotExist) {
			err = errors.Join(err, rm)
		}
	}
	return err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

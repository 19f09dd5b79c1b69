package logsagent

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/valyala/fastjson"

	"github.com/vigie-ops/vigie/internal/observe/logs/parse"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// tail reads one file from where it was left.
type tail struct {
	of     *Files
	path   string // as the pattern found it; a renamed file keeps it
	file   *os.File
	inode  uint64
	head   string // hash of the first line, empty while there is none
	stream string
	offset int64 // of the first byte that is not taken yet
	parser parse.Parser
	class  string
	joiner *parse.Joiner
	docker fastjson.Parser
	buf    []byte // behind offset, read and not taken
	skip   bool   // the rest of a line that was too long
	gone   bool   // the path leads elsewhere or nowhere; it is read to its end
	since  time.Time
	held   time.Time // since when the joiner holds a line
	part   string    // of a line of a container that goes on
	partAt int64
	// container is what is known of the container that writes the file.
	container []record.Field
}

// headBytes is how much of a file's first line tells it from others.
const headBytes = 1024

// headOf is the hash of the first line of a file, if it is whole or long.
func headOf(r io.ReaderAt) (string, bool) {
	b := make([]byte, headBytes)
	n, err := r.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", false
	}
	b = b[:n]
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		b = b[:i]
	} else if n < headBytes {
		return "", false
	}
	return hashed(b), true
}

func hashed(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

func inodeOf(info os.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ino
	}
	return 0
}

// poll looks for files, reads what came, and says whether there is more.
func (s *Shipper) poll() (more bool) {
	now := s.o.Now()
	if now.Sub(s.scanned) >= scanEvery {
		s.scanned = now
		s.scan(now)
	}
	for key, t := range s.tails {
		if s.batch.full() {
			return true
		}
		again, err := s.read(t, now)
		if err != nil {
			s.o.Log.Warn("a file of logs cannot be read", "file", t.path, "err", err)
			s.Unread.Add(1)
			t.close()
			delete(s.tails, key)
			continue
		}
		more = more || again
		if t.gone && !again && now.Sub(t.since) > holdPart {
			s.flushTail(t)
			t.close()
			delete(s.tails, key)
		}
	}
	return more
}

// scan opens files that are new, and finds out which are no longer at their
// path.
func (s *Shipper) scan(now time.Time) {
	there := map[string]bool{}
	for i := range s.o.Files {
		of := &s.o.Files[i]
		for _, pattern := range of.Paths {
			paths, _ := filepath.Glob(pattern) // the configuration was checked
			for _, path := range paths {
				if there[path] || excluded(of, path) || strings.HasSuffix(path, ".gz") {
					continue
				}
				there[path] = true
				s.look(of, path, now)
			}
		}
	}
	for _, t := range s.tails {
		if !t.gone && !there[t.path] {
			t.gone, t.since = true, now
		}
	}
	s.forget(now)
}

func excluded(of *Files, path string) bool {
	return slices.ContainsFunc(of.Exclude, func(p string) bool {
		ok, _ := filepath.Match(p, path)
		if !ok && !strings.Contains(p, "/") {
			ok, _ = filepath.Match(p, filepath.Base(path))
		}
		return ok
	})
}

// look opens a file that is not open yet.
func (s *Shipper) look(of *Files, path string, now time.Time) {
	info, ok := readable(path)
	if !ok {
		return
	}
	ino := inodeOf(info)
	key := fmt.Sprintf("%s\x00%d", path, ino)
	if t, ok := s.tails[key]; ok && !t.gone {
		return
	}
	for _, t := range s.tails { // what was at this path before is read to its end
		if t.path == path && t.inode != ino && !t.gone {
			t.gone, t.since = true, now
		}
	}
	if s.tails[key] != nil {
		return
	}
	first := !s.known(path)
	t, err := s.open(of, path, ino)
	if err != nil {
		if !errors.Is(err, os.ErrNotExist) {
			s.Unread.Add(1)
			s.o.Log.Warn("a file of logs cannot be opened", "file", path, "err", err)
		}
		return
	}
	s.tails[key] = t
	s.missed(of, path, t, now)
	if first && of.History {
		s.history(of, path, now)
	}
}

// known says whether something of a path was sent before.
func (s *Shipper) known(path string) bool {
	for _, p := range s.state.Files {
		if p.Path == path {
			return true
		}
	}
	return false
}

func (s *Shipper) open(of *Files, path string, ino uint64) (*tail, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	format, class := parse.Guess(path)
	if of.Format != "" {
		format = of.Format
	}
	if of.Class != "" {
		class = of.Class
	}
	p, err := parse.New(format, parse.Options{Zone: hostZone(of.Zone), Now: s.o.Now})
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	t := &tail{of: of, path: path, file: f, inode: ino, parser: p, class: class}
	if !of.Single {
		t.joiner = parse.NewJoiner(of.Begin)
	}
	if of.Container {
		t.container = containerOf(path)
	}
	return t, nil
}

// missed finds the file that was at a path before a restart, under another
// name now, of which something was not sent.
func (s *Shipper) missed(of *Files, path string, now *tail, at time.Time) {
	for _, p := range s.state.Files {
		if p.Path != path || p.Done || p.Inode == now.inode {
			continue
		}
		siblings, _ := filepath.Glob(globEscape(path) + "*")
		for _, other := range siblings {
			info, ok := readable(other)
			if !ok || inodeOf(info) != p.Inode || other == path {
				continue
			}
			key := fmt.Sprintf("%s\x00%d", path, p.Inode)
			if s.tails[key] != nil {
				continue
			}
			if t, err := s.open(of, other, p.Inode); err == nil {
				t.path, t.gone, t.since = path, true, at
				s.tails[key] = t
			}
		}
		p.Done = true // whatever was found of it is open now
		s.state.dirty = true
	}
}

func globEscape(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// history reads the rotated files of a path once, compressed ones too.
func (s *Shipper) history(of *Files, path string, now time.Time) {
	siblings, _ := filepath.Glob(globEscape(path) + ".*")
	for _, other := range siblings {
		if excluded(of, other) && !strings.HasSuffix(other, ".gz") {
			continue
		}
		info, ok := readable(other)
		if !ok {
			continue
		}
		if strings.HasSuffix(other, ".gz") {
			s.readCompressed(of, path, other)
			continue
		}
		key := fmt.Sprintf("%s\x00%d", path, inodeOf(info))
		if s.tails[key] == nil {
			if t, err := s.open(of, other, inodeOf(info)); err == nil {
				t.path, t.gone, t.since = path, true, now
				s.tails[key] = t
			}
		}
	}
}

// readCompressed reads a compressed file whole, a batch after the other. Until
// it is through nothing else is read: it happens once.
func (s *Shipper) readCompressed(of *Files, path, name string) {
	err := func() error {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		z, err := gzip.NewReader(f)
		if err != nil {
			return err
		}
		t, err := s.open(of, name, 0)
		if err != nil {
			return err
		}
		defer t.close()
		t.path = path
		in := bufio.NewReaderSize(z, 64<<10)
		b, err := in.Peek(headBytes)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		first, _, _ := bytes.Cut(b, []byte("\n"))
		t.head, t.stream = "gz-"+hashed(first), streamName(path, 0, "gz-"+hashed(first))
		if p := s.state.Files[t.stream]; p != nil {
			t.offset = p.Offset
			if p.Done {
				return nil
			}
			if _, err := io.CopyN(io.Discard, in, t.offset); err != nil {
				return err
			}
		}
		for {
			chunk := make([]byte, readAtOnce)
			n, err := io.ReadFull(in, chunk)
			t.buf = append(t.buf, chunk[:n]...)
			s.lines(t, s.o.Now())
			if s.batch.full() {
				if err := s.send(s.context()); err != nil {
					return err
				}
			}
			if err != nil {
				break
			}
		}
		s.flushTail(t)
		s.move(t, true)
		return nil
	}()
	if err != nil {
		s.Unread.Add(1)
		s.o.Log.Warn("a compressed file of logs cannot be read", "file", name, "err", err)
	}
}

func streamName(path string, inode uint64, head string) string {
	return fmt.Sprintf("%s:%d:%s", path, inode, head)
}

// read takes what came to a file.
func (s *Shipper) read(t *tail, now time.Time) (more bool, err error) {
	info, err := t.file.Stat()
	if err != nil {
		return false, err
	}
	end := t.offset + int64(len(t.buf))
	if info.Size() < end || t.head == "" || info.Size() > end {
		// New content in the same file, as copytruncate leaves it, is another stream.
		head, ok := headOf(t.file)
		if !ok {
			if info.Size() < end {
				s.flushTail(t)
				t.restart("")
			}
			return false, nil
		}
		if head != t.head || info.Size() < end {
			if t.head != "" {
				s.flushTail(t)
			}
			t.restart(head)
			if p := s.state.Files[t.stream]; p != nil && p.Offset <= info.Size() {
				t.offset = p.Offset
			}
			end = t.offset
		}
	}
	if info.Size() > end {
		n := min(info.Size()-end, readAtOnce)
		at := len(t.buf)
		t.buf = append(t.buf, make([]byte, n)...)
		got, err := t.file.ReadAt(t.buf[at:], end)
		t.buf = t.buf[:at+got]
		if err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		t.since = now
		s.lines(t, now)
		more = info.Size() > end+int64(got)
	}
	// What waits for its end, or for what may belong to it, waits no longer.
	if t.joiner != nil && t.joiner.Held() && now.Sub(t.held) >= holdLine {
		s.flushJoiner(t)
	}
	if !more && len(t.buf) > 0 && now.Sub(t.since) >= holdPart {
		s.take(t, parse.Text(t.buf), t.offset, t.offset+int64(len(t.buf)), now)
		t.offset += int64(len(t.buf))
		t.buf = t.buf[:0]
		s.flushJoiner(t)
	}
	return more, nil
}

func (t *tail) restart(head string) {
	t.head, t.offset, t.buf, t.skip = head, 0, t.buf[:0], false
	t.stream = streamName(t.path, t.inode, head)
}

// lines takes the whole lines that were read.
func (s *Shipper) lines(t *tail, now time.Time) {
	used := 0
	for {
		rest := t.buf[used:]
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			if len(rest) > maxLine {
				if !t.skip {
					s.take(t, parse.Text(rest[:maxLine]), t.offset, t.offset+int64(len(rest)), now)
					s.Cut.Add(1)
				}
				t.skip = true
				used += len(rest)
				t.offset += int64(len(rest))
			}
			break
		}
		line := bytes.TrimSuffix(rest[:i], []byte("\r"))
		start := t.offset
		t.offset += int64(i + 1)
		used += i + 1
		switch {
		case t.skip:
			t.skip = false
		case len(line) > maxLine:
			s.Cut.Add(1)
			s.take(t, parse.Text(line[:maxLine]), start, t.offset, now)
		default:
			s.take(t, parse.Text(line), start, t.offset, now)
		}
	}
	t.buf = append(t.buf[:0], t.buf[used:]...)
	if cap(t.buf) > 4*readAtOnce && len(t.buf) < readAtOnce {
		t.buf = slices.Clone(t.buf)
	}
	s.move(t, false)
}

// move has the state say, once the batch is sent, how far a file was read; not
// beyond a line that is held.
func (s *Shipper) move(t *tail, done bool) {
	p := place{Path: t.path, Inode: t.inode, Head: t.head, Offset: t.offset, Done: done, Seen: s.o.Now().Unix()}
	if t.joiner != nil {
		if at, ok := t.joiner.Start(); ok {
			p.Offset = at
		}
	}
	if t.part != "" {
		p.Offset = min(p.Offset, t.partAt)
	}
	stream := t.stream
	s.batch.moves = append(s.batch.moves, func(st *state) { st.Files[stream] = &p; st.dirty = true })
}

// take has a line go through envelope and joiner.
func (s *Shipper) take(t *tail, text string, start, end int64, now time.Time) {
	var e parse.Envelope
	if t.of.Container {
		var ok bool
		if e, ok = parse.Docker(&t.docker, text); !ok {
			if e, ok = parse.CRI(text); !ok {
				e = parse.Envelope{Text: text}
			}
		}
		if t.part == "" {
			t.partAt = start
		}
		if e.Partial && len(t.part) < maxLine {
			t.part += e.Text
			return
		}
		text, start, t.part = t.part+e.Text, t.partAt, ""
	}
	if t.joiner == nil {
		s.ship(t, parse.Line{Text: text, Start: start, Time: e.Time, Stream: e.Stream})
		return
	}
	t.held = now
	if whole, ok := t.joiner.Add(parse.Line{Text: text, Start: start, End: end, Time: e.Time, Stream: e.Stream}); ok {
		s.ship(t, whole)
	}
}

func (s *Shipper) flushJoiner(t *tail) {
	if t.joiner == nil {
		return
	}
	if whole, ok := t.joiner.Flush(); ok {
		s.ship(t, whole)
		s.move(t, false)
	}
}

// flushTail gives up waiting for what may follow.
func (s *Shipper) flushTail(t *tail) {
	if len(t.buf) > 0 && !t.skip {
		s.take(t, parse.Text(t.buf), t.offset, t.offset+int64(len(t.buf)), s.o.Now())
		t.offset += int64(len(t.buf))
		t.buf = t.buf[:0]
	}
	s.flushJoiner(t)
	if t.head != "" {
		s.move(t, t.gone)
	}
}

// ship reads a line's fields and puts it into the batch. An empty line is none.
func (s *Shipper) ship(t *tail, line parse.Line) {
	text, offset, at := line.Text, line.Start, line.Time
	if strings.TrimSpace(text) == "" {
		return
	}
	r := record.Record{Message: text, Class: t.class, Time: at, Fields: make([]record.Field, 0, 16)}
	if !t.parser.Parse(&r) {
		s.Unread.Add(1)
		r.Put("event.parsed", record.BoolValue(false))
	}
	if at != 0 { // the engine's own time is exact
		r.Time = at
	}
	r.Put(record.Path, record.StringValue(t.path))
	r.Put(record.Offset, record.IntValue(offset))
	if t.of.Service != "" {
		if _, ok := r.Get(record.Service); !ok {
			r.Put(record.Service, record.StringValue(t.of.Service))
		}
	}
	if t.of.Container {
		t.ofContainer(&r, line.Stream)
	}
	s.add(r, t.stream, offset)
}

func (t *tail) close() {
	if t.file != nil {
		_ = t.file.Close() // only read
		t.file = nil
	}
}

// forgetAfter is how long a file that is gone is remembered.
const forgetAfter = 60 * 24 * time.Hour

// forget drops what was long gone from the state.
func (s *Shipper) forget(now time.Time) {
	open := map[string]bool{}
	for _, t := range s.tails {
		open[t.stream] = true
	}
	for stream, p := range s.state.Files {
		if !open[stream] && now.Sub(time.Unix(p.Seen, 0)) > forgetAfter {
			delete(s.state.Files, stream)
			s.state.dirty = true
		}
	}
}

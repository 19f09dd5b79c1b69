package query

import (
	"bytes"
	"encoding/binary"
	"sync"
	"unsafe"
)

// scratch is memory for the search of words, used again and again.
type scratch struct {
	text  []byte
	words []string
}

var scratches = sync.Pool{New: func() any { return &scratch{} }}

// keptScratch is the largest text that is kept for the next search.
const keptScratch = 32 << 20

// findWords adds the rows of a column of text that have the words. The text of
// all rows is put in lower case and searched at once for one of the words; only
// where that stands the row is looked at.
func findWords(w Words, anchor string, c *Column, s *Set) {
	m := scratches.Get().(*scratch)
	defer func() {
		if cap(m.text) <= keptScratch {
			clear(m.words)
			scratches.Put(m)
		}
	}()
	m.text = lower(m.text[:0], c.Text)
	text, needle := m.text, []byte(anchor)
	single := len(w.Words) == 1
	direct := w.Phrase && !w.Prefix && w.Slop == 0 && !single
	row, rows := 0, len(c.Ends)-1
	for at := int(c.Ends[0]); ; {
		i := bytes.Index(text[at:], needle)
		if i < 0 {
			return
		}
		at += i
		for row < rows && int(c.Ends[row+1]) <= at {
			row++
		}
		if row == rows {
			return
		}
		from, to := int(c.Ends[row]), int(c.Ends[row+1])
		if at+len(needle) > to { // it crosses the end of its row
			at++
			continue
		}
		line := text[from:to]
		switch whole, long := border(line, at-from, len(needle), single && w.Prefix); {
		case whole && single, whole && direct && w.around(line, at-from, anchor), !direct && (whole || long || w.Prefix) && m.among(w, line), long && m.among(w, line):
			if !c.Gap(row) {
				s.Add(row)
			}
			at = to
		case long, !direct && (whole || w.Prefix):
			at = to // it was looked at as a whole
		default:
			at++
		}
	}
}

// around says whether a phrase stands where one of its words does. The line is
// in lower case as far as it is ASCII.
func (f Words) around(line []byte, at int, anchor string) bool {
	text := unsafe.String(unsafe.SliceData(line), len(line)) //nolint:gosec // it is only compared
	for i, word := range f.Words {
		if word == anchor && f.behind(text, at+len(anchor), i+1) && f.before(text, at, i-1) {
			return true
		}
	}
	return false
}

func (f Words) behind(text string, from, i int) bool {
	for ; i < len(f.Words); i++ {
		start, end := nextWord(text, from)
		if start < 0 || fold(text[start:end]) != f.Words[i] {
			return false
		}
		from = end
	}
	return true
}

func (f Words) before(text string, to, i int) bool {
	for ; i >= 0; i-- {
		for to > 0 && !wordBefore(text, to) {
			to--
		}
		start := to
		for start > 0 && wordBefore(text, start) {
			start--
			for start > 0 && text[start]&0xC0 == 0x80 {
				start--
			}
		}
		if start == to {
			return false
		}
		if to-start > maxWord { // its last piece alone is next to the phrase
			pieces := WordsOf(text[start:to])
			for ; i >= 0 && len(pieces) > 0; i-- {
				if pieces[len(pieces)-1] != f.Words[i] {
					return false
				}
				pieces = pieces[:len(pieces)-1]
			}
			i++
		} else if fold(text[start:to]) != f.Words[i] {
			return false
		}
		to = start
	}
	return true
}

// border says whether a word of the line stands at a place, as a whole or, with
// prefix, as its beginning; long says that this cannot be told, since what
// stands there is so long that it is several words.
func border(line []byte, at, n int, prefix bool) (whole, long bool) {
	start, end := at, at+n
	before := wordBefore(line, start)
	after := false
	if end < len(line) {
		after, _ = wordAt(line, end)
	}
	if !before && (!after || prefix) {
		return true, false
	}
	for start > 0 && at-start <= maxWord && wordBefore(line, start) {
		start--
		for start > 0 && line[start]&0xC0 == 0x80 {
			start--
		}
	}
	for end < len(line) && end-start <= maxWord {
		ok, size := wordAt(line, end)
		if !ok {
			break
		}
		end += size
	}
	return false, end-start > maxWord
}

// among looks at a whole line, which is in lower case as far as it is ASCII.
func (m *scratch) among(w Words, line []byte) bool {
	m.words = AppendWords(m.words[:0], unsafe.String(unsafe.SliceData(line), len(line))) //nolint:gosec // the words are gone before the line changes
	return w.among(m.words)
}

// lower appends text with its letters of ASCII in lower case, eight at a time.
func lower(dst, text []byte) []byte {
	const ones = 0x0101010101010101
	dst = append(dst, text...)
	i := 0
	for ; i+8 <= len(dst); i += 8 {
		x := binary.LittleEndian.Uint64(dst[i:])
		low := x & (ones * 0x7f)
		// The top bit of each byte says whether it is beyond Z, and at least A.
		beyond := low + ones*(0x7f-'Z')
		least := low + ones*(0x80-'A')
		upper := (beyond ^ least) & ^x & (ones * 0x80)
		binary.LittleEndian.PutUint64(dst[i:], x|upper>>2)
	}
	for ; i < len(dst); i++ {
		if c := dst[i]; c >= 'A' && c <= 'Z' {
			dst[i] = c | 0x20
		}
	}
	return dst
}

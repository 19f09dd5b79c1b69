package part

import (
	"math"
	"strings"
	"sync"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// The columns that every file has, in the order of the file. Fields come behind
// message, the last two at the end.
const (
	restName  = "_rest"
	exactName = "_exact"
)

// A dictionary pays while it is much shorter than the column.
const (
	maxDict    = 16_384
	maxDictNum = 1024
	tryDict    = 4096 // values after which it has to pay
)

// column gathers the values of a field for a row group.
type column struct {
	field
	required bool
	// The numbers of a column without filter are looked up by their bounds.
	noTokens bool // not all of its values are among the tokens

	levels []byte // a row each, as far as the last value: 1 where there is one
	values int
	cuts   []int // values before the end of each page

	text []byte
	ends []uint32 // one more than values
	nums []int64

	coded bool
	codes []int32
	dict  map[string]int32
	dictN map[int64]int32
	order []int32 // the value at which each code came first
}

// columns keeps the memory of columns for the next file.
var columns = sync.Pool{New: func() any { return &column{} }}

func newColumn(f field, required bool) *column {
	c := columns.Get().(*column)
	c.field, c.required = f, required
	c.reset()
	return c
}

// release gives the memory of a column back, unless it is too much.
func (c *column) release() {
	if cap(c.text) <= keptRoom {
		columns.Put(c)
	}
}

func (c *column) reset() {
	c.levels, c.cuts, c.values, c.noTokens = c.levels[:0], c.cuts[:0], 0, false
	c.text, c.ends, c.nums, c.codes, c.order = c.text[:0], append(c.ends[:0], 0), c.nums[:0], c.codes[:0], c.order[:0]
	c.coded = c.name != record.Message && c.name != exactName && c.name != restName && !c.required && c.kind != kindBool
	switch {
	case !c.coded:
	case c.kind.bytewise():
		if c.dict == nil {
			c.dict = map[string]int32{}
		}
		clear(c.dict)
	default:
		if c.dictN == nil {
			c.dictN = map[int64]int32{}
		}
		clear(c.dictN)
	}
}

// mark says that a row has a value.
func (c *column) mark(row int) {
	if !c.required {
		c.fill(row)
		c.levels = append(c.levels, 1)
	}
	c.values++
}

// fill says that the rows before have no further ones.
func (c *column) fill(rows int) {
	if n := rows - len(c.levels); n > 0 && !c.required {
		c.levels = append(c.levels, make([]byte, n)...)
	}
}

// addText adds the value of a row. It says whether the value is a new one, as
// far as that is known.
func (c *column) addText(row int, s string) (fresh bool) {
	c.mark(row)
	n := len(c.ends)
	fresh = n < 2 || string(c.text[c.ends[n-2]:]) != s
	c.text = append(c.text, s...)
	c.ends = append(c.ends, uint32(len(c.text))) //nolint:gosec // groupBytes and a line
	if !c.coded {
		return fresh
	}
	if !fresh {
		c.codes = append(c.codes, c.codes[len(c.codes)-1])
		return false
	}
	code, ok := c.dict[s]
	if !ok {
		code = int32(len(c.dict)) //nolint:gosec // maxDict
		c.dict[strings.Clone(s)] = code
		c.order = append(c.order, int32(c.values-1)) //nolint:gosec // rows of a group
	}
	c.codes = append(c.codes, code)
	if len(c.dict) > maxDict || c.values >= tryDict && 2*len(c.dict) > c.values {
		c.coded = false
	}
	return !ok
}

// addNum adds the value of a row. It says whether the value is a new one, as
// far as that is known.
func (c *column) addNum(row int, n int64) (fresh bool) {
	c.mark(row)
	c.nums = append(c.nums, n)
	if !c.coded {
		c.noTokens = true
		return false
	}
	code, ok := c.dictN[n]
	if !ok {
		code = int32(len(c.dictN)) //nolint:gosec // maxDictNum
		c.dictN[n] = code
		c.order = append(c.order, int32(c.values-1)) //nolint:gosec // rows of a group
	}
	c.codes = append(c.codes, code)
	if len(c.dictN) > maxDictNum || c.values >= tryDict && 4*len(c.dictN) > c.values {
		c.coded = false
	}
	return !ok
}

// pays says whether the dictionary is worth it.
func (c *column) pays() bool {
	return c.coded && 2*len(c.order) <= c.values
}

// bounds are the least and the greatest of a column of numbers.
func (c *column) bounds() (least, most int64, ok bool) {
	switch c.kind {
	case kindInt, kindTime:
		for i, n := range c.nums {
			if i == 0 {
				least, most = n, n
			}
			least, most = min(least, n), max(most, n)
		}
		return least, most, c.values > 0
	case kindFloat:
		a, b := math.Inf(1), math.Inf(-1)
		for _, n := range c.nums {
			f := math.Float64frombits(uint64(n)) //nolint:gosec // bits, not a number
			if f != f {
				return 0, 0, false // what is no number lies nowhere
			}
			a, b = min(a, f), max(b, f)
		}
		return int64(math.Float64bits(a)), int64(math.Float64bits(b)), c.values > 0 //nolint:gosec // bits, not a number
	}
	return 0, 0, false
}

// words gathers the tokens of words.
type words struct {
	set   *tokenSet
	text  []byte
	words []string
}

// piece is about how much of a text is looked at at once: of a very long one the
// words alone would take more memory than the text.
const piece = 64 << 10

func (w *words) add(text string) {
	for len(text) > piece {
		n := piece
		for n < len(text) && !parts(text[n]) {
			n++
		}
		w.some(text[:n])
		text = text[n:]
	}
	w.some(text)
}

// parts says whether a byte stands between words in any case.
func parts(c byte) bool {
	return c < 0x80 && c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
}

func (w *words) some(text string) {
	w.text = lower(w.text[:0], text)
	w.words = query.AppendWords(w.words[:0], view(w.text))
	for _, word := range w.words {
		w.set.add(query.WordToken(word))
	}
}

// lower appends a text with its letters of ASCII in lower case: words are in
// lower case anyhow, and need no room of their own when they are before.
func lower(dst []byte, text string) []byte {
	dst = append(dst, text...)
	for i, c := range dst {
		if 'A' <= c && c <= 'Z' {
			dst[i] = c | 0x20
		}
	}
	return dst
}

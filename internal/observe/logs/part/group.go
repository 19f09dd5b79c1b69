package part

import (
	"encoding/json"
	"math"
	"strings"
	"sync"
	"unicode/utf8"
	"unsafe"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// group gathers the lines of a row group, column by column.
type group struct {
	limits  limits
	columns []*column
	byName  map[string]*column
	last    []*column // of the line before: the next one mostly looks the same

	time, ingested, seq, owner, class, index, id, message, rest, exact *column

	rows     int
	pages    []int // the rows at which pages end
	bytes    int   // of text
	pageFrom int   // bytes at the beginning of the page
	least    int64
	most     int64

	tokens *tokenSet
	words  words

	strange  map[string]nameCount // names in the column _exact
	overflow bool                 // there are more names
	record   record.Record        // fields on their way to _exact
	json     []byte
	encoded  []byte
}

func newGroup(fields []field, l limits) *group {
	g := &group{limits: l, byName: map[string]*column{}, strange: map[string]nameCount{}}
	add := func(name string, k kind, required bool) {
		c := newColumn(field{name, k}, required)
		g.columns = append(g.columns, c)
		g.byName[name] = c
	}
	for _, c := range firstColumns {
		add(c.name, c.kind, c.required)
	}
	for _, f := range fields {
		add(f.name, f.kind, false)
	}
	for _, c := range lastColumns {
		add(c.name, c.kind, c.required)
	}
	of := g.byName
	g.time, g.ingested, g.seq = of[record.Time], of[record.Ingested], of[record.Seq]
	g.owner, g.class, g.index, g.id = of[record.OwnerField], of[record.Class], of[record.Index], of[record.ID]
	g.message, g.rest, g.exact = of[record.Message], of[restName], of[exactName]
	g.tokens = tokenSets.Get().(*tokenSet)
	g.tokens.reset()
	g.words.set = g.tokens
	return g
}

// tokenSets keeps the memory of tokens for the next file.
var tokenSets = sync.Pool{New: func() any { return &tokenSet{} }}

// release gives the memory of the group back; it is not used after.
func (g *group) release() {
	for _, c := range g.columns {
		c.release()
	}
	g.columns = nil
	if g.tokens != nil {
		tokenSets.Put(g.tokens)
		g.tokens = nil
	}
}

func (g *group) reset() {
	for _, c := range g.columns {
		c.reset()
	}
	g.rows, g.pages, g.bytes, g.pageFrom = 0, g.pages[:0], 0, 0
	g.tokens.reset()
	clear(g.strange)
	g.overflow = false
}

// add takes a line in, the fields of which are sorted.
func (g *group) add(r *record.Record) {
	row := g.rows
	g.rows++
	if row == 0 {
		g.least, g.most = r.Time, r.Time
	}
	g.least, g.most = min(g.least, r.Time), max(g.most, r.Time)
	g.time.addNum(row, r.Time)
	g.seq.addNum(row, int64(r.Seq)) //nolint:gosec // as it is; it comes back as it was
	if r.Ingested != 0 {
		g.ingested.addNum(row, r.Ingested)
	}
	g.record.Fields = g.record.Fields[:0]
	g.json = g.json[:0]
	if r.Owner != (record.Owner{}) {
		g.own(g.owner, row, r.Owner.String())
	}
	g.own(g.class, row, r.Class)
	g.own(g.index, row, r.Index)
	g.own(g.id, row, r.ID)
	g.own(g.message, row, r.Message)
	if r.Message != "" {
		g.words.add(r.Message)
	}
	for i := 0; i < len(r.Fields); {
		n := 1
		for i+n < len(r.Fields) && r.Fields[i+n].Name == r.Fields[i].Name {
			n++
		}
		g.field(row, i, r.Fields[i:i+n])
		i += n
	}
	if len(g.json) > 0 {
		g.json = append(g.json, '}')
		g.rest.addText(row, view(g.json))
		g.bytes += len(g.json)
	}
	if len(g.record.Fields) > 0 {
		g.encoded = record.Append(g.encoded[:0], &g.record)
		g.exact.addText(row, view(g.encoded))
		g.bytes += len(g.encoded)
	}
	if g.rows-g.pageStart() >= g.limits.pageRows || g.bytes-g.pageFrom >= g.limits.pageBytes {
		g.cut()
	}
}

// own adds one of a line's own texts, which is none when it is empty.
func (g *group) own(c *column, row int, text string) {
	if text == "" {
		return
	}
	g.bytes += len(text)
	if utf8.ValidString(text) {
		c.addText(row, text)
		return
	}
	c.addText(row, strings.ToValidUTF8(text, "\uFFFD"))
	g.truth(record.Field{Name: c.name, Value: record.StringValue(text)})
}

// field adds the values of a field.
func (g *group) field(row, at int, values []record.Field) {
	f := &values[0]
	var c *column
	if at < len(g.last) && g.last[at] != nil && g.last[at].name == f.Name {
		c = g.last[at]
	} else {
		if c = g.byName[f.Name]; c != nil && (c == g.rest || c == g.exact) {
			c = nil
		}
		for len(g.last) <= at {
			g.last = append(g.last, nil)
		}
		g.last[at] = c
	}
	exact := len(values) == 1 && c != nil && c.kind.fits(f.Value)
	if c == nil || !exact && !c.kind.textual() && !c.kind.fits(f.Value) {
		g.aside(values)
	} else {
		g.put(c, row, f.Value)
		if len(values) > 1 {
			g.aside(values)
		}
	}
	if exact {
		return
	}
	for _, f := range values {
		g.truth(f)
		if f.Value.Kind == record.String || f.Value.Kind == record.JSON {
			g.words.add(f.Value.Str)
		}
		g.value(f.Name, f.Value)
	}
}

// put adds a value to a column, as text where it is no text.
func (g *group) put(c *column, row int, v record.Value) {
	if !c.kind.bytewise() {
		n := v.Num
		if c.kind == kindFloat {
			n, _ = floatBits(v)
		}
		if c.addNum(row, n) {
			g.value(c.name, v)
		}
		return
	}
	text := v.Str
	if v.Kind != record.String && v.Kind != record.JSON {
		if v.Kind == record.None {
			return
		}
		text = v.Text()
	}
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	g.bytes += len(text)
	if c.addText(row, text) {
		g.words.add(text)
		g.value(c.name, record.StringValue(text))
	}
}

func (g *group) value(name string, v record.Value) {
	if t, ok := query.ValueToken(name, v); ok {
		g.tokens.add(t)
	}
}

// truth puts a value in the column _exact.
func (g *group) truth(f record.Field) {
	if n := len(g.record.Fields); n == 0 || g.record.Fields[n-1].Name != f.Name {
		s, ok := g.strange[f.Name]
		if !ok {
			s = nameCount{name: strings.Clone(f.Name), kind: f.Value.Kind}
		}
		if s.n++; ok || len(g.strange) < maxNames {
			g.strange[s.name] = s
		} else {
			g.overflow = true
		}
	}
	g.record.Fields = append(g.record.Fields, f)
}

// aside shows values in the column _rest.
func (g *group) aside(values []record.Field) {
	sep := byte(',')
	if len(g.json) == 0 {
		sep = '{'
	}
	g.json = append(g.json, sep)
	g.json = record.AppendString(g.json, values[0].Name)
	g.json = append(g.json, ':')
	if len(values) > 1 {
		g.json = append(g.json, '[')
	}
	for i, f := range values {
		if i > 0 {
			g.json = append(g.json, ',')
		}
		if len(g.json) > maxRest {
			f.Value = record.Value{}
		}
		g.json = appendShown(g.json, f.Value)
	}
	if len(values) > 1 {
		g.json = append(g.json, ']')
	}
}

// maxShown is how much of a text the column _rest shows: it is for people, and
// escapes make a text longer.
const maxShown = 64 << 10

// maxRest is how much of a line the column _rest shows, about; of what is
// behind, the names.
const maxRest = 1 << 20

// appendShown writes a value as JSON that is JSON in any case.
func appendShown(b []byte, v record.Value) []byte {
	if len(v.Str) > maxShown {
		v = record.StringValue(strings.ToValidUTF8(v.Str[:maxShown], "\uFFFD") + " …")
	}
	switch f, _ := v.Float(); {
	case v.Kind == record.JSON && !json.Valid([]byte(v.Str)),
		v.Kind == record.JSON && !utf8.ValidString(v.Str),
		v.Kind == record.Float && (math.IsNaN(f) || math.IsInf(f, 0)):
		return record.AppendString(b, strings.ToValidUTF8(v.Text(), "\uFFFD"))
	case v.Kind > record.JSON:
		return append(b, "null"...)
	}
	return v.AppendJSON(b)
}

func (g *group) pageStart() int {
	if len(g.pages) == 0 {
		return 0
	}
	return g.pages[len(g.pages)-1]
}

// cut ends a page.
func (g *group) cut() {
	if g.rows == g.pageStart() {
		return
	}
	g.pages = append(g.pages, g.rows)
	g.pageFrom = g.bytes
	for _, c := range g.columns {
		c.fill(g.rows)
		c.cuts = append(c.cuts, c.values)
	}
}

// view is bytes as a string, good until they change.
func view(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b)) //nolint:gosec // nobody keeps it
}

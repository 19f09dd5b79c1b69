package part

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Shape is what lines look like: which fields, of which kinds. A file's columns
// are made by it, so it is taken of all lines before the first is written; what
// it does not know is kept all the same, less conveniently.
type Shape struct {
	fields map[string]*tally
	last   []*tally // of the line before: the next one mostly looks the same
}

// tally counts a field's values by kind.
type tally struct {
	name  string
	lines int64
	kinds [record.JSON + 1]int64
}

// NewShape returns the shape of no lines.
func NewShape() *Shape { return &Shape{fields: map[string]*tally{}} }

// Add looks at a line.
func (s *Shape) Add(r *record.Record) {
	for i := range r.Fields {
		f := &r.Fields[i]
		var t *tally
		if i < len(s.last) && s.last[i].name == f.Name {
			t = s.last[i]
		} else {
			t = s.tally(f.Name)
			s.last = append(s.last[:min(i, len(s.last))], t)
		}
		if k := f.Value.Kind; k <= record.JSON {
			t.kinds[k]++
		}
		if i == 0 || r.Fields[i-1].Name != f.Name {
			t.lines++
		}
	}
}

func (s *Shape) tally(name string) *tally {
	t := s.fields[name]
	if t == nil {
		t = &tally{name: strings.Clone(name)}
		s.fields[t.name] = t
	}
	return t
}

// AddFields takes in what is known of a file, for a file made of it.
func (s *Shape) AddFields(fields []FieldInfo) {
	for _, f := range fields {
		if record.Reserved(f.Name) {
			continue
		}
		t := s.tally(f.Name)
		t.lines += f.Lines
		t.kinds[f.Kind] += f.Lines
	}
}

// field is a column to be.
type field struct {
	name string
	kind kind
}

// columns are the columns of fields, sorted by name.
func (s *Shape) columns() []field {
	names := slices.DeleteFunc(slices.Collect(maps.Keys(s.fields)), func(name string) bool { return !columnName(name) })
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(s.fields[b].lines, s.fields[a].lines), cmp.Compare(a, b))
	})
	names = names[:min(len(names), MaxColumns)]
	slices.Sort(names)
	var all []field
	for _, name := range names {
		if k := s.fields[name].kind(); k != 0 {
			all = append(all, field{name, k})
		}
	}
	return all
}

// kind is the type that most values have.
func (t *tally) kind() kind {
	numbers := kindInt
	if t.kinds[record.Float] > 0 {
		numbers = kindFloat
	}
	most, best := kind(0), int64(0)
	for _, c := range []struct {
		kind kind
		n    int64
	}{
		{kindText, t.kinds[record.String]},
		{numbers, t.kinds[record.Int] + t.kinds[record.Float]},
		{kindBool, t.kinds[record.Bool]},
		{kindTime, t.kinds[record.Moment]},
		{kindJSON, t.kinds[record.JSON]},
	} {
		if c.n > best {
			most, best = c.kind, c.n
		}
	}
	return most
}

// columnName says whether a field's name can be a column's.
func columnName(name string) bool {
	return name != "" && len(name) <= maxName && utf8.ValidString(name) && !strings.Contains(name, "\x00") &&
		!record.Reserved(name) && name != restName && name != exactName
}

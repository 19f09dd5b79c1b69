package elastic

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/valyala/fastjson"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Source is a line as the document that its sender sent, with what the hub added:
// names with dots are objects in each other, names that come several times are
// arrays. Where a name is a value and the beginning of others, the others keep
// their dots.
func Source(r *record.Record) []byte { return appendSource(nil, fieldsOf(nil, r)) }

// fieldsOf appends all fields of a line but those that stand beside its source,
// in the order in which a document has them.
func fieldsOf(all []record.Field, r *record.Record) []record.Field {
	all = slices.Grow(all, len(r.Fields)+5)
	for _, name := range []string{record.Time, record.Message, record.Ingested, record.Class, record.OwnerField} {
		if v, ok := r.Get(name); ok {
			all = append(all, record.Field{Name: name, Value: v})
		}
	}
	all = append(all, r.Fields...)
	slices.SortStableFunc(all, func(a, b record.Field) int { return compareNames(a.Name, b.Name) })
	return all
}

// compareNames orders names so that those of one object lie together: the dot
// comes before all other signs.
func compareNames(a, b string) int {
	for i := range min(len(a), len(b)) {
		if a[i] == b[i] {
			continue
		}
		switch {
		case a[i] == '.':
			return -1
		case b[i] == '.':
			return 1
		}
		return cmp.Compare(a[i], b[i])
	}
	return cmp.Compare(len(a), len(b))
}

// appendSource writes fields, ordered by compareNames, as an object.
func appendSource(b []byte, all []record.Field) []byte {
	b, _ = appendObject(b, all, "")
	return b
}

// appendObject writes the fields that begin with a prefix, and returns how many.
func appendObject(b []byte, all []record.Field, prefix string) ([]byte, int) {
	b = append(b, '{')
	blocked := "" // a name that is a value: what it begins is not an object
	i, first := 0, true
	for i < len(all) && strings.HasPrefix(all[i].Name, prefix) {
		name := all[i].Name
		if !first {
			b = append(b, ',')
		}
		first = false
		key, _, nested := strings.Cut(name[len(prefix):], ".")
		if nested && !(blocked != "" && strings.HasPrefix(name, blocked)) {
			b = record.AppendString(b, key)
			b = append(b, ':')
			var n int
			b, n = appendObject(b, all[i:], name[:len(prefix)+len(key)+1])
			i += n
			continue
		}
		if !nested {
			blocked = name + "."
		}
		end := i + 1
		for end < len(all) && all[end].Name == name {
			end++
		}
		b = record.AppendString(b, name[len(prefix):])
		b = append(b, ':')
		if end > i+1 {
			b = append(b, '[')
		}
		for k, one := range all[i:end] {
			if k > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, one.Value)
		}
		if end > i+1 {
			b = append(b, ']')
		}
		i = end
	}
	return append(b, '}'), i
}

// appendValue writes a value; what JSON cannot say is null.
func appendValue(b []byte, v record.Value) []byte {
	switch v.Kind {
	case record.Float:
		if f, _ := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return append(b, "null"...)
		}
	case record.JSON:
		if fastjson.Validate(v.Str) != nil {
			return record.AppendString(b, v.Str)
		}
	}
	return v.AppendJSON(b)
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

package elastic

import (
	"slices"
	"strings"

	"github.com/valyala/fastjson"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// fetch is what is wanted of a hit.
type fetch struct {
	source, sourceSaid bool
	includes, excludes []string
	fields             []fieldShape
	noID               bool
	version, seqNo     bool
	sorted             bool
	sorts              []sortShape
}

// fieldShape is a field, maybe with wildcards, and how its times are written.
type fieldShape struct{ name, format string }

func (f *fetch) read(r *reader, key string, v *fastjson.Value) (err error) {
	switch key {
	case "_source":
		return f.readSource(r, v)
	case "fields", "docvalue_fields":
		for _, one := range list(v) {
			shape := fieldShape{}
			if one.Type() == fastjson.TypeObject {
				err = r.each(key, one, func(key string, v *fastjson.Value) error {
					switch key {
					case "field":
						shape.name = text(v)
					case "format":
						if shape.format = text(v); shape.format == "use_field_mapping" {
							shape.format = ""
						}
					}
					return nil
				})
			} else if isScalar(one) {
				shape.name = text(one)
			}
			if err == nil && shape.name == "" {
				err = r.at(malformed("[%s] needs the name of a field", key), key)
			}
			if err != nil {
				return err
			}
			shape.name = strings.TrimSuffix(shape.name, ".keyword")
			f.fields = append(f.fields, shape)
		}
	case "stored_fields":
		names, err := r.names(key, v)
		if !f.sourceSaid {
			f.source = slices.Contains(names, "_source")
		}
		f.noID = slices.Equal(names, []string{"_none_"})
		return err
	case "version":
		f.version, err = r.boolean(key, v)
	case "seq_no_primary_term":
		f.seqNo, err = r.boolean(key, v)
	}
	return err
}

func (f *fetch) readSource(r *reader, v *fastjson.Value) (err error) {
	f.sourceSaid, f.source = true, true
	switch v.Type() {
	case fastjson.TypeTrue:
	case fastjson.TypeFalse:
		f.source = false
	case fastjson.TypeObject:
		return r.each("_source", v, func(key string, v *fastjson.Value) (err error) {
			switch key {
			case "includes", "include":
				f.includes, err = r.names(key, v)
			case "excludes", "exclude":
				f.excludes, err = r.names(key, v)
			default:
				err = r.at(malformed("Unknown key for a %s in [%s].", tokenOf(v), key), key)
			}
			return err
		})
	default:
		if s := text(v); s == "false" {
			f.source = false
		} else {
			f.includes, err = r.names("_source", v)
		}
	}
	return err
}

// wants says whether a field belongs into _source.
func (f *fetch) wants(name string) bool {
	if len(f.includes) > 0 && !slices.ContainsFunc(f.includes, func(p string) bool { return covers(p, name) }) {
		return false
	}
	return !slices.ContainsFunc(f.excludes, func(p string) bool { return covers(p, name) })
}

// covers says whether a pattern names a field or an object that it is in.
func covers(pattern, name string) bool {
	if like(pattern, name) {
		return true
	}
	for i := range len(name) {
		if name[i] == '.' && like(pattern, name[:i]) {
			return true
		}
	}
	return false
}

// like says whether a name matches a pattern in which * is any text.
func like(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == name
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(name) < len(first)+len(last) || !strings.HasPrefix(name, first) || !strings.HasSuffix(name, last) {
		return false
	}
	name = name[len(first) : len(name)-len(last)]
	for _, p := range parts[1 : len(parts)-1] {
		_, rest, ok := strings.Cut(name, p)
		if !ok {
			return false
		}
		name = rest
	}
	return true
}

// appendFields writes the fields of a hit that were asked for by name: each an
// array of values.
func (f *fetch) appendFields(b []byte, all []record.Field) []byte {
	n := 0
	for i := 0; i < len(all); {
		name := all[i].Name
		end := i + 1
		for end < len(all) && all[end].Name == name {
			end++
		}
		for _, shape := range f.fields {
			if !like(shape.name, name) {
				continue
			}
			b = append(b, sep(n, `,"fields":{`)...)
			n++
			b = record.AppendString(b, name)
			b = append(b, ':', '[')
			for k, one := range all[i:end] {
				if k > 0 {
					b = append(b, ',')
				}
				if one.Value.Kind == record.Moment {
					b = record.AppendString(b, writeTime(one.Value.Num, shape.format, nil))
				} else {
					b = appendValue(b, one.Value)
				}
			}
			b = append(b, ']')
			break
		}
		i = end
	}
	if n > 0 {
		b = append(b, '}')
	}
	return b
}

func sep(n int, first string) string {
	if n == 0 {
		return first
	}
	return ","
}

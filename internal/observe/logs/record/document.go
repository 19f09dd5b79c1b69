package record

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/valyala/fastjson"
)

// Limits bound one document.
type Limits struct {
	Depth  int // of objects in each other; 20
	Fields int // 1,000
	Name   int // bytes of the name of a field; 512
}

func (l Limits) withDefaults() Limits {
	l.Depth, l.Fields, l.Name = cmp.Or(l.Depth, 20), cmp.Or(l.Fields, 1000), cmp.Or(l.Name, 512)
	return l
}

// Why a document is no line.
var (
	ErrNoObject   = errors.New("a line is a JSON object")
	ErrTooDeep    = errors.New("objects are nested too deep")
	ErrManyFields = errors.New("too many fields")
	ErrLongName   = errors.New("the name of a field is too long")
	ErrReserved   = errors.New("the field belongs to the hub")
	ErrTime       = errors.New("the time cannot be read")
)

// Document takes a JSON object in as a line. Objects in it become names with
// dots, arrays several values of a name; arrays of objects stay JSON. Text that
// is no UTF-8 is made so. The line's strings are parts of the parser's memory,
// as those of v are; the room of r.Fields is used again.
//
// What programs call differently is given its name of Elastic Common Schema:
// message (also msg, _msg, log), @timestamp (time, _time, ts, timestamp),
// log.level (level, severity, loglevel), and service.name, which service, app,
// application, program and appname are copied to. Time stays zero where the
// document has none.
func Document(v *fastjson.Value, l Limits, r *Record) error {
	o, err := v.Object()
	if err != nil {
		return ErrNoObject
	}
	*r = Record{Fields: r.Fields[:0]}
	d := documenter{l: l.withDefaults(), r: r}
	d.object("", o, 1)
	if d.err != nil {
		return d.err
	}
	r.Sort()
	r.conventions()
	return nil
}

type documenter struct {
	l   Limits
	r   *Record
	err error
}

func (d *documenter) fail(err error, format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: "+format, append([]any{err}, args...)...)
	}
}

func (d *documenter) object(prefix string, o *fastjson.Object, depth int) {
	if depth > d.l.Depth {
		d.fail(ErrTooDeep, "%s is deeper than %d", strings.TrimSuffix(prefix, "."), d.l.Depth)
		return
	}
	o.Visit(func(key []byte, v *fastjson.Value) {
		if d.err == nil {
			d.value(prefix+valid(unsafe.String(unsafe.SliceData(key), len(key))), v, depth) //nolint:gosec // lives as long as the parser's memory
		}
	})
}

func (d *documenter) value(name string, v *fastjson.Value, depth int) {
	if len(name) > d.l.Name {
		d.fail(ErrLongName, "%.40s… has %d bytes, at most %d", name, len(name), d.l.Name)
		return
	}
	switch v.Type() {
	case fastjson.TypeObject:
		o, _ := v.Object()
		d.object(name+".", o, depth+1)
	case fastjson.TypeArray:
		d.array(name, v, depth)
	case fastjson.TypeNull:
	default:
		d.add(name, scalar(v))
	}
}

func (d *documenter) array(name string, v *fastjson.Value, depth int) {
	if depth >= d.l.Depth {
		d.fail(ErrTooDeep, "%s is deeper than %d", name, d.l.Depth)
		return
	}
	all, _ := v.Array()
	objects := slices.ContainsFunc(all, func(v *fastjson.Value) bool { return v.Type() == fastjson.TypeObject })
	if objects {
		if tooDeep(v, d.l.Depth-depth) {
			d.fail(ErrTooDeep, "%s is deeper than %d", name, d.l.Depth)
			return
		}
		d.add(name, JSONValue(valid(string(v.MarshalTo(nil)))))
		return
	}
	for _, one := range all {
		if d.err == nil {
			d.value(name, one, depth+1)
		}
	}
}

func tooDeep(v *fastjson.Value, left int) bool {
	if left < 0 {
		return true
	}
	deep := false
	switch v.Type() {
	case fastjson.TypeObject:
		o, _ := v.Object()
		o.Visit(func(_ []byte, v *fastjson.Value) { deep = deep || tooDeep(v, left-1) })
	case fastjson.TypeArray:
		all, _ := v.Array()
		deep = slices.ContainsFunc(all, func(v *fastjson.Value) bool { return tooDeep(v, left-1) })
	}
	return deep
}

func scalar(v *fastjson.Value) Value {
	switch v.Type() {
	case fastjson.TypeString:
		b, _ := v.StringBytes()
		return StringValue(valid(unsafe.String(unsafe.SliceData(b), len(b)))) //nolint:gosec // lives as long as the parser's memory
	case fastjson.TypeTrue:
		return BoolValue(true)
	case fastjson.TypeFalse:
		return BoolValue(false)
	}
	if n, err := v.Int64(); err == nil {
		return IntValue(n)
	}
	raw := string(v.MarshalTo(nil))
	f, err := strconv.ParseFloat(raw, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) || !strings.ContainsAny(raw, ".eE") {
		return StringValue(raw) // larger than numbers are here; nothing of it is lost
	}
	return FloatValue(f)
}

func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// add takes one value in.
func (d *documenter) add(name string, v Value) {
	switch name {
	case Message:
		if d.r.Message == "" {
			d.r.Message = v.Text()
			return
		}
		d.r.Message += "\n" + v.Text()
		return
	case Time:
		ns, ok := timeOf(v)
		if !ok {
			d.fail(ErrTime, "@timestamp %.60q; write it like 2026-11-25T10:00:00Z or in milliseconds since 1970", v.Text())
			return
		}
		d.r.Time = ns
		return
	case Index, ID, Seq, Ingested, OwnerField, Class:
		d.fail(ErrReserved, "%s; leave it out", name)
		return
	}
	if strings.HasPrefix(name, "vigie.") {
		d.fail(ErrReserved, "%s; leave out what begins with vigie.", name)
		return
	}
	if len(d.r.Fields) >= d.l.Fields {
		d.fail(ErrManyFields, "more than %d", d.l.Fields)
		return
	}
	d.r.Fields = append(d.r.Fields, Field{name, v})
}

// timeOf reads what senders put into @timestamp. A number is milliseconds, as
// Elasticsearch takes it, or one of the other units where that is no time of
// our days.
func timeOf(v Value) (int64, bool) {
	switch v.Kind {
	case String:
		if ns, ok := ParseTime(v.Str); ok {
			return ns, true
		}
		f, err := strconv.ParseFloat(v.Str, 64)
		if err != nil {
			return 0, false
		}
		return EpochTime(f)
	case Int, Float:
		if v.Kind == Int && v.Num > 1e17 { // nanoseconds, of which a float keeps not all
			return v.Num, true
		}
		f, _ := v.Float()
		return EpochTime(f)
	}
	return 0, false
}

// remove takes the first value of a field away.
func (r *Record) remove(name string) {
	i, ok := slices.BinarySearchFunc(r.Fields, name, func(f Field, name string) int { return cmp.Compare(f.Name, name) })
	if ok {
		r.Fields = slices.Delete(r.Fields, i, i+1)
	}
}

// Put sets a field that is there at most once, keeping the order.
func (r *Record) Put(name string, v Value) {
	i, ok := slices.BinarySearchFunc(r.Fields, name, func(f Field, name string) int { return cmp.Compare(f.Name, name) })
	if ok {
		r.Fields[i].Value = v
		return
	}
	r.Fields = slices.Insert(r.Fields, i, Field{name, v})
}

// conventions gives what programs call differently its name.
func (r *Record) conventions() {
	if r.Message == "" {
		for _, name := range []string{"msg", "_msg", "log"} {
			if v, ok := r.Get(name); ok && v.Kind == String {
				r.remove(name)
				r.Message = v.Str
				break
			}
		}
	}
	if r.Time == 0 {
		for _, name := range []string{"time", "_time", "ts", "timestamp"} {
			v, ok := r.Get(name)
			if !ok {
				continue
			}
			if ns, ok := timeOf(v); ok {
				r.remove(name)
				r.Time = ns
				break
			}
		}
	}
	if v, ok := r.Get(Level); ok {
		if v.Kind == String {
			r.Put(Level, StringValue(LevelOf(v.Str)))
		}
	} else {
		for _, name := range []string{"level", "severity", "loglevel"} {
			v, ok := r.Get(name)
			if !ok {
				continue
			}
			word := ""
			switch v.Kind {
			case String:
				word = LevelOf(v.Str)
			case Int:
				word = LevelNumber(v.Num)
			}
			if word != "" {
				r.remove(name)
				r.Put(Level, StringValue(word))
				break
			}
		}
	}
	if _, ok := r.Get(Service); !ok {
		for _, name := range []string{"service", "app", "application", "program", "appname"} {
			if v, ok := r.Get(name); ok && v.Kind == String && v.Str != "" {
				r.Put(Service, v)
				break
			}
		}
	}
}

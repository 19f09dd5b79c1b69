package elastic

import (
	"strings"
	"time"

	"github.com/valyala/fastjson"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/datemath"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/querytext"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

func (r *reader) rangeQuery(name string, v *fastjson.Value) (query.Filter, error) {
	f := query.Range{}
	n := 0
	err := r.each(name, v, func(key string, v *fastjson.Value) error {
		if key == "boost" || key == "_name" {
			return nil
		}
		if n++; n > 1 {
			return r.at(malformed("[range] query doesn't support multiple fields, found [%s] and [%s]", f.Field, key), key)
		}
		f.Field = field(key)
		return r.bounds(&f, key, v)
	})
	if err == nil && n == 0 {
		err = r.at(malformed("[range] query malformed, no field"), name)
	}
	if err == nil && f.From.Kind == record.None && f.To.Kind == record.None {
		return query.Exists{Field: f.Field}, nil
	}
	return f, err
}

func (r *reader) bounds(f *query.Range, name string, v *fastjson.Value) error {
	var lower, upper *fastjson.Value
	format := ""
	var zone *time.Location
	err := r.each(name, v, func(key string, v *fastjson.Value) (err error) {
		if v.Type() == fastjson.TypeNull {
			return nil
		}
		switch key {
		case "gt", "gte", "from":
			lower, f.FromOpen = v, key == "gt"
		case "lt", "lte", "to":
			upper, f.ToOpen = v, key == "lt"
		case "include_lower":
			var in bool
			in, err = r.boolean(key, v)
			f.FromOpen = !in
		case "include_upper":
			var in bool
			in, err = r.boolean(key, v)
			f.ToOpen = !in
		case "format":
			format = text(v)
		case "time_zone":
			zone, err = r.zone(v)
		case "boost", "relation", "_name":
		default:
			return r.at(malformed("[range] query does not support [%s]", key), key)
		}
		return err
	})
	if err != nil {
		return err
	}
	if f.From, f.FromOpen, err = r.bound(f.Field, lower, format, zone, true, f.FromOpen); err != nil {
		return err
	}
	f.To, f.ToOpen, err = r.bound(f.Field, upper, format, zone, false, f.ToOpen)
	return err
}

func (r *reader) bound(name string, v *fastjson.Value, format string, zone *time.Location, lower, open bool) (record.Value, bool, error) {
	if v == nil {
		return record.Value{}, false, nil
	}
	if !isScalar(v) {
		return record.Value{}, false, r.at(malformed("[range] expected a value but found [%s]", tokenOf(v)), name)
	}
	value := scalar(v)
	isTime := querytext.IsTime(name) || format != ""
	if isTime || value.Kind == record.String && datemath.Looks(value.Str) {
		s, err := r.time(name, value, format, zone)
		if err == nil {
			at, open := querytext.Bound(s, lower, open)
			return at, open, nil
		}
		if isTime {
			return record.Value{}, false, err
		}
	}
	if value.Kind == record.String {
		if n, ok := number(value.Str); ok {
			value = n
		}
	}
	return value, open, nil
}

// zone reads a time zone: +01:00 or Europe/Oslo.
func (r *reader) zone(v *fastjson.Value) (*time.Location, error) {
	name := text(v)
	if name == "Z" {
		return time.UTC, nil
	}
	if name != "" && (name[0] == '+' || name[0] == '-') {
		if t, err := time.Parse("-07:00", name); err == nil {
			_, offset := t.Zone()
			return time.FixedZone(name, offset), nil
		}
	}
	if name == "Local" || strings.ContainsAny(name, `.\`) {
		name = "?"
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, r.at(refuse("[time_zone] is no time zone: %.60s", text(v)), "time_zone")
	}
	return zone, nil
}

// time reads a time as a format says; the default is Elasticsearch's,
// strict_date_optional_time||epoch_millis.
func (r *reader) time(name string, v record.Value, format string, zone *time.Location) (datemath.Span, error) {
	fail := func() (datemath.Span, error) {
		e := malformed("failed to parse date field [%.60s] with format [%s]", v.Text(), orDefault(format))
		e.Type = "parse_exception"
		return datemath.Span{}, r.at(e, name)
	}
	n := v
	if v.Kind == record.String && (len(v.Str) > 4 || strings.HasPrefix(format, "epoch")) {
		if m, ok := number(v.Str); ok {
			n = m
		}
	}
	switch n.Kind {
	case record.Int, record.Float:
		f, _ := n.Float()
		if n.Kind == record.Int && n.Num > 1e17 {
			return datemath.Span{From: n.Num, To: n.Num}, nil
		}
		if strings.Contains(format, "epoch_second") {
			f *= 1000
		}
		if f < -9e12 || f > 9e12 {
			return fail()
		}
		ms := int64(f)
		return datemath.Span{From: ms * 1e6, To: (ms + 1) * 1e6}, nil
	case record.String:
		s, err := datemath.Parse(v.Str, r.o.Now, zone)
		if err == nil {
			return s, nil
		}
		for one := range strings.SplitSeq(format, "||") {
			if at, ok := javaTime(one, v.Str, zone); ok {
				return datemath.Span{From: at, To: at}, nil
			}
		}
	}
	return fail()
}

func orDefault(format string) string {
	if format == "" {
		return "strict_date_optional_time||epoch_millis"
	}
	return format
}

// javaLayout is a format of Java in Go's words, as far as times need it.
var javaLayout = strings.NewReplacer("yyyy", "2006", "uuuu", "2006", "yy", "06", "MM", "01", "dd", "02", "HH", "15", "mm", "04", "ss", "05",
	"SSSSSSSSS", "000000000", "SSSSSS", "000000", "SSS", "000", "XXX", "Z07:00", "ZZ", "Z07:00", "Z", "-0700", "'T'", "T", "'Z'", "Z", "''", "'", "'", "")

func javaTime(format, s string, zone *time.Location) (int64, bool) {
	if format == "" || zone == nil {
		zone = time.UTC
	}
	at, err := time.ParseInLocation(javaLayout.Replace(format), s, zone)
	return at.UnixNano(), err == nil && format != "" && at.Year() >= 1678 && at.Year() <= 2261
}

const isoMillis = "2006-01-02T15:04:05.000Z07:00"

// writeTime writes a time as a format says; the default is that of Elasticsearch.
func writeTime(ns int64, format string, zone *time.Location) string {
	if zone == nil {
		zone = time.UTC
	}
	at := time.Unix(0, ns).In(zone)
	first, _, _ := strings.Cut(format, "||")
	switch first {
	case "", "strict_date_optional_time", "date_optional_time", "date_time", "strict_date_time", "iso8601":
		return at.Format(isoMillis)
	case "strict_date_optional_time_nanos":
		return at.Format(record.TimeFormat)
	case "epoch_millis":
		return decimal(at.UnixMilli())
	case "epoch_second":
		return decimal(at.Unix())
	case "date", "strict_date":
		return at.Format("2006-01-02")
	case "date_hour_minute_second", "strict_date_hour_minute_second":
		return at.Format("2006-01-02T15:04:05")
	}
	return at.Format(javaLayout.Replace(first))
}

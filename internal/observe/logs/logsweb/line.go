package logsweb

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
	"github.com/vigie-ops/vigie/internal/ui"
)

// aroundShown is how many lines before and after a line are shown.
const aroundShown = 15

type lineView struct {
	heading ui.Heading
	message string
	fields  []lineField
	around  []lineRow
	source  string // what the lines around are of
	here    string // number of the line itself
	explore string // the page at that time
	path    string
}

type lineField struct {
	name, text string
	with, not  string
}

// line shows one line with all of its fields, and the lines around it.
func (f *face) line(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	seq, err1 := strconv.ParseInt(q.Get("seq"), 10, 64)
	at, err2 := strconv.ParseInt(q.Get("t"), 10, 64)
	if err1 != nil || err2 != nil {
		return console.NotFound("There is no such line.")
	}
	line, err := f.find(r.Context(), seq, at)
	if err != nil {
		return err
	}
	when := line.At().In(zoneOf(r))
	v := lineView{message: line.Message, here: strconv.FormatInt(seq, 10), path: r.URL.RequestURI()}
	level, _ := line.Get(record.Level)
	v.heading = ui.Heading{Title: when.Format("Mon 2 Jan 2006 15:04:05.000"), Note: zoneOf(r).String()}
	if level.Str != "" {
		v.heading.Kind, v.heading.State = levelKind(level.Str), level.Str
	}
	v.heading.Tags = ownerTags(line.Owner)
	near := around(line.Time, 15*time.Minute)
	v.explore = home + "?" + near.Encode()
	near.Set("q", q.Get("q"))
	add := func(name string, value record.Value) {
		v.fields = append(v.fields, lineField{name: name, text: value.Text(), with: f.filtered(near, name, value, false), not: f.filtered(near, name, value, true)})
	}
	for _, name := range []string{record.OwnerField, record.Class, record.Index, record.ID, record.Ingested} {
		if value, ok := line.Get(name); ok {
			add(name, value)
		}
	}
	for _, one := range line.Fields {
		add(one.Name, one.Value)
	}
	same, words := sourceOf(line)
	v.source = words
	if v.around, err = f.aroundRows(r, line, same); err != nil {
		return err
	}
	return f.c.Render(w, r, console.View{
		Title: "Line of " + when.Format("15:04:05"), Current: home, Crumbs: []ui.Link{{Text: "Logs", Href: v.explore}}, Body: linePage(v),
	})
}

func around(at int64, d time.Duration) url.Values {
	t := time.Unix(0, at)
	return url.Values{"from": {strconv.FormatInt(t.Add(-d).UnixMilli(), 10)}, "to": {strconv.FormatInt(t.Add(d).UnixMilli(), 10)}}
}

func ownerTags(o record.Owner) []ui.Link {
	switch o.Kind {
	case record.OwnerInstance:
		return []ui.Link{{Text: "instance " + o.Slug, Href: "/instances/" + url.PathEscape(o.Slug)}}
	case record.OwnerServer:
		return []ui.Link{{Text: "server " + o.Slug, Href: "/servers/" + url.PathEscape(o.Slug)}}
	}
	return nil
}

// find returns the line of a number at a time.
func (f *face) find(ctx context.Context, seq, at int64) (*record.Record, error) {
	res, err := f.o.Store.Search(ctx, query.Request{
		Filter: query.Equal{Field: record.Seq, Value: record.IntValue(seq)}, From: at, To: at + 1, Size: 1,
	})
	if err != nil {
		return nil, err
	}
	if len(res.Hits) == 0 {
		return nil, console.NotFound("There is no such line. Lines are kept as long as the policy of the operations repository says.")
	}
	return &res.Hits[0].Record, nil
}

// sourceOf is what a line's neighbours have in common: the same file, journal
// or container of the same host, or else the same service.
func sourceOf(line *record.Record) (query.Filter, string) {
	same := query.And{query.Equal{Field: record.OwnerField, Value: record.StringValue(line.Owner.String())}}
	var words []string
	add := func(name string) bool {
		v, ok := line.Get(name)
		if ok {
			same = append(same, query.Equal{Field: name, Value: v})
			words = append(words, v.Text())
		}
		return ok
	}
	if v, ok := line.Get(record.Stream); ok {
		return append(same, query.Equal{Field: record.Stream, Value: v}), v.Text()
	}
	for _, host := range []string{record.Host, "host.hostname", "hostname", "host"} {
		if add(host) {
			break
		}
	}
	for _, name := range []string{record.Path, "container.id", "container.name", "systemd.unit", record.Service} {
		if add(name) {
			break
		}
	}
	return same, strings.Join(words, ", ")
}

// aroundRows are the lines before and after a line, in their order.
func (f *face) aroundRows(r *http.Request, line *record.Record, same query.Filter) ([]lineRow, error) {
	const reach = int64(7 * 24 * time.Hour)
	here := []record.Value{record.TimeValue(line.Time), record.IntValue(int64(line.Seq))} //nolint:gosec // counts from one
	before, err := f.o.Store.Search(r.Context(), query.Request{
		Filter: same, From: line.Time - reach, To: line.Time + 1, Size: aroundShown, Sort: []query.Sort{{Field: record.Time, Desc: true}}, After: here, TotalUpTo: 1,
	})
	if err != nil {
		return nil, fmt.Errorf("find the lines before: %w", err)
	}
	after, err := f.o.Store.Search(r.Context(), query.Request{
		Filter: same, From: line.Time, To: line.Time + reach, Size: aroundShown, Sort: []query.Sort{{Field: record.Time}}, After: here, TotalUpTo: 1,
	})
	if err != nil {
		return nil, fmt.Errorf("find the lines after: %w", err)
	}
	all := make([]*record.Record, 0, 2*aroundShown+1)
	for i := range before.Hits {
		all = append(all, &before.Hits[i].Record)
	}
	slices.Reverse(all)
	all = append(all, line)
	for i := range after.Hits {
		all = append(all, &after.Hits[i].Record)
	}
	out := make([]lineRow, len(all))
	for i, one := range all {
		out[i] = f.row(r, query.None{}, one, nil)
	}
	return out, nil
}

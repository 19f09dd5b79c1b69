package logsweb

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/querytext"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
	"github.com/vigie-ops/vigie/internal/signal"
	"github.com/vigie-ops/vigie/internal/ui"
)

type panelView struct {
	href  string
	note  string
	lines []panelLine
}

type panelLine struct {
	at      time.Time
	kind    ui.Kind
	level   string
	message string
	href    string
}

// subjectFilter takes the lines of a server or an instance: a server's are
// those that it sent, whoever they belong to.
func subjectFilter(s signal.Subject) query.Filter {
	if s.Kind == signal.Instance {
		return query.Equal{Field: record.Instance, Value: record.StringValue(s.Slug)}
	}
	return query.Equal{Field: record.Host, Value: record.StringValue(s.Slug)}
}

// trouble takes lines that tell of a mistake.
var trouble = query.OneOf{Field: record.Level, Values: []record.Value{
	record.StringValue(record.LevelError), record.StringValue(record.LevelCritical), record.StringValue(record.LevelAlert), record.StringValue(record.LevelEmergency),
}}

// ofSubject is a panel of the last errors of a server or an instance.
func (f *face) ofSubject(ctx context.Context, about console.About) (templ.Component, error) {
	own := subjectFilter(about.Subject)
	res, err := f.o.Store.Search(ctx, query.Request{
		Filter: query.And{own, trouble}, From: about.Range.From.UnixNano(), To: about.Range.To.UnixNano(), Size: 5, Timeout: 3 * time.Second, Fields: []string{record.Level},
	})
	if err != nil {
		return nil, err
	}
	v := panelView{href: rangeHref(own, about.Range)}
	v.note = "no error in this range"
	if res.Total > 0 {
		v.note = ui.Digits(res.Total) + " " + plural(res.Total, "error", "errors")
	}
	for i := range res.Hits {
		v.lines = append(v.lines, panelLineOf(&res.Hits[i].Record))
	}
	return subjectPanel(v), nil
}

func panelLineOf(line *record.Record) panelLine {
	level, _ := line.Get(record.Level)
	m := line.Message
	if len(m) > 160 {
		m = m[:160] + "…"
	}
	return panelLine{line.At(), levelKind(level.Str), level.Str, m, lineHref(line, "")}
}

// rangeHref is the page with a condition over a range.
func rangeHref(filter query.Filter, r ui.Range) string {
	q := url.Values{"q": {querytext.Format(filter)}}
	if r.Key != "" {
		q.Set("range", r.Key)
	} else {
		q.Set("from", strconv.FormatInt(r.From.UnixMilli(), 10))
		q.Set("to", strconv.FormatInt(r.To.UnixMilli(), 10))
	}
	return home + "?" + q.Encode()
}

// nearby is how far from the beginning of an issue or an alert lines are shown.
const nearby = 15 * time.Minute

// ofMoment is a panel of what was said when an issue or an alert began, of what
// it is about: the errors, or the way to all lines.
func (f *face) ofMoment(ctx context.Context, about console.About) (templ.Component, error) {
	if about.At.IsZero() {
		return nil, nil
	}
	var own query.Filter
	var any query.Or
	for _, s := range about.Of {
		if s.Kind == signal.Instance || s.Kind == signal.Server {
			any = append(any, subjectFilter(s))
		}
	}
	switch len(any) {
	case 0:
		own = query.All{}
	case 1:
		own = any[0]
	default:
		own = any
	}
	span := ui.Range{From: about.At.Add(-nearby), To: about.At.Add(nearby)}
	res, err := f.o.Store.Search(ctx, query.Request{
		Filter: query.And{own, trouble}, From: span.From.UnixNano(), To: span.To.UnixNano(), Size: 5, Timeout: 3 * time.Second, Fields: []string{record.Level},
	})
	if err != nil {
		return nil, err
	}
	v := panelView{href: rangeHref(own, span), note: "no error in the half hour around its beginning"}
	if res.Total > 0 {
		v.note = ui.Digits(res.Total) + " " + plural(res.Total, "error", "errors") + " in the half hour around its beginning"
	}
	for i := range res.Hits {
		v.lines = append(v.lines, panelLineOf(&res.Hits[i].Record))
	}
	return subjectPanel(v), nil
}

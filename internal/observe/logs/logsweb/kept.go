package logsweb

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/observe/logs/logstore"
	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/querytext"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/ui"
)

func (f *face) registerKept() {
	f.c.Page("GET /logs/kept", people.Viewer, f.kept)
	f.c.Action("POST /logs/erase", people.Admin, f.erase)
	f.c.API("GET /api/vigie/v1/logs/amounts", people.Viewer, f.apiAmounts, console.Doc{Summary: "How much is kept of each owner, class and day", Answer: console.Items[amountItem]{}})
	f.c.API("POST /api/vigie/v1/logs/erase", people.Admin, f.apiErase, console.Doc{Summary: "Delete every line of an owner", Body: eraseItem{}, Answer: erasedItem{}})
}

type keptView struct {
	rows     []keptRow
	total    string
	mayErase bool
}

// keptRow is what there is of one owner.
type keptRow struct {
	owner, href string
	classes     string
	keeps       string
	lines       int64
	bytes       int64
	since       time.Time // oldest day
	held        bool
}

func (f *face) kept(w http.ResponseWriter, r *http.Request) error {
	type sum struct {
		keptRow
		by map[string]bool
	}
	all := map[record.Owner]*sum{}
	lines, size := int64(0), int64(0)
	for _, a := range f.o.Store.Amounts() {
		one := all[a.Owner]
		if one == nil {
			one = &sum{keptRow{owner: a.Owner.String(), href: home + "?" + url.Values{"q": {querytext.Format(query.Equal{Field: record.OwnerField, Value: record.StringValue(a.Owner.String())})}, "range": {"7d"}}.Encode(), held: f.o.Held(a.Owner), since: a.Day}, map[string]bool{}}
			all[a.Owner] = one
		}
		one.lines += a.Lines
		one.bytes += a.Bytes + a.Memory
		one.by[a.Class] = true
		if a.Day.Before(one.since) {
			one.since = a.Day
		}
		lines, size = lines+a.Lines, size+a.Bytes+a.Memory
	}
	v := keptView{mayErase: console.Actor(r).Role.Allows(people.Admin), total: ui.Digits(lines) + " " + plural(lines, "line", "lines") + ", " + ui.Bytes(float64(size))}
	for owner, one := range all {
		var classes, keeps []string
		for class := range one.by {
			classes = append(classes, class)
		}
		slices.Sort(classes)
		for _, class := range classes {
			keeps = append(keeps, ui.Count(int(f.o.Keeps(owner, class)/(24*time.Hour)), "day", "days"))
		}
		one.classes, one.keeps = strings.Join(classes, ", "), strings.Join(slices.Compact(keeps), ", ")
		v.rows = append(v.rows, one.keptRow)
	}
	slices.SortFunc(v.rows, func(a, b keptRow) int {
		return cmp.Or(cmp.Compare(b.bytes, a.bytes), strings.Compare(a.owner, b.owner))
	})
	return f.c.Render(w, r, console.View{Title: "Kept logs", Current: home, Body: keptPage(v)})
}

// sortable is a number as tables sort it.
func sortable(n int64) string { return strconv.FormatInt(n, 10) }

// erase deletes what is kept of an owner and shows the proof.
func (f *face) erase(w http.ResponseWriter, r *http.Request) error {
	owner, reason := r.PostFormValue("owner"), r.PostFormValue("reason")
	if typed := strings.TrimSpace(r.PostFormValue("typed")); typed != owner {
		return console.Invalid("typed: to erase " + owner + ", type exactly that; nothing was deleted")
	}
	out, err := f.erased(r.Context(), owner, reason)
	if err != nil {
		return err
	}
	return f.c.Render(w, r, console.View{Title: "Erased: " + owner, Current: home, Body: erasedPage(out)})
}

// erased deletes every line of an owner. What is going to happen is in the audit
// trail before anything is gone, and what happened afterwards.
func (f *face) erased(ctx context.Context, name, reason string) (out logstore.Erased, err error) {
	owner, err := record.ParseOwner(name)
	if err != nil {
		return out, console.Invalid("owner: " + err.Error())
	}
	if reason = strings.TrimSpace(reason); reason == "" {
		return out, console.Invalid("reason: say who asked for it, and why; it stays in the audit trail")
	}
	if err := f.o.Audit(ctx, "logs.erase", name, reason, nil); err != nil {
		return out, err
	}
	if out, err = f.o.Erase(ctx, owner); err != nil {
		return out, console.Invalid(err.Error())
	}
	details := map[string]any{"lines": out.Lines, "files": len(out.Files), "bytes": out.Bytes, "left": len(out.Left)}
	return out, f.o.Audit(ctx, "logs.erased", name, reason, details)
}

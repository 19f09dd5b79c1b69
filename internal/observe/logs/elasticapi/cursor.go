package elasticapi

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/elastic"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// place is a search that goes on: nothing of it is kept here, all of it is in
// the id that the client hands back.
type place struct {
	Body  json.RawMessage `json:"b,omitempty"`
	Index string          `json:"i,omitempty"`
	Until int64           `json:"u"` // nanoseconds; lines that came later are not of it
	After []record.Value  `json:"a,omitempty"`
	Ends  int64           `json:"e"` // seconds
}

func (p place) id() string {
	b, err := json.Marshal(p)
	if err != nil {
		panic("elasticapi: " + err.Error()) // texts and numbers can be written
	}
	return base64.URLEncoding.EncodeToString(b)
}

func (a *api) placeOf(id string) (place, error) {
	var p place
	b, err := base64.URLEncoding.DecodeString(id)
	if err != nil || json.Unmarshal(b, &p) != nil || p.Ends < a.o.Now().Unix() {
		return p, errNoContext
	}
	return p, nil
}

// until has a request see only lines that had come at a moment.
func until(req query.Request, ns int64) query.Request {
	req.Filter = query.And{query.Range{Field: record.Ingested, To: record.TimeValue(ns)}, cmp.Or[query.Filter](req.Filter, query.All{})}
	return req
}

func keepAlive(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	unit := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}[s[len(s)-1]]
	n, err := strconv.Atoi(s[:len(s)-1])
	if err != nil || unit == 0 || n <= 0 || time.Duration(n)*unit > 24*time.Hour {
		return 0, &elastic.Error{Status: http.StatusBadRequest, Type: "illegal_argument_exception", Reason: "failed to parse setting [keep_alive] with value [" + s + "]; write 1m, at most 24h"}
	}
	return time.Duration(n) * unit, nil
}

// scrolled is the body of a search for its next pages: without aggregations and
// places, with the size of the first.
func scrolled(b []byte, req query.Request) (json.RawMessage, error) {
	all := map[string]json.RawMessage{}
	if len(strings.TrimSpace(string(b))) > 0 {
		if err := json.Unmarshal(b, &all); err != nil {
			return nil, err
		}
	}
	for _, k := range []string{"aggs", "aggregations", "from", "search_after", "size"} {
		delete(all, k)
	}
	all["size"] = json.RawMessage(strconv.Itoa(req.Size))
	return json.Marshal(all)
}

func (a *api) scroll(w http.ResponseWriter, r *http.Request) error {
	b, err := body(r)
	if err != nil {
		return err
	}
	var in struct {
		ScrollID string `json:"scroll_id"`
		Scroll   string `json:"scroll"`
	}
	if text := strings.TrimSpace(string(b)); strings.HasPrefix(text, "{") {
		if err := json.Unmarshal(b, &in); err != nil {
			return &elastic.Error{Status: http.StatusBadRequest, Type: "parsing_exception", Reason: err.Error()}
		}
	}
	id := cmp.Or(in.ScrollID, r.PathValue("id"), r.URL.Query().Get("scroll_id"))
	p, err := a.placeOf(id)
	if err != nil {
		return err
	}
	alive, err := keepAlive(cmp.Or(in.Scroll, r.URL.Query().Get("scroll")))
	if err != nil {
		return err
	}
	req, ex, err := elastic.Search(p.Body, a.options())
	if err != nil {
		return err
	}
	ex.TotalAsInt = truth(r.URL.Query().Get("rest_total_hits_as_int"))
	res := &query.Result{}
	if p.After != nil { // the page before had something
		req.After = p.After
		if res, err = a.answer(r, until(req, p.Until), p.Index); err != nil {
			return err
		}
	}
	p.After = nil
	if n := len(res.Hits); n > 0 {
		p.After = res.Hits[n-1].Sort
	}
	if alive > 0 {
		p.Ends = a.o.Now().Add(alive).Unix()
	}
	ex.ScrollID = p.id()
	return write(w, a.response(res, ex))
}

func (a *api) endScroll(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, map[string]any{"succeeded": true, "num_freed": 1})
}

func (a *api) openPIT(w http.ResponseWriter, r *http.Request) error {
	alive, err := keepAlive(cmp.Or(r.URL.Query().Get("keep_alive"), "1m"))
	if err != nil {
		return err
	}
	now := a.o.Now()
	return writeJSON(w, map[string]any{"id": place{Index: r.PathValue("index"), Until: now.UnixNano(), Ends: now.Add(alive).Unix()}.id()})
}

func (a *api) closePIT(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, map[string]any{"succeeded": true, "num_freed": 1})
}

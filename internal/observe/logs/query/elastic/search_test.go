package elastic_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/valyala/fastjson"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/elastic"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/querytext"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// document is a line of a JSON object.
func document(seq uint64, index, body string) record.Record {
	var r record.Record
	v, err := fastjson.Parse(body)
	if err != nil {
		panic(err)
	}
	if err := record.Document(v, record.Limits{}, &r); err != nil {
		panic(err)
	}
	r = r.Clone()
	r.Seq, r.Index, r.Owner, r.Class = seq, index, record.InstanceOwner("borealis"), record.ClassWeb
	return r
}

var lines = query.Naive{
	document(1, "logs-web", `{"@timestamp":"2026-11-25T10:00:00Z","message":"upstream timed out","service":{"name":"nginx"},"http":{"response":{"status_code":504,"bytes":12.5}},"tags":["a","b"],"ok":false}`),
	document(2, "logs-web", `{"@timestamp":"2026-11-25T10:05:00.123456789Z","message":"GET /","service":{"name":"nginx"},"http":{"response":{"status_code":200,"bytes":100}},"ok":true}`),
	document(3, "", `{"@timestamp":"2026-11-25T10:10:00Z","message":"Accepted publickey","service":{"name":"sshd"},"user.name":"anna","user":"anna"}`),
}

// ask searches the lines and returns the answer, parsed.
func ask(t testing.TB, body string) map[string]any {
	t.Helper()
	req, ex, err := elastic.Search([]byte(body), opts)
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	res, err := lines.Search(t.Context(), req)
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return parse(t, elastic.Response(res, ex))
}

func parse(t testing.TB, b []byte) map[string]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var out map[string]any
	if err := d.Decode(&out); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return out
}

// same compares a part of an answer, found by a path, with JSON.
func same(t *testing.T, body string, answer any, path, want string) {
	t.Helper()
	for p := range strings.FieldsSeq(path) {
		switch a := answer.(type) {
		case map[string]any:
			answer = a[p]
		case []any:
			answer = a[int(p[0]-'0')]
		}
	}
	got, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	var w any
	d := json.NewDecoder(strings.NewReader(want))
	d.UseNumber()
	if err := d.Decode(&w); err != nil {
		t.Fatal(want, err)
	}
	canonical, _ := json.Marshal(w)
	if d := cmp.Diff(string(canonical), string(got)); d != "" {
		t.Errorf("%s: %s (-want +got)\n%s", body, path, d)
	}
}

func TestHitsAreDocuments(t *testing.T) {
	body := `{"size":1,"query":{"term":{"service.name":"nginx"}},"sort":[{"@timestamp":"asc"}]}`
	got := ask(t, body)
	delete(got, "took")
	same(t, body, got, "", `{"timed_out":false,"_shards":{"total":1,"successful":1,"skipped":0,"failed":0},"hits":{"total":{"value":2,"relation":"eq"},"max_score":null,"hits":[
		{"_index":"logs-web","_id":"~0000000000001","_score":null,"_source":{"@timestamp":"2026-11-25T10:00:00Z","http":{"response":{"bytes":12.5,"status_code":504}},"message":"upstream timed out","ok":false,"service":{"name":"nginx"},"tags":["a","b"],"vigie":{"class":"web","owner":"instance:borealis"}},
		"sort":[1795600800000,1]}]}}`)

	// Names that are a value and an object keep their dots; a line without an index has one.
	body = `{"query":{"exists":{"field":"user"}}}`
	got = ask(t, body)
	same(t, body, got, "hits hits 0 _source", `{"@timestamp":"2026-11-25T10:10:00Z","message":"Accepted publickey","service":{"name":"sshd"},"user":"anna","user.name":"anna","vigie":{"class":"web","owner":"instance:borealis"}}`)
	same(t, body, got, "hits hits 0 _index", `"vigie"`)
	same(t, body, got, "hits max_score", `1.0`)
	same(t, body, got, "hits hits 0 sort", `null`)
}

func TestWhatIsWantedOfAHit(t *testing.T) {
	for _, c := range []struct{ body, path, want string }{
		{`{"_source":false}`, "hits hits 0", `{"_index":"vigie","_id":"~0000000000003","_score":1.0}`},
		{`{"_source":["service"]}`, "hits hits 0 _source", `{"service":{"name":"sshd"}}`},
		{`{"_source":"user*"}`, "hits hits 0 _source", `{"user":"anna","user.name":"anna"}`},
		{`{"_source":{"includes":["*"],"excludes":["vigie","user*","message"]}}`, "hits hits 0 _source", `{"@timestamp":"2026-11-25T10:10:00Z","service":{"name":"sshd"}}`},
		{`{"stored_fields":["*"],"_source":{"excludes":["*"]}}`, "hits hits 0 _source", `{}`},
		{`{"stored_fields":"_none_"}`, "hits hits 0", `{"_index":"vigie","_score":1.0}`},
		{`{"_source":false,"fields":[{"field":"service.*"},{"field":"@timestamp","format":"epoch_millis"},"nothing"]}`, "hits hits 0 fields", `{"@timestamp":["1795601400000"],"service.name":["sshd"]}`},
		{`{"_source":false,"docvalue_fields":[{"field":"@timestamp","format":"date_time"}],"version":true,"seq_no_primary_term":true}`, "hits hits 0", `{"_index":"vigie","_id":"~0000000000003","_version":1,"_seq_no":3,"_primary_term":1,"_score":1.0,"fields":{"@timestamp":["2026-11-25T10:10:00.000Z"]}}`},
		{`{"fields":["tags"],"_source":false,"from":2}`, "hits hits 0 fields", `{"tags":["a","b"]}`},
		{`{"track_total_hits":false}`, "hits total", `null`},
		{`{"track_total_hits":2}`, "hits total", `{"value":2,"relation":"gte"}`},
		{`{"size":0}`, "hits", `{"total":{"value":3,"relation":"eq"},"max_score":null,"hits":[]}`},
		{`{"query":{"match":{"message":"timed"}},"highlight":{"pre_tags":["<b>"],"post_tags":["</b>"],"fields":{"*":{}},"fragment_size":2147483647}}`, "hits hits 0 highlight", `{"message":["upstream <b>timed</b> out"]}`},
		{`{"sort":[{"http.response.status_code":{"order":"desc","unmapped_type":"long"}}],"_source":false}`, "hits hits 2 sort", `[null,3]`},
		{`{"sort":["_score",{"@timestamp":{"order":"desc","format":"strict_date_optional_time"}},"_doc"],"_source":false}`, "hits hits 1 sort", `["2026-11-25T10:05:00.123456789Z",2,2]`},
		{`{"sort":"@timestamp:desc","_source":false}`, "hits hits 0 sort", `[1795601400000,3]`},
	} {
		same(t, c.body, ask(t, c.body), c.path, c.want)
	}
}

func TestSearchAfterContinuesBehindAHit(t *testing.T) {
	for _, sort := range []string{`[{"@timestamp":"asc"}]`, `[{"@timestamp":{"order":"desc","format":"strict_date_optional_time"}},{"_doc":"desc"}]`, `["http.response.status_code"]`, `[{"service.name":"desc"}]`} {
		var ids []string
		after := ""
		for range 4 {
			body := `{"size":1,"sort":` + sort + after + `}`
			hits, _ := ask(t, body)["hits"].(map[string]any)["hits"].([]any)
			if len(hits) == 0 {
				break
			}
			hit, _ := hits[0].(map[string]any)
			ids = append(ids, hit["_id"].(string))
			values, err := json.Marshal(hit["sort"])
			if err != nil {
				t.Fatal(err)
			}
			after = `,"search_after":` + string(values)
		}
		if len(ids) != 3 {
			t.Errorf("%s: %v", sort, ids)
		}
	}
}

func TestTimeBecomesTheBoundsOfTheRequest(t *testing.T) {
	from, to := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC), time.Date(2026, 11, 25, 10, 15, 0, 0, time.UTC)
	for _, body := range []string{
		`{"query":{"bool":{"must":[],"filter":[{"match_all":{}},{"range":{"@timestamp":{"gte":"2026-11-25T10:00:00.000Z","lt":"2026-11-25T10:15:00.000Z","format":"strict_date_optional_time"}}}]}}}`,
		`{"query":{"bool":{"filter":[{"range":{"@timestamp":{"gte":1795600800000,"lte":1795601699999,"format":"epoch_millis"}}},{"query_string":{"analyze_wildcard":true,"query":"*"}}]}}}`,
		`{"query":{"bool":{"filter":{"bool":{"must":[{"range":{"@timestamp":{"gt":"2026-11-25T09:59:59Z","lte":"2026-11-25T10:14:59Z"}}}]}}}}}`,
		`{"query":{"range":{"@timestamp":{"from":"2026-11-25T10:00:00.0Z","to":"2026-11-25T10:15:00.0Z","include_upper":false}}}}`,
	} {
		req, _, err := elastic.Search([]byte(body), opts)
		if err != nil {
			t.Fatal(err)
		}
		if req.From != from.UnixNano() || req.To != to.UnixNano() || querytext.Format(req.Filter) != "*:*" {
			t.Errorf("%s: %s to %s of %s", body, stamp(req.From), stamp(req.To), querytext.Format(req.Filter))
		}
	}
}

func TestAggregationsHaveElasticsearchsShapes(t *testing.T) {
	for _, c := range []struct{ body, path, want string }{
		{`{"size":0,"aggs":{"2":{"terms":{"field":"service.name.keyword","size":1,"order":{"_count":"desc"},"shard_size":25}}}}`, "aggregations 2",
			`{"doc_count_error_upper_bound":0,"sum_other_doc_count":1,"buckets":[{"key":"nginx","doc_count":2}]}`},
		{`{"size":0,"aggs":{"a":{"terms":{"field":"ok","order":[{"_key":"asc"}],"missing":"none"},"meta":{"x":[1]}}}}`, "aggregations a",
			`{"meta":{"x":[1]},"doc_count_error_upper_bound":0,"sum_other_doc_count":0,"buckets":[{"key":0,"key_as_string":"false","doc_count":1},{"key":1,"key_as_string":"true","doc_count":1},{"key":"none","doc_count":1}]}`},
		{`{"aggs":{"a":{"terms":{"field":"http.response.status_code","include":["200"]},"aggs":{"1":{"max":{"field":"@timestamp"}},"0":{"sum":{"field":"http.response.bytes"}}}}}}`, "aggregations a buckets",
			`[{"key":200,"doc_count":1,"1":{"value":1795601100123.0,"value_as_string":"2026-11-25T10:05:00.123Z"},"0":{"value":100.0}}]`},
		{`{"aggs":{"a":{"terms":{"field":"service.name","order":{"1.value":"asc"},"exclude":"ssh."},"aggs":{"1":{"cardinality":{"field":"tags","precision_threshold":100}}}}}}`, "aggregations a buckets",
			`[{"key":"nginx","doc_count":2,"1":{"value":2}}]`},
		{`{"aggs":{"2":{"date_histogram":{"field":"@timestamp","fixed_interval":"5m","time_zone":"Europe/Oslo","min_doc_count":1}}}}`, "aggregations 2 buckets 1",
			`{"key_as_string":"2026-11-25T11:05:00.000+01:00","key":1795601100000,"doc_count":1}`},
		{`{"aggs":{"2":{"date_histogram":{"interval":"10m","field":"@timestamp","min_doc_count":0,"extended_bounds":{"min":"1795600200000","max":"1795601400000"},"format":"epoch_millis"},"aggs":{}}}}`, "aggregations 2 buckets",
			`[{"key_as_string":"1795600200000","key":1795600200000,"doc_count":0},{"key_as_string":"1795600800000","key":1795600800000,"doc_count":2},{"key_as_string":"1795601400000","key":1795601400000,"doc_count":1}]`},
		{`{"aggs":{"d":{"date_histogram":{"calendar_interval":"1d","field":"@timestamp","keyed":true,"format":"yyyy-MM-dd"}}}}`, "aggregations d buckets",
			`{"2026-11-25":{"key_as_string":"2026-11-25","key":1795564800000,"doc_count":3}}`},
		{`{"aggs":{"f":{"filters":{"filters":{"err":{"range":{"http.response.status_code":{"gte":500}}},"rest":{"match_all":{}}}},"aggs":{"c":{"value_count":{"field":"ok"}}}}}}`, "aggregations f buckets",
			`{"err":{"doc_count":1,"c":{"value":1}},"rest":{"doc_count":3,"c":{"value":2}}}`},
		{`{"aggs":{"f":{"filters":{"other_bucket":true,"filters":[{"term":{"ok":true}}]}}}}`, "aggregations f buckets", `[{"doc_count":1},{"doc_count":2}]`},
		{`{"aggs":{"f":{"filter":{"term":{"service.name":"nginx"}},"aggs":{"a":{"avg":{"field":"http.response.bytes"}}}}}}`, "aggregations f", `{"doc_count":2,"a":{"value":56.25}}`},
		{`{"aggs":{"r":{"range":{"field":"http.response.status_code","ranges":[{"from":"500"},{"to":300,"key":"fine"},{"from":300,"to":500}]},"aggs":{"c":{"value_count":{"field":"ok"}}}}}}`, "aggregations r buckets",
			`[{"key":"fine","to":300.0,"doc_count":1,"c":{"value":1}},{"key":"300.0-500.0","from":300.0,"to":500.0,"doc_count":0,"c":{"value":0}},{"key":"500.0-*","from":500.0,"doc_count":1,"c":{"value":1}}]`},
		{`{"aggs":{"r":{"date_range":{"field":"@timestamp","keyed":true,"format":"HH:mm","ranges":[{"from":"2026-11-25T10:05:00Z","to":"now"}]}}}}`, "aggregations r buckets",
			`{"10:05-10:17":{"from":1795601100000.0,"from_as_string":"10:05","to":1795601862000.0,"to_as_string":"10:17","doc_count":2}}`},
		{`{"aggs":{"f":{"missing":{"field":"ok"}}}}`, "aggregations f", `{"doc_count":1}`},
		{`{"aggs":{"s":{"stats":{"field":"http.response.bytes"}},"n":{"stats":{"field":"nothing"}},"m":{"min":{"field":"nothing"}}}}`, "aggregations",
			`{"m":{"value":null},"n":{"count":0,"min":null,"max":null,"avg":null,"sum":0.0},"s":{"count":2,"min":12.5,"max":100.0,"avg":56.25,"sum":112.5}}`},
		{`{"aggs":{"p":{"percentiles":{"field":"http.response.bytes","percents":[50,75]}}}}`, "aggregations p", `{"values":{"50.0":56.25,"75.0":78.125}}`},
		{`{"aggs":{"p":{"percentiles":{"field":"nothing","percents":[50],"keyed":false}}}}`, "aggregations p", `{"values":[{"key":50.0,"value":null}]}`},
		{`{"aggs":{"t":{"terms":{"field":"service.name","size":1},"aggs":{"h":{"top_hits":{"size":1,"sort":[{"@timestamp":"desc"}],"_source":["ok"]}}}}}}`, "aggregations t buckets 0 h",
			`{"hits":{"total":{"value":2,"relation":"eq"},"max_score":null,"hits":[{"_index":"logs-web","_id":"~0000000000002","_score":null,"_source":{"ok":true},"sort":["2026-11-25T10:05:00.123456789Z",2]}]}}`},
	} {
		same(t, c.body, ask(t, c.body), c.path, c.want)
	}
}

func TestTypedKeysNameTheKind(t *testing.T) {
	req, ex, err := elastic.Search([]byte(`{"aggs":{"a":{"terms":{"field":"ok"}},"b":{"percentiles":{"field":"ok"}},"c":{"date_histogram":{"field":"@timestamp","fixed_interval":"1h"}}}}`), opts)
	if err != nil {
		t.Fatal(err)
	}
	ex.TypedKeys, ex.TotalAsInt = true, true
	res, err := lines.Search(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	got := parse(t, elastic.Response(res, ex))
	aggs, _ := got["aggregations"].(map[string]any)
	if aggs["lterms#a"] == nil || aggs["tdigest_percentiles#b"] == nil || aggs["date_histogram#c"] == nil {
		t.Errorf("%v", aggs)
	}
	same(t, "", got, "hits total", "3")
}

func TestPartialAnswersSaySo(t *testing.T) {
	_, ex, err := elastic.Search([]byte(`{"pit":{"id":"abc","keep_alive":"5m"}}`), opts)
	if err != nil {
		t.Fatal(err)
	}
	got := parse(t, elastic.Response(&query.Result{Partial: "time was up"}, ex))
	same(t, "", got, "_shards failures 0 reason reason", `"time was up"`)
	same(t, "", got, "_shards failed", `1`)
	same(t, "", got, "timed_out", `true`)
	same(t, "", got, "pit_id", `"abc"`)
	if ex.KeepAlive != 5*time.Minute {
		t.Error(ex.KeepAlive)
	}
}

func FuzzSearch(f *testing.F) {
	for _, s := range clients {
		f.Add(s)
	}
	f.Add(`{"query":{"bool":{"should":[{"query_string":{"query":"a AND b:[1 TO 5}"}}],"minimum_should_match":"3<-25%"}},"sort":["a"],"search_after":[1],"aggs":{"a":{"terms":{"field":"ok"},"aggs":{"b":{"top_hits":{}}}}}}`)
	f.Fuzz(func(t *testing.T, body string) {
		req, ex, err := elastic.Search([]byte(body), opts)
		if err != nil {
			if e := elastic.AsError(err); e.Status < 400 || e.Status >= 500 || !json.Valid(e.Body()) {
				t.Fatalf("%q: %+v", body, e)
			}
			return
		}
		res, err := lines.Search(t.Context(), req)
		if err != nil {
			return // too many buckets
		}
		if got := elastic.Response(res, ex); !json.Valid(got) {
			t.Fatalf("%q is answered with no JSON: %s", body, got)
		}
	})
}

// Whatever a line holds, its source is JSON that becomes the same line again.
func FuzzSource(f *testing.F) {
	f.Add("a.b", "x", "a", "c.d", "a-b")
	f.Add("a..b", "", "a", ".", "a.")
	f.Fuzz(func(t *testing.T, n1, v1, n2, n3, n4 string) {
		r := record.Record{Time: now.UnixNano(), Message: "m"}
		for i, name := range []string{n1, n2, n3, n4, n1} {
			name = strings.ToValidUTF8(name, "?")
			if record.Reserved(name) || strings.HasPrefix(name, "vigie") || len(name) > 100 || strings.Count(name, ".") > 15 {
				return
			}
			v := record.StringValue(strings.ToValidUTF8(v1, "?"))
			if i%2 == 1 {
				v = record.IntValue(int64(i))
			}
			r.Fields = append(r.Fields, record.Field{Name: name, Value: v})
		}
		r.Sort()
		source := elastic.Source(&r)
		v, err := fastjson.ParseBytes(source)
		if err != nil || !json.Valid(source) {
			t.Fatalf("%s: %v", source, err)
		}
		for _, name := range []string{"level", "severity", "loglevel", "log.level", "service", "app", "application", "program", "appname"} {
			if strings.Contains(string(source), `"`+name) || strings.Contains(string(source), `"log"`) {
				return // the house gives it another name
			}
		}
		var back record.Record
		if err := record.Document(v, record.Limits{}, &back); err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		back = back.Clone()
		if d := cmp.Diff(r.Fields, back.Fields); d != "" || back.Message != "m" || back.Time != r.Time {
			t.Fatalf("%s\n%s", source, d)
		}
	})
}

func BenchmarkResponse(b *testing.B) {
	req, ex, err := elastic.Search([]byte(`{"sort":[{"@timestamp":"desc"}],"fields":["*"]}`), opts)
	if err != nil {
		b.Fatal(err)
	}
	res, err := lines.Search(b.Context(), req)
	if err != nil {
		b.Fatal(err)
	}
	for len(res.Hits) < 500 {
		res.Hits = append(res.Hits, res.Hits...)
	}
	res.Hits = res.Hits[:500]
	b.ReportAllocs()
	for b.Loop() {
		b.SetBytes(int64(len(elastic.Response(res, ex))))
	}
}

package elastic_test

import (
	"errors"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/logs/query/elastic"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/querytext"
)

var (
	now  = time.Date(2026, 11, 25, 10, 17, 42, 0, time.UTC)
	opts = elastic.Options{Now: now}
)

// Filters are written as people do: package querytext holds that text and filter
// are the same.
func TestQueriesBecomeFilters(t *testing.T) {
	for body, want := range map[string]string{
		`{"match_all":{}}`:            `*:*`,
		`{"match_all":{"boost":1.2}}`: `*:*`,
		`{"match_none":{}}`:           `not *:*`,
		`{"bool":{}}`:                 `*:*`,
		`{"bool":{"must":[],"filter":[],"should":[],"must_not":[]}}`:                                                   `*:*`,
		`{"bool":{"must":{"term":{"a":"1"}},"filter":[{"term":{"b":2}}],"must_not":{"exists":{"field":"c"}}}}`:         `a:"1" and b:2 and not c:*`,
		`{"bool":{"should":[{"term":{"a":1}},{"term":{"a":2}}]}}`:                                                      `a:1 or a:2`,
		`{"bool":{"should":[{"term":{"a":1}},{"term":{"a":2}}],"filter":[{"term":{"b":1}}]}}`:                          `b:1`,
		`{"bool":{"should":[{"term":{"a":1}},{"term":{"a":2}}],"filter":[{"term":{"b":1}}],"minimum_should_match":1}}`: `b:1 and (a:1 or a:2)`,
		`{"bool":{"should":[{"term":{"a":1}},{"term":{"a":2}},{"term":{"a":3}}],"minimum_should_match":"75%"}}`:        `(a:1 or a:2 or a:3)@2`,
		`{"bool":{"should":[{"term":{"a":1}},{"term":{"a":2}},{"term":{"a":3}}],"minimum_should_match":-1}}`:           `(a:1 or a:2 or a:3)@2`,
		`{"bool":{"should":[{"term":{"a":1}},{"term":{"a":2}},{"term":{"a":3}}],"minimum_should_match":"2<-25%"}}`:     `a:1 and a:2 and a:3`,
		`{"bool":{"should":[{"term":{"a":1}}],"minimum_should_match":3}}`:                                              `not *:*`,
		`{"constant_score":{"filter":{"term":{"a":1}},"boost":1.2}}`:                                                   `a:1`,
		`{"dis_max":{"queries":[{"term":{"a":1}},{"term":{"b":1}}],"tie_breaker":0.7}}`:                                `a:1 or b:1`,
		`{"function_score":{"query":{"term":{"a":1}},"functions":[]}}`:                                                 `a:1`,
		`{"match":{"message":"Connection refused"}}`:                                                                   `message:connection or message:refused`,
		`{"match":{"message":{"query":"Connection refused","operator":"AND"}}}`:                                        `message:connection and message:refused`,
		`{"match":{"message":{"query":"a b c","minimum_should_match":"2"}}}`:                                           `(message:a or message:b or message:c)@2`,
		`{"match":{"message":{"query":"--","zero_terms_query":"all"}}}`:                                                `*:*`,
		`{"match":{"message":"--"}}`:                                                                                                `not *:*`,
		`{"match":{"service.name":"nginx"}}`:                                                                                        `service.name:nginx`,
		`{"match":{"service.name.keyword":"nginx"}}`:                                                                                `service.name:nginx`,
		`{"match":{"message.keyword":"Connection refused"}}`:                                                                        `message:="Connection refused"`,
		`{"match":{"http.response.status_code":500}}`:                                                                               `http.response.status_code:500`,
		`{"match":{"http.response.status_code":{"query":"500","lenient":true}}}`:                                                    `http.response.status_code:"500"`,
		`{"match":{"@timestamp":"2026-11-25"}}`:                                                                                     `@timestamp:[2026-11-25T00:00:00.000Z TO 2026-11-26T00:00:00.000Z}`,
		`{"match_phrase":{"message":"upstream timed out"}}`:                                                                         `message:"upstream timed out"`,
		`{"match_phrase":{"message":{"query":"upstream out","slop":1}}}`:                                                            `message:"upstream out"~1`,
		`{"match_phrase":{"service.name":"nginx"}}`:                                                                                 `service.name:nginx`,
		`{"match_phrase_prefix":{"message":{"query":"upstream tim","max_expansions":50}}}`:                                          `message:"upstream tim"*`,
		`{"match_phrase_prefix":{"service.name":"ngi"}}`:                                                                            `service.name:ngi*`,
		`{"match_bool_prefix":{"message":"upstream tim"}}`:                                                                          `message:upstream or message:tim*`,
		`{"multi_match":{"query":"timed out","type":"phrase","lenient":true}}`:                                                      `"timed out"`,
		`{"multi_match":{"query":"timeout","type":"best_fields","lenient":true}}`:                                                   `timeout`,
		`{"multi_match":{"query":"a b","fields":["message^3","error.*"]}}`:                                                          `a or b`,
		`{"multi_match":{"query":"a b","fields":["*"],"operator":"and"}}`:                                                           `"a b"~*`,
		`{"multi_match":{"query":"x","fields":["message^3","service.name","@timestamp"]}}`:                                          `message:x or service.name:x`,
		`{"query_string":{"query":"service.name:nginx AND status:[500 TO *]","analyze_wildcard":true}}`:                             `service.name:nginx and status >= 500`,
		`{"query_string":{"query":"error timeout"}}`:                                                                                `error or timeout`,
		`{"query_string":{"query":"error timeout","default_operator":"AND","default_field":"message"}}`:                             `message:error and message:timeout`,
		`{"query_string":{"query":"error","fields":["message","error.message"]}}`:                                                   `message:error or error.message:error`,
		`{"query_string":{"query":"*"}}`:                                                                                            `*:*`,
		`{"simple_query_string":{"query":"error | (a + b","fields":["*"],"default_operator":"and"}}`:                                `error or a and b`,
		`{"term":{"service.name":"nginx"}}`:                                                                                         `service.name:nginx`,
		`{"term":{"service.name":{"value":"nginx","boost":1.0}}}`:                                                                   `service.name:nginx`,
		`{"term":{"service.name.keyword":{"value":"Nginx","case_insensitive":true}}}`:                                               `service.name:~"Nginx"`,
		`{"term":{"log.level":"WARN"}}`:                                                                                             `log.level:warning`,
		`{"term":{"ok":true}}`:                                                                                                      `ok:true`,
		`{"term":{"message":"error"}}`:                                                                                              `message:error`,
		`{"term":{"_index":"logs-*"}}`:                                                                                              `_index:logs\-*`,
		`{"terms":{"http.response.status_code":[502,503],"boost":1}}`:                                                               `http.response.status_code:(502 or 503)`,
		`{"terms":{"message":["a","b"]}}`:                                                                                           `message:a or message:b`,
		`{"terms":{"a":[]}}`:                                                                                                        `not *:*`,
		`{"prefix":{"service.name":"ng"}}`:                                                                                          `service.name:ng*`,
		`{"prefix":{"service.name":{"value":"ng","case_insensitive":true}}}`:                                                        `service.name:~ng*`,
		`{"prefix":{"message":"Upst"}}`:                                                                                             `message:upst*`,
		`{"wildcard":{"service.name":"n?in*x"}}`:                                                                                    `service.name:n?in*x`,
		`{"wildcard":{"service.name":{"wildcard":"n?inx","case_insensitive":true}}}`:                                                `service.name:~n?inx`,
		`{"wildcard":{"service.name":{"value":"*"}}}`:                                                                               `service.name:*`,
		`{"wildcard":{"message":{"value":"upst*"}}}`:                                                                                `message:upst*`,
		`{"regexp":{"service.name":{"value":"ng.+","flags":"ALL","max_determinized_states":10000}}}`:                                `service.name:/ng.+/`,
		`{"exists":{"field":"trace.id"}}`:                                                                                           `trace.id:*`,
		`{"ids":{"values":["a","b"]}}`:                                                                                              `_id:(a or b)`,
		`{"range":{"http.response.status_code":{"gte":500,"lt":"600"}}}`:                                                            `http.response.status_code:[500 TO 600}`,
		`{"range":{"event.duration":{"from":1.5,"to":null,"include_lower":false}}}`:                                                 `event.duration > 1.5`,
		`{"range":{"a":{}}}`:                                                                                                        `a:*`,
		`{"range":{"name":{"gt":"alpha"}}}`:                                                                                         `name > "alpha"`,
		`{"range":{"event.ingested":{"gte":"now-15m/m","lt":"now/d"}}}`:                                                             `event.ingested:[2026-11-25T10:02:00.000Z TO 2026-11-25T00:00:00.000Z}`,
		`{"range":{"event.ingested":{"lte":"2026-11-25||/M"}}}`:                                                                     `event.ingested < 2026-12-01T00:00:00.000Z`,
		`{"range":{"event.ingested":{"gt":1764000000000,"lte":1764000000001}}}`:                                                     `event.ingested:[2025-11-24T16:00:00.001Z TO 2025-11-24T16:00:00.002Z}`,
		`{"range":{"event.ingested":{"gte":"1764000000","format":"epoch_second"}}}`:                                                 `event.ingested >= 2025-11-24T16:00:00.000Z`,
		`{"range":{"event.ingested":{"gte":"2026-11-25","time_zone":"+01:00"}}}`:                                                    `event.ingested >= 2026-11-24T23:00:00.000Z`,
		`{"range":{"event.ingested":{"gte":"25/11/2026 10:00","format":"dd/MM/yyyy HH:mm"}}}`:                                       `event.ingested >= 2026-11-25T10:00:00.000Z`,
		`{"range":{"event.ingested":{"gte":"2026-11-25T00:00:00","time_zone":"Europe/Oslo","format":"strict_date_optional_time"}}}`: `event.ingested >= 2026-11-24T23:00:00.000Z`,
	} {
		req, err := elastic.Query([]byte(`{"query":`+body+`}`), opts)
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		if req.From != 0 || req.To != 0 { // put it back
			text := querytext.Format(req.Filter)
			if text != "*:*" {
				t.Errorf("%s has bounds beside %s", body, text)
			}
			text = "@timestamp:[" + stamp(req.From) + " TO " + stamp(req.To) + "}"
			if text != want {
				t.Errorf("%s\nis   %s\nwant %s", body, text, want)
			}
			continue
		}
		if got := querytext.Format(req.Filter); got != want {
			t.Errorf("%s\nis   %s\nwant %s", body, got, want)
		}
	}
}

func stamp(ns int64) string { return time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.000Z07:00") }

func TestErrorsAreElasticsearchs(t *testing.T) {
	for _, c := range []struct{ body, kind, reason string }{
		{`{"query":{"foo":{}}}`, "parsing_exception", "unknown query [foo]"},
		{`{"query":{"matchh":{}}}`, "parsing_exception", "unknown query [matchh] did you mean [match]?"},
		{`{"query":{}}`, "parsing_exception", "query malformed, empty clause found"},
		{`{"query":[]}`, "parsing_exception", "[_na] query malformed, must start with start_object"},
		{`{"query":{"match_all":{},"term":{"a":1}}}`, "parsing_exception", "[match_all] malformed query, expected [END_OBJECT] but found [FIELD_NAME]"},
		{`{"query":{"bool":{"musst":[]}}}`, "parsing_exception", "[bool] query does not support [musst]"},
		{`{"query":{"match":{"a":"x","b":"y"}}}`, "parsing_exception", "[match] query doesn't support multiple fields, found [a] and [b]"},
		{`{"query":{"match":{"message":{"query":"x","fuzziness":"AUTO"}}}}`, "illegal_argument_exception", "[match] with [fuzziness] is not supported here: words are the same or not"},
		{`{"query":{"fuzzy":{"a":"b"}}}`, "illegal_argument_exception", "[fuzzy] queries are not supported here"},
		{`{"query":{"match":{"a":{"operator":"and"}}}}`, "illegal_argument_exception", "[match] needs a value for [a]"},
		{`{"query":{"match":{"a":{"query":"x","operator":"xor"}}}}`, "illegal_argument_exception", "operator needs to be either [and] or [or], but not [xor]"},
		{`{"query":{"terms":{"a":"b"}}}`, "parsing_exception", "[terms] query does not support [a]"},
		{`{"query":{"terms":{"a":{"index":"x"}}}}`, "illegal_argument_exception", "[terms] lookups are not supported here"},
		{`{"query":{"range":{"@timestamp":{"gte":"yesterday"}}}}`, "parse_exception", "failed to parse date field [yesterday] with format [strict_date_optional_time||epoch_millis]"},
		{`{"query":{"range":{"a":{"foo":1}}}}`, "parsing_exception", "[range] query does not support [foo]"},
		{`{"query":{"query_string":{"query":"a AND ("}}}`, "query_shard_exception", "Failed to parse query [a AND (]: a closing parenthesis is missing; it was opened here; write ) behind it"},
		{`{"query":{"exists":{}}}`, "parsing_exception", "[exists] must be provided with a [field]"},
		{`{"query":{"regexp":{"a":"["}}}`, "illegal_argument_exception", "the pattern cannot be read: missing closing ]: `[)$`"},
		{`{"size":-1}`, "illegal_argument_exception", "[size] parameter cannot be negative, found [-1]"},
		{`{"size":10001}`, "illegal_argument_exception", "Result window is too large, from + size must be less than or equal to: [10000] but was [10001]. Continue behind the last hit with search_after instead."},
		{`{"size":"x"}`, "illegal_argument_exception", "Failed to parse int parameter [size] with value [x]"},
		{`{"foo":{}}`, "parsing_exception", "Unknown key for a START_OBJECT in [foo]."},
		{`{"querry":{}}`, "parsing_exception", "Unknown key for a START_OBJECT in [querry]. did you mean [query]?"},
		{`{"collapse":{"field":"a"}}`, "illegal_argument_exception", "[collapse] is not supported here"},
		{`{"script_fields":{"a":{}}}`, "illegal_argument_exception", "[script_fields] are not supported here"},
		{`{"sort":[{"a":"up"}]}`, "illegal_argument_exception", "No enum constant org.elasticsearch.search.sort.SortOrder.UP"},
		{`{"sort":[{"_script":{}}]}`, "illegal_argument_exception", "sorting by [_script] is not supported here"},
		{`{"sort":["@timestamp"],"search_after":[1,2,3]}`, "illegal_argument_exception", "search_after has 3 value(s) but sort has 1."},
		{`{"search_after":[1]}`, "illegal_argument_exception", "Sort must contain at least one field."},
		{`{"from":3,"sort":["a"],"search_after":[1]}`, "illegal_argument_exception", "`from` parameter must be set to 0 when `search_after` is used"},
		{`{"timeout":"soon"}`, "illegal_argument_exception", "failed to parse setting [timeout] with value [soon] as a time value: unit is missing or unrecognized"},
		{`{"aggs":{"a":{}}}`, "parsing_exception", "Missing definition for aggregation [a]"},
		{`{"aggs":{"a":{"termz":{"field":"b"}}}}`, "parsing_exception", "Unknown aggregation type [termz] did you mean [terms]?"},
		{`{"aggs":{"a":{"composite":{}}}}`, "illegal_argument_exception", "the aggregation [composite] is not supported here"},
		{`{"aggs":{"a":{"terms":{"field":"b"},"avg":{"field":"c"}}}}`, "parsing_exception", "Found two aggregation type definitions in [a]: [terms] and [avg]"},
		{`{"aggs":{"a":{"terms":{}}}}`, "illegal_argument_exception", "Required one of fields [field, script], but none were specified."},
		{`{"aggs":{"a":{"terms":{"field":"b","size":0}}}}`, "illegal_argument_exception", "[size] must be greater than 0. Found [0] in [a]"},
		{`{"aggs":{"a":{"terms":{"field":"b","foo":0}}}}`, "parsing_exception", "[terms] unknown field [foo]"},
		{`{"aggs":{"a":{"date_histogram":{"field":"b"}}}}`, "illegal_argument_exception", "Invalid interval specified, must be non-null and non-empty"},
		{`{"aggs":{"a":{"date_histogram":{"field":"b","calendar_interval":"2d"}}}}`, "illegal_argument_exception", "The supplied interval [2d] could not be parsed as a calendar interval."},
		{`{"aggs":{"a":{"avg":{"field":"b"},"aggs":{"c":{"avg":{"field":"d"}}}}}}`, "illegal_argument_exception", "aggregation a: avg has no buckets for others to work in"},
		{`{"aggs":{"a":{"percentiles":{"field":"b","percents":[101]}}}}`, "illegal_argument_exception", "percent must be in [0,100], got [101]: [percentiles]"},
		{`[]`, "parsing_exception", "Expected [START_OBJECT] but found [START_ARRAY]"},
	} {
		_, _, err := elastic.Search([]byte(c.body), opts)
		var e *elastic.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", c.body, err)
			continue
		}
		if e.Type != c.kind || e.Reason != c.reason || e.Status != 400 {
			t.Errorf("%s\nis   %d %s: %s\nwant %s: %s", c.body, e.Status, e.Type, e.Reason, c.kind, c.reason)
		}
	}
}

func TestErrorsSayWhere(t *testing.T) {
	_, _, err := elastic.Search([]byte("{\n \"query\": {\n  \"foo\": {}}}"), opts)
	var e *elastic.Error
	if !errors.As(err, &e) || e.Line != 3 || e.Col != 3 {
		t.Errorf("%+v", e)
	}
	want := `{"error":{"root_cause":[{"type":"parsing_exception","reason":"unknown query [foo]","line":3,"col":3}],"type":"parsing_exception","reason":"unknown query [foo]","line":3,"col":3},"status":400}`
	if got := string(e.Body()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	_, _, err = elastic.Search([]byte("{\"query\": {\n \"term\" }}"), opts)
	if !errors.As(err, &e) || e.Type != "x_content_parse_exception" || e.Line != 2 || e.Col != 9 {
		t.Errorf("%+v", e)
	}
}

package elastic_test

import (
	"testing"

	"github.com/vigie-ops/vigie/internal/observe/logs/query/elastic"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/querytext"
)

// clients are bodies in the shapes that programs send.
var clients = map[string]string{
	"Kibana 8 Discover, documents":    `{"sort":[{"@timestamp":{"order":"desc","format":"strict_date_optional_time","unmapped_type":"boolean"}},{"_doc":{"order":"desc","unmapped_type":"boolean"}}],"track_total_hits":false,"fields":[{"field":"*","include_unmapped":true},{"field":"@timestamp","format":"strict_date_optional_time"}],"size":500,"version":true,"script_fields":{},"stored_fields":["*"],"runtime_mappings":{},"_source":false,"query":{"bool":{"must":[],"filter":[{"bool":{"filter":[{"bool":{"should":[{"term":{"service.name":{"value":"nginx"}}}],"minimum_should_match":1}},{"bool":{"should":[{"range":{"http.response.status_code":{"gte":"500"}}}],"minimum_should_match":1}}]}},{"range":{"@timestamp":{"format":"strict_date_optional_time","gte":"2026-11-25T09:00:00.000Z","lte":"2026-11-25T11:00:00.000Z"}}}],"should":[],"must_not":[]}},"highlight":{"pre_tags":["@kibana-highlighted-field@"],"post_tags":["@/kibana-highlighted-field@"],"fields":{"*":{}},"fragment_size":2147483647}}`,
	"Kibana 8 Discover, histogram":    `{"size":0,"track_total_hits":true,"aggs":{"2":{"date_histogram":{"field":"@timestamp","fixed_interval":"30s","time_zone":"Europe/Oslo","extended_bounds":{"min":1795597200000,"max":1795604400000},"min_doc_count":1}}},"stored_fields":["*"],"script_fields":{},"docvalue_fields":[{"field":"@timestamp","format":"date_time"}],"runtime_mappings":{},"_source":{"excludes":[]},"query":{"bool":{"must":[],"filter":[{"multi_match":{"type":"phrase","query":"timed out","lenient":true}},{"match_phrase":{"service.name":"nginx"}},{"range":{"@timestamp":{"format":"strict_date_optional_time","gte":"2026-11-25T09:00:00.000Z","lte":"2026-11-25T11:00:00.000Z"}}}],"should":[],"must_not":[{"match_phrase":{"http.response.status_code":"200"}}]}}}`,
	"Kibana 8 Discover, Lucene":       `{"query":{"bool":{"must":[{"query_string":{"query":"service.name:nginx AND NOT status:200","analyze_wildcard":true,"time_zone":"Europe/Oslo"}}],"filter":[],"should":[],"must_not":[]}},"size":0,"track_total_hits":true}`,
	"Kibana 8 value suggestions":      `{"size":0,"timeout":"1000ms","terminate_after":100000,"query":{"bool":{"filter":[{"range":{"@timestamp":{"gte":"now-15m","lte":"now"}}}]}},"aggs":{"suggestions":{"terms":{"field":"service.name","include":"ng.*","execution_hint":"map","shard_size":10}}},"runtime_mappings":{}}`,
	"Kibana 8 surrounding lines":      `{"_source":false,"fields":[{"field":"*","include_unmapped":"true"}],"query":{"bool":{"filter":[],"must":[{"constant_score":{"filter":{"range":{"@timestamp":{"format":"strict_date_optional_time","lte":"2026-11-25T10:05:00.123Z","gte":"2026-11-24T10:05:00.123Z"}}}}}],"must_not":[],"should":[]}},"search_after":["2026-11-25T10:05:00.123456789Z",2],"size":5,"sort":[{"@timestamp":{"order":"desc","format":"strict_date_optional_time_nanos"}},{"_doc":{"order":"asc"}}],"stored_fields":["*"],"version":true,"track_total_hits":false}`,
	"ElastAlert 2, any and frequency": `{"query":{"bool":{"filter":{"bool":{"must":[{"range":{"@timestamp":{"gt":"2026-11-25T09:30:00Z","lte":"2026-11-25T10:15:00Z"}}},{"query_string":{"query":"log.level: error AND service.name: nginx"}}]}}}},"sort":[{"@timestamp":{"order":"asc"}}]}`,
	"ElastAlert 2, rule filters":      `{"query":{"bool":{"filter":{"bool":{"must":[{"range":{"@timestamp":{"gt":"2026-11-25T09:30:00.000000Z","lte":"2026-11-25T10:15:00.000000Z"}}},{"terms":{"http.response.status_code":[502,503,504]}},{"bool":{"must_not":[{"wildcard":{"url.path":"/health*"}}]}}]}}}},"sort":[{"@timestamp":{"order":"asc"}}],"_source":["@timestamp","*"]}`,
	"ElastAlert 2, terms":             `{"query":{"bool":{"filter":{"bool":{"must":[{"range":{"@timestamp":{"gt":"2026-11-25T09:30:00Z","lte":"2026-11-25T10:15:00Z"}}}]}}}},"aggs":{"counts":{"terms":{"field":"service.name","size":50,"min_doc_count":1}}},"sort":[{"@timestamp":{"order":"asc"}}],"size":0}`,
	"ElastAlert 2, aggregation":       `{"query":{"bool":{"filter":{"bool":{"must":[{"range":{"@timestamp":{"gt":"2026-11-25T09:30:00Z","lte":"2026-11-25T10:15:00Z"}}}]}}}},"aggs":{"bucket_aggs":{"terms":{"field":"service.name.keyword","size":1000},"aggs":{"interval_aggs":{"date_histogram":{"field":"@timestamp","fixed_interval":"5m"},"aggs":{"metric_bytes_avg":{"avg":{"field":"http.response.bytes"}}}}}}},"size":0}`,
	"ElastAlert 2, its own index":     `{"query":{"bool":{"filter":{"term":{"rule_name":"a rule"}},"must":{"range":{"until":{"gt":"2026-11-25T10:15:00Z"}}}}},"sort":{"until":{"order":"desc"}},"size":1}`,
	"ElastAlert 2, pending alerts":    `{"query":{"bool":{"must":{"query_string":{"query":"!_exists_:aggregate_id AND alert_sent:false"}},"filter":{"range":{"alert_time":{"from":"2026-11-23T10:00:00Z","to":"2026-11-25T10:00:00Z"}}}}},"sort":{"alert_time":{"order":"asc"}},"size":1000}`,
	"ElastAlert 2, aggregated alerts": `{"query":{"query_string":{"query":"aggregate_id:\"~0000000000001\""}},"sort":{"@timestamp":"asc"},"size":10000}`,
	"Grafana, count over time":        `{"size":0,"query":{"bool":{"filter":[{"range":{"@timestamp":{"gte":1795597200000,"lte":1795604400000,"format":"epoch_millis"}}},{"query_string":{"analyze_wildcard":true,"query":"service.name:nginx"}}]}},"aggs":{"2":{"date_histogram":{"field":"@timestamp","fixed_interval":"60s","min_doc_count":0,"extended_bounds":{"min":1795597200000,"max":1795604400000},"format":"epoch_millis"},"aggs":{}}}}`,
	"Grafana, terms and percentiles":  `{"size":0,"query":{"bool":{"filter":[{"range":{"@timestamp":{"gte":1795597200000,"lte":1795604400000,"format":"epoch_millis"}}}]}},"aggs":{"3":{"terms":{"field":"service.name","size":10,"order":{"_key":"desc"},"min_doc_count":1},"aggs":{"2":{"date_histogram":{"field":"@timestamp","fixed_interval":"60s","min_doc_count":0},"aggs":{"1":{"percentiles":{"field":"http.response.bytes","percents":["25","50","75","95","99"]}}}}}}}}`,
	"Grafana, logs":                   `{"size":500,"query":{"bool":{"filter":[{"range":{"@timestamp":{"gte":1795597200000,"lte":1795604400000,"format":"epoch_millis"}}},{"query_string":{"analyze_wildcard":true,"query":"*"}}]}},"sort":[{"@timestamp":{"order":"desc","unmapped_type":"boolean"}},{"_doc":{"order":"desc"}}],"script_fields":{},"highlight":{"fields":{"*":{}},"fragment_size":2147483647,"post_tags":["@/HIGHLIGHT@"],"pre_tags":["@HIGHLIGHT@"]}}`,
	"elasticsearch-py, scan":          `{"query":{"match_all":{}},"sort":"_doc","size":1000}`,
	"elasticsearch-py, search":        `{"query":{"match":{"message":{"query":"timed out","operator":"and"}}},"size":10,"from":0,"_source":{"includes":["message","@timestamp"]},"track_total_hits":true,"timeout":"10s"}`,
	"@elastic/elasticsearch, pages":   `{"pit":{"id":"46ToAwMDaWR5","keep_alive":"1m"},"size":100,"sort":[{"@timestamp":"asc"},{"_shard_doc":"asc"}],"search_after":[1795597200000,5],"query":{"match_all":{}}}`,
	"curl":                            ``,
}

func TestWhatClientsSendIsUnderstood(t *testing.T) {
	want := map[string]string{
		"Kibana 8 Discover, documents":    `service.name:nginx and http.response.status_code >= 500`,
		"Kibana 8 Discover, histogram":    `"timed out" and service.name:nginx and not http.response.status_code:"200"`,
		"Kibana 8 Discover, Lucene":       `service.name:nginx and not status:200`,
		"ElastAlert 2, any and frequency": `log.level:error and service.name:nginx`,
		"ElastAlert 2, rule filters":      `http.response.status_code:(502 or 503 or 504) and not url.path:\/health*`,
		"ElastAlert 2, its own index":     `rule_name:"a rule" and until >= 2026-11-25T10:15:01.000Z`,
		"ElastAlert 2, pending alerts":    `(not aggregate_id:* and alert_sent:false) and alert_time:[2026-11-23T10:00:00.000Z TO 2026-11-25T10:00:01.000Z}`,
		"ElastAlert 2, aggregated alerts": `aggregate_id:"~0000000000001"`,
		"Grafana, count over time":        `service.name:nginx`,
		"elasticsearch-py, search":        `message:timed and message:out`,
	}
	for name, body := range clients {
		req, _, err := elastic.Search([]byte(body), opts)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		w := want[name]
		if w == "" {
			w = "*:*"
		}
		if got := querytext.Format(req.Filter); got != w {
			t.Errorf("%s asks for %s, want %s", name, got, w)
		}
		ask(t, body)
	}
}

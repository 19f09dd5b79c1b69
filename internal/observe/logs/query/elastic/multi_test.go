package elastic_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/internal/observe/logs/query/elastic"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/querytext"
)

func TestSeveralSearchesAreTakenApart(t *testing.T) {
	got, err := elastic.Parts([]byte("{\"index\":[\"logs-*\",\"x\"],\"ignore_unavailable\":true}\n{\"size\":0}\n\n{}\r\n{}\n{\"index\":\"a\"}\n\n"))
	if err != nil {
		t.Fatal(err)
	}
	if s := fmt.Sprintf("%s", got); s != "[{logs-*,x {\"size\":0}} { {}} {a }]" {
		t.Error(s)
	}
	for _, body := range []string{"", "\n", "{}", "nope\n{}\n", "{}\n{}\n[]\n{}", strings.Repeat("{}\n{}\n", 501)} {
		if got, err := elastic.Parts([]byte(body)); err == nil {
			t.Errorf("%.20q: %v", body, got)
		}
	}
}

func TestIndicesAreFilters(t *testing.T) {
	for names, want := range map[string]string{
		"":                  `*:*`,
		"_all":              `*:*`,
		"*":                 `*:*`,
		"logs-web":          `_index:logs-web`,
		"logs-*":            `_index:logs\-*`,
		"a,b-*":             `_index:a or _index:b\-*`,
		"vigie":             `_index:vigie or not _index:*`,
		"v*":                `_index:v* or not _index:*`,
		"logs-*,-logs-old*": `_index:logs\-* and not _index:logs\-old*`,
	} {
		if got := querytext.Format(elastic.Indices(names, opts)); got != want {
			t.Errorf("%s is %s, want %s", names, got, want)
		}
	}
}

func TestQueriesAreBounded(t *testing.T) {
	words := strings.Repeat("a b ", 20_000)
	many := `"` + strings.Repeat(`x","`, 200) + `y"`
	for _, body := range []string{
		`{"query":{"match":{"message":"` + words + `"}}}`,
		`{"query":{"multi_match":{"query":"a","fields":[` + many + `]}}}`,
		`{"query":{"query_string":{"query":"` + words + `"}}}`,
		`{"query":` + strings.Repeat(`{"bool":{"must":`, 60) + `{"match_all":{}}` + strings.Repeat(`}}`, 60) + `}`,
		`{"query":{"bool":{"must":[` + strings.Repeat(`{"term":{"a":1}},`, 11_000) + `{"match_all":{}}]}}}`,
		`{"aggs":` + strings.Repeat(`{"a":{"terms":{"field":"a"},"aggs":`, 60) + `{}` + strings.Repeat(`}}`, 60) + `}`,
	} {
		if _, _, err := elastic.Search([]byte(body), opts); err == nil {
			t.Errorf("%.60s is answered", body)
		} else if e := elastic.AsError(err); e.Status != 400 || len(e.Reason) > 100_000 {
			t.Errorf("%.60s: %d with %d bytes", body, e.Status, len(e.Reason))
		}
	}
}

func FuzzParts(f *testing.F) {
	f.Add("{\"index\":\"a\"}\n{}\n", "logs-*,-a")
	f.Fuzz(func(t *testing.T, body, names string) {
		if got, err := elastic.Parts([]byte(body)); err == nil && len(got) == 0 {
			t.Errorf("%q has no searches", body)
		}
		if text := querytext.Format(elastic.Indices(names, opts)); len(text) < querytext.MaxLength {
			if _, err := querytext.Parse(text, querytext.Options{}); err != nil && len(names) < 500 {
				t.Errorf("%q is %q: %v", names, text, err)
			}
		}
	})
}

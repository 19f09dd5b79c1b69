package elastic_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/internal/observe/logs/query/elastic"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/querytext"
)

// TestSearchesOfTheManualAreRead keeps docs/searching-logs.md true.
func TestSearchesOfTheManualAreRead(t *testing.T) {
	doc, err := os.ReadFile("../../../../../docs/searching-logs.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for i, block := range strings.Split(string(doc), "```") {
		if i%2 == 0 {
			continue
		}
		for text := range strings.Lines(strings.TrimPrefix(block, "\n")) {
			n++
			if _, err := querytext.Parse(strings.TrimSpace(text), querytext.Options{Now: now}); err != nil {
				t.Errorf("%s: %v", text, err)
			}
		}
	}
	if n < 20 {
		t.Errorf("only %d searches were found", n)
	}
	row := func(title, body string) {
		_, line, _ := strings.Cut(string(doc), "\n| "+title+" |")
		line, _, _ = strings.Cut(line, "\n")
		for _, name := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(line, -1) {
			_, _, err := elastic.Search([]byte(fmt.Sprintf(body, name[1])), opts)
			if err != nil && (strings.Contains(err.Error(), "unknown") || strings.Contains(err.Error(), "Unknown") || strings.Contains(err.Error(), "not supported")) {
				t.Errorf("%s is not understood: %v", name[1], err)
			}
		}
	}
	row("queries", `{"query":{"%s":{}}}`)
	row("aggregations", `{"aggs":{"a":{"%s":{}}}}`)
	row("of a search", `{"%s":null}`)
}

// Package rules holds the alerting rules: the ones Vigie ships, the ones of the
// operations repository, and what becomes of an alert that fires.
package rules

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	yaml "go.yaml.in/yaml/v3"

	"github.com/vigie-ops/vigie/internal/lib/suggest"
)

// File is a Prometheus rule file.
type File struct {
	Name    string // path in the operations repository, or shipped:…
	Content []byte
}

// Mistake is something wrong in a rule file. Line and column count from 1; zero
// is the file as a whole.
type Mistake struct {
	Line, Column int
	Message      string
}

var promParser = parser.NewParser(parser.Options{})

func parse(content []byte) (*rulefmt.RuleGroups, []error) {
	return rulefmt.Parse(content, false, model.UTF8Validation, promParser, slog.New(slog.DiscardHandler))
}

// beyondKeys finds what else is wrong with a file whose keys are not all known;
// rulefmt stops at those. What is missing is not told: it is probably what was
// misspelt.
func beyondKeys(content []byte, errs []error) []error {
	var te *yaml.TypeError
	if !slices.ContainsFunc(errs, func(err error) bool { return errors.As(err, &te) }) {
		return nil
	}
	_, more := rulefmt.Parse(content, true, model.UTF8Validation, promParser, slog.New(slog.DiscardHandler))
	return slices.DeleteFunc(more, func(err error) bool { return strings.Contains(err.Error(), "must be set") })
}

// Check returns every mistake of a rule file.
func Check(content []byte) []Mistake {
	groups, errs := parse(content)
	errs = append(errs, beyondKeys(content, errs)...)
	var out []Mistake
	for _, err := range errs {
		for _, m := range mistakes(err, content) {
			// The same text is read twice inside rulefmt, and complained about twice.
			if !slices.Contains(out, m) {
				out = append(out, m)
			}
		}
	}
	if groups != nil && len(errs) == 0 {
		out = append(out, checkLabels(content)...)
	}
	return out
}

var (
	// What the parsers write in front: "3:5: …" of rulefmt, "yaml: line 7: …" and
	// "line 7: …" of the YAML library, "1:12: parse error: …" of PromQL.
	place     = regexp.MustCompile(`^(\d+):(\d+): (.*)$`)
	yamlPlace = regexp.MustCompile(`^(?:yaml: )?line (\d+): (.*)$`)
	promPlace = regexp.MustCompile(`could not parse expression: (\d+):(\d+): (?:parse error: )?(.*)$`)
	ruleWords = regexp.MustCompile(`^group "(.*?)", rule \d+, "(.*?)": (.*)$`)
)

func mistakes(err error, content []byte) []Mistake {
	var te *yaml.TypeError
	if errors.As(err, &te) {
		var out []Mistake
		for _, text := range te.Errors {
			out = append(out, mistake(text, content))
		}
		return out
	}
	return []Mistake{mistake(err.Error(), content)}
}

func mistake(text string, content []byte) Mistake {
	text = strings.ReplaceAll(text, "\n", " ")
	m := Mistake{Message: text}
	if f := yamlPlace.FindStringSubmatch(text); f != nil {
		m.Line, m.Column, m.Message = number(f[1]), 1, f[2]
		if key, ok := unknownKey(m.Message); ok {
			m.Column, m.Message = columnOf(key, m.Line, content), unknownWords(key)
		}
		return m
	}
	if f := place.FindStringSubmatch(text); f != nil {
		m.Line, m.Column, m.Message = number(f[1]), number(f[2]), f[3]
	}
	// A rule with two nodes at fault has two places in front.
	if f := place.FindStringSubmatch(m.Message); f != nil {
		m.Message = f[3]
	}
	if m.Line == 0 && strings.HasPrefix(strings.ToLower(m.Message), "groupname") {
		m.Line, m.Column = groupPlace(m.Message, content)
	}
	rule := ""
	if f := ruleWords.FindStringSubmatch(m.Message); f != nil {
		rule, m.Message = f[2], f[3]
	}
	if f := promPlace.FindStringSubmatch(m.Message); f != nil {
		m = inExpression(m, number(f[1]), number(f[2]), content)
		m.Message = "the expression is not PromQL: " + f[3]
	}
	if rule != "" {
		m.Message = fmt.Sprintf("rule %q: %s", rule, m.Message)
	}
	return m
}

// groupPlace returns where the last group of the name in a message stands;
// rulefmt knows no place of groups.
func groupPlace(message string, content []byte) (line, column int) {
	var doc struct {
		Groups []yaml.Node `yaml:"groups"`
	}
	if yaml.Unmarshal(content, &doc) != nil {
		return 0, 0
	}
	for _, n := range doc.Groups {
		var g struct {
			Name string `yaml:"name"`
		}
		if n.Decode(&g) == nil && (g.Name == "" || strings.Contains(message, strconv.Quote(g.Name))) {
			line, column = n.Line, n.Column
		}
	}
	return line, column
}

// inExpression moves the place of the expression to the place inside it.
func inExpression(m Mistake, line, column int, content []byte) Mistake {
	lines := bytes.Split(content, []byte("\n"))
	if m.Line < 1 || m.Line > len(lines) {
		return m
	}
	at := min(max(m.Column-1, 0), len(lines[m.Line-1]))
	switch head := lines[m.Line-1][at:]; {
	case len(head) == 0:
	case head[0] == '|' || head[0] == '>': // a block: the text begins on the next line
		m.Line += line
		if m.Line <= len(lines) {
			text := lines[m.Line-1]
			m.Column = len(text) - len(bytes.TrimLeft(text, " ")) + column
		}
	case head[0] == '"' || head[0] == '\'':
		m.Column += column
	case line == 1:
		m.Column += column - 1
	}
	return m
}

// unknownKey returns the key that the YAML library complains about.
func unknownKey(text string) (string, bool) {
	if name, ok := strings.CutPrefix(text, "field "); ok {
		key, _, ok := strings.Cut(name, " not found in type")
		return key, ok
	}
	return "", false
}

var (
	groupKeys = []string{"name", "interval", "query_offset", "limit", "labels", "rules"}
	ruleKeys  = []string{"alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations"}
)

func unknownWords(key string) string {
	meant := ""
	if near, ok := suggest.Nearest(key, slices.Concat(groupKeys, ruleKeys)); ok {
		meant = fmt.Sprintf(" (did you mean %q?)", near)
	}
	return fmt.Sprintf("the key %q is not known%s; a group has name, interval, query_offset, limit, labels and rules; a rule has alert or record, expr, for, keep_firing_for, labels and annotations", key, meant)
}

// columnOf returns where a key stands in its line; the YAML library tells the
// line alone.
func columnOf(key string, line int, content []byte) int {
	lines := bytes.Split(content, []byte("\n"))
	if line < 1 || line > len(lines) {
		return 1
	}
	return max(bytes.Index(lines[line-1], []byte(key)), 0) + 1
}

func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// checkLabels finds severities that nothing in Vigie knows.
func checkLabels(content []byte) []Mistake {
	var doc struct {
		Groups []struct {
			Rules []struct {
				Alert  string               `yaml:"alert"`
				Labels map[string]yaml.Node `yaml:"labels"`
			} `yaml:"rules"`
		} `yaml:"groups"`
	}
	if yaml.Unmarshal(content, &doc) != nil {
		return nil
	}
	var out []Mistake
	for _, g := range doc.Groups {
		for _, r := range g.Rules {
			n, ok := r.Labels["severity"]
			if !ok || r.Alert == "" || strings.Contains(n.Value, "{{") {
				continue
			}
			switch n.Value {
			case "critical", "warning", "info":
			default:
				out = append(out, Mistake{Line: n.Line, Column: n.Column, Message: fmt.Sprintf("rule %q: severity %q is not known; it is critical, warning or info", r.Alert, n.Value)})
			}
		}
	}
	return out
}

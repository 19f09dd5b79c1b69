// Package rules holds the alerting rules: the ones Vigie ships, the ones of the
// operations repository, and what becomes of an alert that fires.
package rules

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/vigie-ops/vigie/internal/opsrepo"
)

// File is a Prometheus rule file.
type File struct {
	Name    string // path in the operations repository, or shipped:…
	Content []byte
}

var promParser = parser.NewParser(parser.Options{})

func parse(content []byte) (*rulefmt.RuleGroups, []error) {
	return rulefmt.Parse(content, false, model.UTF8Validation, promParser, slog.New(slog.DiscardHandler))
}

// ruleFile is what Prometheus reads of a rule file. It is read here once more
// because rulefmt knows few places and stops early.
type ruleFile struct {
	Groups []ruleGroup `yaml:"groups"`
}

type ruleGroup struct {
	Name        plain            `yaml:"name" ops:"required"`
	Interval    span             `yaml:"interval"`
	QueryOffset span             `yaml:"query_offset"`
	Limit       int              `yaml:"limit"`
	Labels      map[string]plain `yaml:"labels"`
	Rules       []rule           `yaml:"rules"`
}

type rule struct {
	Pos           opsrepo.Pos      `yaml:"-"`
	Alert         plain            `yaml:"alert"`
	Record        plain            `yaml:"record"`
	Expr          plain            `yaml:"expr" ops:"required"`
	For           span             `yaml:"for"`
	KeepFiringFor span             `yaml:"keep_firing_for"`
	Labels        map[string]plain `yaml:"labels"`
	Annotations   map[string]plain `yaml:"annotations"`
}

// plain is a text that may be written as a number or a truth, as Prometheus
// takes it.
type plain string

// CheckText takes every text.
func (plain) CheckText() error { return nil }

// span is a duration of Prometheus.
type span string

// CheckText takes what Prometheus takes.
func (s span) CheckText() error {
	if _, err := model.ParseDuration(string(s)); err != nil {
		return fmt.Errorf(`%q is no duration of Prometheus; write it like "30s", "5m", "1h30m" or "15d"`, string(s))
	}
	return nil
}

func (s span) zero() bool {
	d, err := model.ParseDuration(string(s))
	return err != nil || d == 0
}

// Check returns every mistake of a rule file.
func Check(name string, content []byte) opsrepo.Problems {
	f, doc := opsrepo.DecodeFile[ruleFile](name, content)
	c := checker{Document: doc, lines: bytes.Split(content, []byte("\n"))}
	c.file(f)
	if len(c.Problems()) == 0 {
		// What is valid here and not to Prometheus would fail in the hub.
		_, errs := parse(content)
		for _, err := range errs {
			c.Errorf(opsrepo.Pos{File: name, Line: 1, Column: 1}, "Prometheus does not take this file: %s", strings.ReplaceAll(err.Error(), "\n", " "))
		}
	}
	return c.Problems()
}

// checker finds what the types of a rule file do not say.
type checker struct {
	*opsrepo.Document
	lines [][]byte
}

func (c *checker) file(f ruleFile) {
	first := map[plain]opsrepo.Pos{}
	for i, g := range f.Groups {
		path := opsrepo.Index("groups", i)
		pos := c.At(path + ".name")
		if other, twice := first[g.Name]; twice && g.Name != "" {
			c.Errorf(pos, "the group %q is already at %s; each group of a file has a name of its own", g.Name, other)
		} else {
			first[g.Name] = pos
		}
		c.labels(path, "", g.Labels, false)
		for j, r := range g.Rules {
			c.rule(opsrepo.Index(path+".rules", j), r)
		}
	}
}

func (c *checker) rule(path string, r rule) {
	in := ""
	switch name := r.Alert + r.Record; {
	case r.Alert != "" && r.Record != "":
		c.Errorf(c.At(path+".record"), "the rule has alert and record; write one of them, or two rules")
		return
	case name != "":
		in = fmt.Sprintf("rule %q: ", name)
	case !c.Refused(path+".alert") && !c.Refused(path+".record"):
		c.Errorf(r.Pos, "the rule has no name; write alert: NAME for an alert, or record: NAME for a new series")
	}
	c.expression(path+".expr", in, string(r.Expr))
	c.labels(path, in, r.Labels, r.Alert != "")
	if r.Record != "" {
		c.recording(path, in, r)
		return
	}
	for _, key := range slices.Sorted(maps.Keys(r.Annotations)) {
		pos := c.At(path + ".annotations." + key)
		if !model.UTF8Validation.IsValidLabelName(key) {
			c.Errorf(pos, "%s%q is no name of an annotation; write letters, digits and underscores", in, key)
		} else if why := badTemplate(string(r.Annotations[key])); why != "" {
			c.Errorf(pos, "%sthe annotation %s is no template: %s; write it as in Prometheus, such as {{ $labels.server }} or {{ $value }}", in, key, why)
		}
	}
}

// recording checks the rule that makes a new series.
func (c *checker) recording(path, in string, r rule) {
	pos := c.At(path + ".record")
	switch name := string(r.Record); {
	case !model.UTF8Validation.IsValidMetricName(name):
		c.Errorf(pos, "%sthis is no name of a series; write letters, digits, underscores and colons", in)
	case strings.ContainsAny(name, "{}"):
		c.Errorf(pos, "%sa name of a series has no braces; write its labels under labels", in)
	}
	for key, there := range map[string]bool{"annotations": len(r.Annotations) > 0, "for": !r.For.zero(), "keep_firing_for": !r.KeepFiringFor.zero()} {
		if there {
			c.Errorf(c.At(path+"."+key), "%sa recording rule has no %s; it has record, expr and labels", in, key)
		}
	}
}

// labels checks the labels of a group or a rule; those of an alert are
// templates.
func (c *checker) labels(path, in string, labels map[string]plain, alert bool) {
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		pos, value := c.At(path+".labels."+key), string(labels[key])
		if !model.UTF8Validation.IsValidLabelName(key) || key == model.MetricNameLabel {
			c.Errorf(pos, "%s%q is no name of a label; write letters, digits and underscores, and not %s", in, key, model.MetricNameLabel)
			continue
		}
		if !alert {
			continue
		}
		if why := badTemplate(value); why != "" {
			c.Errorf(pos, "%sthe label %s is no template: %s; write it as in Prometheus, such as {{ $labels.server }} or {{ $value }}", in, key, why)
			continue
		}
		// Nothing in Vigie knows another severity.
		if key == "severity" && !strings.Contains(value, "{{") && !slices.Contains([]string{"critical", "warning", "info"}, value) {
			c.Errorf(pos, "%sseverity %q is not known; it is critical, warning or info", in, value)
		}
	}
}

var templateWords = regexp.MustCompile(`^annotation "text": (?:error parsing template [^:]*: )?(?:template: __alert_[^:]*:\d+: )?`)

// badTemplate says why Prometheus would not take a text as a template.
func badTemplate(text string) string {
	r := rulefmt.Rule{Alert: "x", Expr: "1", Annotations: map[string]string{"text": text}}
	for _, err := range r.Validate(rulefmt.RuleNode{}, model.UTF8Validation, promParser) {
		return templateWords.ReplaceAllString(strings.ReplaceAll(err.Error(), "\n", " "), "")
	}
	return ""
}

// What PromQL's parser writes in front of its words.
var promPlace = regexp.MustCompile(`^(\d+):(\d+): (?:parse error: )?(.*)$`)

func (c *checker) expression(path, in, expr string) {
	if strings.TrimSpace(expr) == "" {
		return // said when the file was read
	}
	_, err := promParser.ParseExpr(expr)
	if err == nil {
		return
	}
	pos, words := c.At(path), strings.ReplaceAll(err.Error(), "\n", " ")
	if f := promPlace.FindStringSubmatch(words); f != nil {
		pos, words = c.inside(pos, number(f[1]), number(f[2])), f[3]
	}
	c.Errorf(pos, "%sthe expression is not PromQL: %s", in, words)
}

// inside moves the place of an expression to the place inside it.
func (c *checker) inside(pos opsrepo.Pos, line, column int) opsrepo.Pos {
	if pos.Line < 1 || pos.Line > len(c.lines) {
		return pos
	}
	text := c.lines[pos.Line-1]
	switch head := text[min(max(pos.Column-1, 0), len(text)):]; {
	case len(head) == 0:
	case head[0] == '|' || head[0] == '>': // a block: the text begins on the next line
		if pos.Line+line <= len(c.lines) {
			text := c.lines[pos.Line+line-1]
			pos.Line, pos.Column = pos.Line+line, len(text)-len(bytes.TrimLeft(text, " "))+column
		}
	case head[0] == '&' || head[0] == '*': // an anchor or an alias: the text is elsewhere
	case head[0] == '"' || head[0] == '\'':
		pos.Column += column
	case line == 1:
		pos.Column += column - 1
	}
	return pos
}

func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

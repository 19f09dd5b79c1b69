package opsrepo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// What one file may ask of the reader. A person never comes near; a file made
// to exhaust memory does.
const (
	maxDepth    = 64        // mappings and lists inside each other
	maxNodes    = 1_000_000 // keys and values of one file, aliases written out
	maxDocument = 100       // documents in one file
)

// parse reads the YAML documents of a file. A syntax error ends it; what was
// read before is returned as well.
func parse(name string, content []byte) ([]*yaml.Node, Problems) {
	if p, bad := checkText(name, content); bad {
		return nil, Problems{p}
	}
	var docs []*yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(content))
	for {
		doc, err := next(dec)
		if errors.Is(err, io.EOF) {
			return docs, nil
		}
		if err != nil {
			return docs, Problems{syntaxProblem(name, content, err)}
		}
		if len(doc.Content) == 0 {
			continue
		}
		m := measure{open: map[*yaml.Node]bool{}}
		if at, msg := m.node(doc.Content[0], 0); msg != "" {
			return docs, Problems{{Pos{name, at.Line, at.Column}, msg}}
		}
		if docs = append(docs, doc.Content[0]); len(docs) > maxDocument {
			return docs[:maxDocument], Problems{{Pos{name, doc.Line, doc.Column}, fmt.Sprintf("the file holds more than %d documents; split it", maxDocument)}}
		}
	}
}

// next decodes one document. A parser that trips over odd bytes must not take
// the hub down with it.
func next(dec *yaml.Decoder) (doc *yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("yaml: the parser gave up: %v", r)
		}
	}()
	doc = new(yaml.Node)
	return doc, dec.Decode(doc)
}

// checkText finds the first byte that no text file holds.
func checkText(name string, content []byte) (Problem, bool) {
	line, column := 1, 1
	for rest := content; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		switch {
		case r == utf8.RuneError && n <= 1:
			return Problem{Pos{name, line, column}, "the file is not UTF-8 text; save it as UTF-8"}, true
		case r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f:
			return Problem{Pos{name, line, column}, fmt.Sprintf("the file holds the control character %U; remove it, or write it as an escape in double quotes", r)}, true
		case r == '\n':
			line, column = line+1, 0
		}
		column++
		rest = rest[n:]
	}
	return Problem{}, false
}

var lineOfError = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)

// syntaxProblem gives the parser's words a place.
func syntaxProblem(name string, content []byte, err error) Problem {
	msg, line := err.Error(), 1
	if m := lineOfError.FindStringSubmatch(msg); m != nil {
		line, _ = strconv.Atoi(m[1])
		msg = msg[len(m[0]):]
	}
	msg = strings.TrimPrefix(msg, "yaml: ")
	lines := bytes.Split(content, []byte("\n"))
	line = min(max(line, narrow(lines, err), 1), len(lines))
	text := lines[line-1]
	column := len(text) - len(bytes.TrimLeft(text, " \t")) + 1
	hint := "check the indentation, the quotes and the colons around this line"
	if bytes.HasPrefix(bytes.TrimLeft(text, " "), []byte("\t")) {
		hint = "indent with spaces, never with tabs"
	}
	return Problem{Pos{name, line, column}, fmt.Sprintf("this is not YAML: %s; %s", msg, hint)}
}

// narrow returns the line that brings an error about: the parser names the
// line where the list or mapping around it begins, which may be far above. It
// returns 0 where that is not known.
func narrow(lines [][]byte, err error) int {
	total := 0
	for _, l := range lines {
		total += len(l) + 1
	}
	if total > 256<<10 {
		return 0 // every try parses again
	}
	words := lineOfError.ReplaceAllString(err.Error(), "")
	fails := func(n int) bool {
		dec := yaml.NewDecoder(bytes.NewReader(bytes.Join(lines[:n], []byte("\n"))))
		for {
			if _, err := next(dec); err != nil {
				return lineOfError.ReplaceAllString(err.Error(), "") == words
			}
		}
	}
	if n := sort.Search(len(lines), func(i int) bool { return fails(i + 1) }); n < len(lines) {
		return n + 1
	}
	return 0
}

// measure walks a document with its aliases written out and bounds how large
// and how deep it is, so that whatever walks it later ends.
type measure struct {
	count int
	open  map[*yaml.Node]bool // anchored nodes that the walk is inside of
}

// node returns the place and the words of what is too much, if anything is.
func (m *measure) node(n *yaml.Node, depth int) (at *yaml.Node, msg string) {
	if m.count++; m.count > maxNodes {
		return n, fmt.Sprintf("the file has more than %d values with its aliases written out; use fewer aliases or split it", maxNodes)
	}
	if depth > maxDepth {
		return n, fmt.Sprintf("lists and mappings lie more than %d deep inside each other; make it flatter", maxDepth)
	}
	if n.Kind == yaml.AliasNode {
		if m.open[n.Alias] {
			return n, fmt.Sprintf("the alias *%s stands inside what it names; write the value out", n.Value)
		}
		return m.node(n.Alias, depth)
	}
	if n.Anchor != "" {
		m.open[n] = true
		defer delete(m.open, n)
	}
	for _, child := range n.Content {
		if at, msg := m.node(child, depth+1); msg != "" {
			return at, msg
		}
	}
	return nil, ""
}

// resolve follows an alias to what it names.
func resolve(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// pair is a key and its value in a mapping.
type pair struct {
	key, value *yaml.Node
}

// pairs returns the keys of a mapping with `<<:` merges written out; a key of
// the mapping itself goes before a merged one.
func pairs(n *yaml.Node) []pair {
	var out []pair
	var merges []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.ScalarNode && key.ShortTag() == "!!merge" {
			merges = append(merges, value)
			continue
		}
		out = append(out, pair{key: key, value: value})
	}
	if merges == nil {
		return out
	}
	have := map[string]bool{}
	for _, p := range out {
		have[resolve(p.key).Value] = true
	}
	for _, m := range merges {
		for _, source := range mergeSources(resolve(m)) {
			for _, p := range pairs(source) {
				if name := resolve(p.key).Value; !have[name] {
					have[name] = true
					out = append(out, p)
				}
			}
		}
	}
	return out
}

func mergeSources(n *yaml.Node) []*yaml.Node {
	switch n.Kind {
	case yaml.MappingNode:
		return []*yaml.Node{n}
	case yaml.SequenceNode:
		var out []*yaml.Node
		for _, c := range n.Content {
			if c = resolve(c); c.Kind == yaml.MappingNode {
				out = append(out, c)
			}
		}
		return out
	}
	return nil
}

package query

import (
	"slices"
	"strings"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// of returns for each field what of it made the line a hit.
func (h *Highlight) of(f Filter, r *record.Record) map[string][]string {
	asked := map[string][]Words{}
	gather(f, asked)
	if len(asked) == 0 {
		return nil
	}
	out := map[string][]string{}
	mark := func(name string, v record.Value) {
		if len(h.Fields) > 0 && !slices.Contains(h.Fields, name) && !slices.Contains(h.Fields, AnyField) {
			return
		}
		words := asked[name]
		if textual(v) {
			words = append(slices.Clone(words), asked[AnyField]...)
		}
		if got := h.fragments(v.Text(), words); len(got) > 0 {
			out[name] = append(out[name], got...)
		}
	}
	if r.Message != "" {
		mark(record.Message, record.StringValue(r.Message))
	}
	for _, one := range r.Fields {
		mark(one.Name, one.Value)
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// gather finds the words that a filter asks for, by field; what must not be
// there is not marked.
func gather(f Filter, out map[string][]Words) {
	switch f := f.(type) {
	case And:
		for _, sub := range f {
			gather(sub, out)
		}
	case Or:
		for _, sub := range f {
			gather(sub, out)
		}
	case AtLeast:
		for _, sub := range f.Of {
			gather(sub, out)
		}
	case Words:
		out[f.Field] = append(out[f.Field], f)
	case Equal:
		if words := WordsOf(f.Value.Text()); len(words) > 0 {
			out[f.Field] = append(out[f.Field], Words{Words: words})
		}
	}
}

// Spans returns where the words that a filter asks for stand in the text of a
// field: pairs of offsets, in order, for whoever marks them on a screen.
func Spans(f Filter, field, text string) [][2]int {
	asked := map[string][]Words{}
	gather(f, asked)
	return spans(text, append(asked[field], asked[AnyField]...))
}

func spans(text string, asked []Words) [][2]int {
	var out [][2]int
	for start, end := nextWord(text, 0); start >= 0; start, end = nextWord(text, end) {
		word := fold(text[start:end])
		if slices.ContainsFunc(asked, func(w Words) bool { return w.names(word) }) {
			if n := len(out); n > 0 && out[n-1][1] == start {
				out[n-1][1] = end
				continue
			}
			out = append(out, [2]int{start, end})
		}
	}
	return out
}

// names says whether a word is one of those asked for.
func (f Words) names(word string) bool {
	for i, w := range f.Words {
		if w == word || f.Prefix && i == len(f.Words)-1 && strings.HasPrefix(word, w) {
			return true
		}
	}
	return false
}

// fragments are pieces of a text with the words marked.
func (h *Highlight) fragments(text string, asked []Words) []string {
	all := spans(text, asked)
	if len(all) == 0 {
		return nil
	}
	most := h.Number
	if most <= 0 {
		most = 5
	}
	if h.Size <= 0 || len(text) <= h.Size {
		return []string{h.marked(text, 0, len(text), all)}
	}
	var out []string
	for i := 0; i < len(all) && len(out) < most; {
		from := max(0, all[i][0]-h.Size/4)
		to := min(len(text), max(from+h.Size, all[i][1]))
		from, to = runeStart(text, from), runeStart(text, to)
		n := i
		for n < len(all) && all[n][1] <= to {
			n++
		}
		out = append(out, h.marked(text, from, to, all[i:max(n, i+1)]))
		i = max(n, i+1)
	}
	return out
}

// runeStart moves to the beginning of the character that a place is in.
func runeStart(text string, at int) int {
	for at > 0 && at < len(text) && text[at]&0xC0 == 0x80 {
		at--
	}
	return at
}

func (h *Highlight) marked(text string, from, to int, all [][2]int) string {
	var b strings.Builder
	for _, s := range all {
		b.WriteString(text[from:s[0]])
		b.WriteString(h.Pre)
		b.WriteString(text[s[0]:s[1]])
		b.WriteString(h.Post)
		from = s[1]
	}
	if to > from {
		b.WriteString(text[from:to])
	}
	return b.String()
}

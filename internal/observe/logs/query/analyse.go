package query

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// maxWord is how many bytes of a word are looked at: the rest is another word.
const maxWord = 255

// AppendWords appends the words of a text: runs of letters, digits and
// underscores, in lower case. Whatever stands between parts them, so that
// 10.0.0.1 has four words and a search for it is a search for a phrase.
func AppendWords(dst []string, text string) []string {
	for start, end := nextWord(text, 0); start >= 0; start, end = nextWord(text, end) {
		dst = append(dst, fold(text[start:end]))
	}
	return dst
}

// WordsOf returns the words of a text, as AppendWords does.
func WordsOf(text string) []string { return AppendWords(nil, text) }

// NewWords asks for the words of a text in a field. A text whose parts are no
// words of their own, such as an address, is a phrase.
func NewWords(field, text string) Words {
	w := Words{Field: field, Words: WordsOf(text)}
	w.Phrase = len(w.Words) > 1
	return w
}

// fold puts a word in lower case, without allocating where it is already. No
// letter beyond ASCII becomes one of ASCII, so that words of ASCII can be looked
// for byte by byte.
func fold(word string) string {
	for i := range len(word) {
		if c := word[i]; c >= utf8.RuneSelf || c >= 'A' && c <= 'Z' {
			return strings.Map(foldRune, word)
		}
	}
	return word
}

func foldRune(r rune) rune {
	if l := unicode.ToLower(r); r < utf8.RuneSelf || l >= utf8.RuneSelf {
		return l
	}
	return r
}

// ascii says which bytes below 128 are part of words.
var ascii = func() (t [utf8.RuneSelf]bool) {
	for c := range t {
		t[c] = c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	}
	return t
}()

// nextWord returns where the first word at or behind from lies, -1 for none.
func nextWord[T string | []byte](text T, from int) (start, end int) {
	i := from
	for i < len(text) {
		ok, n := wordAt(text, i)
		if ok {
			break
		}
		i += n
	}
	if i >= len(text) {
		return -1, len(text)
	}
	start = i
	for i < len(text) {
		ok, n := wordAt(text, i)
		if !ok || i+n-start > maxWord {
			break
		}
		i += n
	}
	return start, i
}

// wordAt says whether the character at i is part of a word, and how long it is.
func wordAt[T string | []byte](text T, i int) (bool, int) {
	if c := text[i]; c < utf8.RuneSelf {
		return ascii[c], 1
	}
	var r rune
	var n int
	switch t := any(text).(type) {
	case string:
		r, n = utf8.DecodeRuneInString(t[i:])
	case []byte:
		r, n = utf8.DecodeRune(t[i:])
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r), n
}

// wordBefore says whether the character that ends at i is part of a word.
func wordBefore[T string | []byte](text T, i int) bool {
	if i <= 0 {
		return false
	}
	if c := text[i-1]; c < utf8.RuneSelf {
		return ascii[c]
	}
	var r rune
	switch t := any(text).(type) {
	case string:
		r, _ = utf8.DecodeLastRuneInString(t[:i])
	case []byte:
		r, _ = utf8.DecodeLastRune(t[:i])
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

// WordToken is the mark that a word leaves in the filters of a file, whichever
// field of text it stands in: XXH64 of the word, which is as AppendWords makes
// it. It lies in files and never changes.
func WordToken(word string) uint64 { return xxhash.Sum64String(word) }

// maxToken is the longest value that leaves a mark.
const maxToken = 128

// ValueToken is the mark that a value of a field leaves in the filters of a
// file: XXH64 of the field's name, a zero byte and the value's text, so that 200
// and "200" leave the same. Long values and times leave none, and texts that
// read as times are not looked for by theirs. It lies in files and never
// changes.
func ValueToken(field string, v record.Value) (token uint64, ok bool) {
	if v.Kind == record.None || v.Kind == record.Moment {
		return 0, false
	}
	text := v.Text()
	if len(text) > maxToken {
		return 0, false
	}
	var d xxhash.Digest
	d.Reset()
	_, _ = d.WriteString(field) // it never fails
	_, _ = d.Write([]byte{0})
	_, _ = d.WriteString(text)
	return d.Sum64(), true
}

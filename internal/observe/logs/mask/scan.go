package mask

import (
	"strings"
)

// The classes of bytes for scanning.
const (
	other = iota
	digit
	letter
	sign // that something may stand behind or before
)

var classOf = func() (t [256]uint8) {
	for c := '0'; c <= '9'; c++ {
		t[c] = digit
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = letter, letter
	}
	t['_'] = letter
	for _, c := range []byte("=:@-") {
		t[c] = sign
	}
	return t
}()

// inWord are the bytes of words, and begins those that a word begins with which
// is looked at: of Bearer and Basic, of a token that says what it is.
var (
	inWord = func() (t [256]bool) {
		for c := range t {
			t[c] = classOf[c] == digit || classOf[c] == letter
		}
		return t
	}()
	begins = func() (t [256]bool) {
		for _, c := range []byte("bBeAgxsr") {
			t[c] = true
		}
		return t
	}()
)

func isWord(c byte) bool { return inWord[c] }

// span is a piece of a text that is masked.
type span struct {
	from, to int
	kind     string
}

// text masks one text. It allocates only where it finds something.
func (m *Masker) text(s string, count func(string, int)) (string, bool) {
	var out []byte
	last := 0
	for i := 0; i < len(s); {
		var found span
		next := i + 1
		switch classOf[s[i]] {
		case other:
			i++
			continue
		case digit:
			next = endOfDigits(s, i)
			if m.card && next-i >= 4 {
				found = cardAt(s, i)
			}
			if found.to == 0 {
				next = endOfWord(s, next)
			}
		case letter:
			for next < len(s) && inWord[s[next]] {
				next++
			}
			if begins[s[i]] || next-i >= 4 && classOf[s[i+2]] == digit {
				found = m.word(s, i, next)
			}
		default:
			found = m.sign(s, i)
		}
		if found.to == 0 || found.from < last {
			i = next
			continue
		}
		out = append(out, s[last:found.from]...)
		out = append(out, "[masked:"...)
		out = append(out, found.kind...)
		out = append(out, ']')
		count(found.kind, 1)
		last, i = found.to, found.to
	}
	if out == nil {
		return s, false
	}
	return string(append(out, s[last:]...)), true
}

func endOfDigits(s string, i int) int {
	for i < len(s) && classOf[s[i]] == digit {
		i++
	}
	return i
}

func endOfWord(s string, i int) int {
	for i < len(s) && inWord[s[i]] {
		i++
	}
	return i
}

// word looks at a word that begins with a letter. The text is scanned by words,
// so that i is where it begins.
func (m *Masker) word(s string, i, end int) span {
	if m.iban && end-i >= 4 && classOf[s[i+2]] == digit {
		if found := ibanAt(s, i); found.to > 0 {
			return found
		}
	}
	if !m.token {
		return span{}
	}
	switch s[i] {
	case 'b', 'B':
		if end-i == 6 && strings.EqualFold(s[i:end], "bearer") || end-i == 5 && strings.EqualFold(s[i:end], "basic") {
			if from, to := credential(s, end); to > 0 {
				return span{from, to, Token}
			}
		}
	case 'e':
		return jwtAt(s, i)
	case 'A', 'g', 'x', 's', 'r':
		return prefixed(s, i)
	}
	return span{}
}

// sign looks at what may stand around a sign.
func (m *Masker) sign(s string, i int) span {
	switch c := s[i]; {
	case c == '-':
		if m.token && strings.HasPrefix(s[i:], "-----BEGIN ") {
			return pemAt(s, i)
		}
	case c == '@':
		if m.email {
			return emailAt(s, i)
		}
	case m.token && i > 0:
		if before := s[i-1]; c == ':' && classOf[before] == digit { // of a time, mostly
			return span{}
		}
		if c == ':' && strings.HasPrefix(s[i:], "://") {
			return userinfoAt(s, i)
		}
		return namedAt(s, i)
	}
	return span{}
}

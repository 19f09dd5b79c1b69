package mask

import (
	"strings"
)

// secretNames are what secrets are called, at the end of a name, without - and _.
var secretNames = []string{
	"password", "passwd", "pwd", "passphrase", "secret", "token", "apikey", "accesskey", "secretkey", "privatekey", "authorization", "credential", "credentials",
}

// maxName is how long a name may be that is looked at.
const maxName = 64

// secretName says whether a name is one of a secret, and whether it could be a
// word of prose as well.
func secretName(name string) (secret, prose bool) {
	if name == "" || len(name) > maxName {
		return false, false
	}
	switch name[len(name)-1] | 0x20 { // the last letters of secretNames
	case 'd', 'e', 't', 'n', 'y', 'l', 's':
	default:
		return false, false
	}
	var buf [maxName]byte
	n := 0
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '-' || c == '_':
			continue
		case c >= 'A' && c <= 'Z':
			c |= 0x20
		}
		buf[n] = c
		n++
	}
	for _, suffix := range secretNames {
		if n >= len(suffix) && string(buf[n-len(suffix):n]) == suffix {
			return true, suffix == "token" || suffix == "secret" || strings.HasPrefix(suffix, "credential")
		}
	}
	return false, false
}

// secretField says whether the whole value of a field is a secret, by its name.
func secretField(name string) bool {
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		name = name[i+1:]
	}
	secret, _ := secretName(name)
	return secret
}

// namedAt is the value behind the = or : at i, if what stands before it is the
// name of a secret.
func namedAt(s string, i int) span {
	end := i
	if s[i] == '=' && end > 1 && s[end-1] == ' ' { // key = value
		end--
	}
	if end > 0 && (s[end-1] == '"' || s[end-1] == '\'') { // "password":
		end--
		if end > 0 && s[end-1] == '\\' { // \"password\":
			end--
		}
	}
	if end == 0 || classOf[s[end-1]] != letter {
		return span{}
	}
	begin := end
	for begin > 0 && end-begin <= maxName && (isWord(s[begin-1]) || s[begin-1] == '-') {
		begin--
	}
	secret, prose := secretName(s[begin:end])
	if !secret {
		return span{}
	}
	from := i + 1
	for from < len(s) && s[from] == ' ' {
		from++
	}
	spaced := from > i+1
	quote, escaped := byte(0), false
	if from < len(s) && s[from] == '\\' && from+1 < len(s) && s[from+1] == '"' {
		from, escaped = from+1, true
	}
	if from < len(s) && (s[from] == '"' || s[from] == '\'') {
		quote = s[from]
		from++
	}
	if strings.EqualFold(s[begin:end], "authorization") {
		if word := endOfWord(s, from); word > from && word < len(s) && s[word] == ' ' {
			from = word + 1 // the scheme stays
		}
	}
	to := valueEnd(s, from, quote, escaped)
	value := s[from:to]
	switch {
	case value == "" || strings.HasPrefix(value, "[masked:"), plainValue(value):
		return span{}
	case prose && spaced && quote == 0 && (len(value) < 8 || !strings.ContainsAny(value, "0123456789")):
		return span{} // invalid token: expired
	}
	return span{from, to, Token}
}

// plainValue says of a value that it stands for none.
func plainValue(v string) bool {
	switch v {
	case "null", "nil", "none", "None", "true", "false", "True", "False", "-", "*":
		return true
	}
	return strings.Trim(v, "*") == ""
}

// valueEnd is where a value ends that begins at from: at its quote, which is
// escaped itself inside of a text that was quoted again, or before what follows
// values.
func valueEnd(s string, from int, quote byte, escaped bool) int {
	for i := from; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			switch {
			case c == '\\' && escaped && i+1 < len(s) && s[i+1] == quote, c == quote:
				return i
			case c == '\\' && !escaped:
				i++
			}
		case c == ']' && strings.HasPrefix(s[from:], "[masked:"):
			return i + 1
		case c <= ' ' || strings.IndexByte("&;,\"'`)]}<>|", c) >= 0:
			return i
		}
	}
	return len(s)
}

// credentialLeast is how many characters a credential has behind Bearer or
// Basic: fewer are words.
const credentialLeast = 12

// credential is what stands behind the word Bearer or Basic that ends at end.
func credential(s string, end int) (from, to int) {
	if end >= len(s) || s[end] != ' ' {
		return 0, 0
	}
	from = end + 1
	for to = from; to < len(s) && (isWord(s[to]) || strings.IndexByte("-._~+/=", s[to]) >= 0); to++ {
	}
	if to-from < credentialLeast || !strings.ContainsAny(s[from:to], "0123456789=") {
		return 0, 0
	}
	return from, to
}

// jwtAt is a JSON Web Token: three parts in base64url, the first an object.
func jwtAt(s string, i int) span {
	if !strings.HasPrefix(s[i:], "eyJ") {
		return span{}
	}
	at, parts := i, 0
	for parts < 3 {
		from := at
		for at < len(s) && (isWord(s[at]) || s[at] == '-') {
			at++
		}
		if at-from < 4 {
			break
		}
		if parts++; parts < 3 {
			if at >= len(s) || s[at] != '.' {
				break
			}
			at++
		}
	}
	if parts < 2 {
		return span{}
	}
	return span{i, at, Token}
}

// prefixes are how tokens begin that say what they are, and how many characters
// follow at least.
var prefixes = []struct {
	begin string
	least int
}{
	{"AKIA", 16}, {"ASIA", 16}, {"AIza", 35},
	{"ghp_", 20}, {"gho_", 20}, {"ghs_", 20}, {"ghu_", 20}, {"ghr_", 20}, {"github_pat_", 20}, {"glpat-", 16},
	{"xoxb-", 10}, {"xoxp-", 10}, {"xoxa-", 10}, {"xoxs-", 10}, {"xoxe-", 10},
	{"sk_live_", 10}, {"rk_live_", 10}, {"sk_test_", 10},
}

// second are the second letters of prefixes.
var second = func() (t [256]bool) {
	for _, p := range prefixes {
		t[p.begin[1]] = true
	}
	return t
}()

func prefixed(s string, i int) span {
	if i+2 > len(s) || !second[s[i+1]] {
		return span{}
	}
	for _, p := range prefixes {
		if !strings.HasPrefix(s[i:], p.begin) {
			continue
		}
		to := i + len(p.begin)
		for to < len(s) && (isWord(s[to]) || s[to] == '-') {
			to++
		}
		if to-i-len(p.begin) >= p.least {
			return span{i, to, Token}
		}
	}
	return span{}
}

// pemAt is a private key in PEM, up to its end or that of the text.
func pemAt(s string, i int) span {
	head := s[i:min(len(s), i+64)]
	stop := strings.Index(head, "PRIVATE KEY-----")
	if stop < 0 || strings.ContainsAny(head[:stop], "\n\"") {
		return span{}
	}
	from := i + stop + len("PRIVATE KEY-----")
	to := len(s)
	if end := strings.Index(s[from:], "-----END "); end >= 0 {
		to = from + end
	}
	if strings.TrimSpace(s[from:to]) == "" || strings.HasPrefix(strings.TrimSpace(s[from:to]), "[masked:") {
		return span{}
	}
	return span{from, to, Token}
}

// userinfoAt is the password of an address whose :// is at i.
func userinfoAt(s string, i int) span {
	colon := 0
	for at := i + 3; at < len(s) && at < i+512; at++ {
		switch c := s[at]; {
		case c == '@':
			if colon > 0 && at > colon+1 && !strings.HasPrefix(s[colon+1:], "[masked:") {
				return span{colon + 1, at, Token}
			}
			return span{}
		case c == ':' && colon == 0:
			colon = at
		case c <= ' ' || c == '/' || c == '"' || c == '\'' || c == '?' || c == '#' || c == '<':
			return span{}
		}
	}
	return span{}
}

// emailAt is the address around the @ at i.
func emailAt(s string, i int) span {
	from := i
	for from > 0 && i-from < 64 && (isWord(s[from-1]) || strings.IndexByte(".+-%", s[from-1]) >= 0) {
		from--
	}
	to, dot := i+1, false
	for to < len(s) && to-i < 255 && (isWord(s[to]) || s[to] == '-' || s[to] == '.') {
		dot = dot || s[to] == '.' && to > i+1
		to++
	}
	for to > i && (s[to-1] == '.' || s[to-1] == '-') {
		to--
	}
	if from == i || !dot || strings.LastIndexByte(s[i:to], '.') <= 0 || classOf[s[to-1]] != letter {
		return span{}
	}
	return span{from, to, Email}
}

package mask

// cardAt is the number of a card that begins at i: fourteen to nineteen digits,
// maybe in groups of four, that an issuer can have given out and of which the
// check digit is right (ISO/IEC 7812-1, annex B: Luhn's).
func cardAt(s string, i int) span {
	if i > 0 && (isWord(s[i-1]) || s[i-1] == '.' || s[i-1] == '-' || s[i-1] == '+') {
		return span{}
	}
	var digits [19]byte
	var groups [6]int
	n, g, to := 0, 0, i
	for at := i; at < len(s); at++ {
		c := s[at]
		if classOf[c] == digit {
			if n == len(digits) {
				return span{}
			}
			digits[n] = c - '0'
			n++
			groups[g]++
			to = at + 1
			continue
		}
		if (c != ' ' && c != '-') || at+1 >= len(s) || classOf[s[at+1]] != digit || g == len(groups)-1 {
			break
		}
		if !grouped(groups[:g+1]) {
			break
		}
		g++
	}
	if to < len(s) && (isWord(s[to]) || s[to] == '.' && to+1 < len(s) && classOf[s[to+1]] == digit) {
		return span{}
	}
	if g > 0 && groups[g] > 6 || !issued(digits[:n]) || !luhn(digits[:n]) {
		return span{}
	}
	return span{i, to, Card}
}

// grouped says whether digits are in groups as on cards: of four, or 4-6 and
// the rest.
func grouped(groups []int) bool {
	for i, n := range groups {
		if n != 4 && (i != 1 || n != 6) {
			return false
		}
	}
	return true
}

// issued says whether a number begins as those of its length do.
func issued(d []byte) bool {
	if len(d) < 14 {
		return false
	}
	two := int(d[0])*10 + int(d[1])
	switch len(d) {
	case 14:
		return two == 30 || two == 36 || two == 38 // Diners Club
	case 15:
		return two == 34 || two == 37 // American Express
	case 16:
		return d[0] == 4 || two >= 51 && two <= 55 || two >= 22 && two <= 27 || two == 35 || two == 60 || two == 62 || two == 64 || two == 65
	}
	return two == 62 // UnionPay
}

func luhn(d []byte) bool {
	sum := 0
	for i := range d {
		n := int(d[len(d)-1-i])
		if i%2 == 1 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0
}

// ibanLengths is how long the numbers of a country are (the registry of ISO
// 13616).
var ibanLengths = map[string]int{
	"AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22,
	"DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28,
	"IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27,
	"MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24,
	"SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}

// ibanAt is the number of an account that begins at i, maybe in groups of four.
func ibanAt(s string, i int) span {
	if classOf[s[i+3]] != digit || i > 0 && isWord(s[i-1]) {
		return span{}
	}
	length := ibanLengths[s[i:i+2]]
	if length == 0 {
		return span{}
	}
	rest, n, to := 0, 0, i
	var first [4]byte
	take := func(c byte) bool {
		switch {
		case c >= '0' && c <= '9':
			rest = (rest*10 + int(c-'0')) % 97
		case c >= 'A' && c <= 'Z':
			rest = (rest*100 + int(c-'A') + 10) % 97
		default:
			return false
		}
		return true
	}
	for at := i; at < len(s) && n < length; at++ {
		c := s[at]
		if c == ' ' && n > 0 && n%4 == 0 && at+1 < len(s) && s[at+1] != ' ' {
			continue
		}
		if n < 4 {
			first[n] = c
		} else if !take(c) {
			return span{}
		}
		n++
		to = at + 1
	}
	if n < length || to < len(s) && isWord(s[to]) {
		return span{}
	}
	for _, c := range first {
		if !take(c) {
			return span{}
		}
	}
	if rest != 1 {
		return span{}
	}
	return span{i, to, IBAN}
}

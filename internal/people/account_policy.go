package people

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	minPassword         = 12 // characters
	maxPassword         = 1024
	minPasswordDistinct = 5
)

// The reasons for which a password is refused.
var (
	ErrPasswordShort  = errors.New("the password is too short; it needs at least 12 characters")
	ErrPasswordLong   = errors.New("the password is too long; it may have up to 1024 bytes")
	ErrPasswordName   = errors.New("the password is your own name or address; choose another")
	ErrPasswordSimple = errors.New("the password repeats a few characters; choose another")
)

// CheckPassword reports whether somebody may have that password. Length is
// what counts; there is no rule about kinds of characters.
func CheckPassword(p Person, password string) error {
	if utf8.RuneCountInString(password) < minPassword {
		return ErrPasswordShort
	}
	if len(password) > maxPassword {
		return ErrPasswordLong
	}
	bare := letters(password)
	local, _, _ := strings.Cut(p.Email, "@")
	for _, own := range []string{p.Slug, p.Name, p.Email, local} {
		// Twice the name, or the name with a number behind it, is the name.
		if own = letters(own); own != "" && strings.TrimLeft(strings.ReplaceAll(bare, own, ""), "0123456789") == "" {
			return ErrPasswordName
		}
	}
	distinct := map[rune]bool{}
	for _, r := range password {
		distinct[r] = true
	}
	if len(distinct) < minPasswordDistinct {
		return ErrPasswordSimple
	}
	return nil
}

// letters returns the letters and digits of a text in lower case.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

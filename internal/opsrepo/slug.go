package opsrepo

import "regexp"

var slugForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// ValidSlug reports whether s may name an entry: small letters, digits and
// hyphens, at most 63, so that it also fits a host name and a label.
func ValidSlug(s string) bool { return slugForm.MatchString(s) }

const slugRule = "use small letters, digits and hyphens, at most 63, beginning with a letter or digit"

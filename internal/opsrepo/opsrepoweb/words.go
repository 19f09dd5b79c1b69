package opsrepoweb

import (
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/ui"
)

// short is a commit as people write it.
func short(commit string) string {
	if hash, ok := strings.CutPrefix(commit, "dir:"); ok {
		return "files " + hash[:min(7, len(hash))]
	}
	return commit[:min(7, len(commit))]
}

// state says in a word how the repository is.
func state(s opsrepo.Status) (ui.Kind, string) {
	switch {
	case len(s.Problems) > 0 && s.Current == nil:
		return ui.Bad, "refused, and nothing runs yet"
	case len(s.Problems) > 0:
		return ui.Bad, "the newest commit is refused"
	case s.Err != nil:
		return ui.Warn, "cannot be read"
	case s.Current == nil && s.CheckedAt.IsZero():
		return ui.Quiet, "not read yet"
	case s.Current == nil:
		return ui.Quiet, "nothing runs yet"
	}
	return ui.OK, "valid"
}

// by joins who made a commit and when.
func by(author string, at, now time.Time) string {
	switch {
	case author == "":
		return ""
	case at.IsZero():
		return "by " + author
	}
	return "by " + author + ", " + ui.Ago(now.Sub(at))
}

package opsrepo

import (
	"fmt"
	"time"
)

// retirement keeps the slug of an entry that is gone from being used again:
// metrics, logs and issues of the old one still carry it.
type retirement struct {
	Pos  Pos    `yaml:"-"`
	Kind string `yaml:"kind" ops:"required,doc=What it was: server, instance, person and so on."`
	Slug string `yaml:"slug" ops:"required"`
	On   date   `yaml:"on" ops:"required,doc=The day it was retired: 2026-01-31."`
}

// date is a day, 2026-01-31.
type date string

// CheckText implements the decoder's check of text.
func (d date) CheckText() error {
	if _, err := time.Parse(time.DateOnly, string(d)); err != nil {
		return fmt.Errorf("%q is no day; write it like 2026-01-31", string(d))
	}
	return nil
}

// checkRetired reports kinds that do not exist, slugs that are used again and
// slugs that are retired twice.
func (l *loader) checkRetired() {
	var kinds []string
	for _, d := range l.ds {
		if d.kind != "" {
			kinds = append(kinds, d.kind)
		}
	}
	first := map[[2]string]Pos{}
	for _, r := range l.retired {
		if r.Kind == "" || r.Slug == "" {
			continue
		}
		slugs, known := l.c.slugs[r.Kind]
		if !known {
			l.c.Errorf(l.c.FieldPos(r.Pos, "kind"), "the kind %q does not exist%s; use %s", r.Kind, DidYouMean(r.Kind, kinds), orList(kinds, "or"))
			continue
		}
		key := [2]string{r.Kind, r.Slug}
		if other, twice := first[key]; twice {
			l.c.Errorf(r.Pos, "the %s %q is retired twice, first at %s; once is enough", r.Kind, r.Slug, other)
			continue
		}
		first[key] = r.Pos
		if used, ok := slugs[r.Slug]; ok {
			l.blameKind(r.Kind)
			l.c.Errorf(used, "reused slug: the %s %q was retired on %s at %s; a slug is never given to something else, so choose another", r.Kind, r.Slug, r.On, r.Pos)
		}
	}
}

// blameKind notes that the entries of a kind have a mistake.
func (l *loader) blameKind(kind string) {
	for _, d := range l.ds {
		if d.kind == kind {
			l.c.blame(d.name)
		}
	}
}

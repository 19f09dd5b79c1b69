package drift

import (
	"errors"
	"time"

	"github.com/vigie-ops/vigie/internal/opsrepo"
)

// Policy says when drift is looked for.
type Policy struct {
	Pos opsrepo.Pos `yaml:"-"`
	At  TimeOfDay   `yaml:"at" ops:"default=03:00,doc=When the nightly look begins, such as 03:00, in the company's time zone."`
	Off bool        `yaml:"off" ops:"doc=Whether there is no nightly look. Checks that people ask for count all the same."`
}

// DefaultAt is when the nightly look begins where no policy says otherwise.
const DefaultAt TimeOfDay = "03:00"

// Section is the section `drift_policy:`.
var Section = opsrepo.NewSingle("drift_policy", opsrepo.SingleOptions[Policy]{
	Doc: "When the playbooks with drift: true are checked on the whole fleet.",
})

// Sections are what this package reads from the operations repository.
func Sections() []opsrepo.Section { return []opsrepo.Section{Section} }

// PolicyOf returns the policy of a generation.
func PolicyOf(g *opsrepo.Generation) Policy {
	if p, ok := Section.Of(g); ok {
		return p
	}
	return Policy{At: DefaultAt}
}

// TimeOfDay is a time of day, "03:00".
type TimeOfDay string

const clock = "15:04"

// CheckText implements the check of the decoder.
func (t TimeOfDay) CheckText() error {
	if at, err := time.Parse(clock, string(t)); err != nil || at.Format(clock) != string(t) {
		return errors.New(`is no time of day; write it like "03:00"`)
	}
	return nil
}

// parts are the hour and the minute; those of the default for what is no time
// of day.
func (t TimeOfDay) parts() (hour, minute int) {
	at, err := time.Parse(clock, string(t))
	if err != nil {
		at, _ = time.Parse(clock, string(DefaultAt))
	}
	return at.Hour(), at.Minute()
}

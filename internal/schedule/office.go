package schedule

import "time"

// Office is when people are at work: from Monday to Friday between nine and
// six, on days that are no holiday.
type Office struct {
	Zone    *time.Location
	Country Country // whose holidays count; none if empty
}

// The office hours.
const (
	opens  = 9
	closes = 18
)

// Open reports whether the office is open at a moment.
func (o Office) Open(at time.Time) bool {
	at = at.In(o.zone())
	return o.WorkingDay(at) && at.Hour() >= opens && at.Hour() < closes
}

// WorkingDay reports whether the day of a moment is one on which people work.
func (o Office) WorkingDay(at time.Time) bool {
	at = at.In(o.zone())
	if day := at.Weekday(); day == time.Saturday || day == time.Sunday {
		return false
	}
	return o.Country.Holiday(at) == ""
}

func (o Office) zone() *time.Location {
	if o.Zone == nil {
		return time.UTC
	}
	return o.Zone
}

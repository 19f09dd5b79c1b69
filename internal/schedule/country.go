package schedule

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rickar/cal/v2"
	"github.com/rickar/cal/v2/at"
	"github.com/rickar/cal/v2/be"
	"github.com/rickar/cal/v2/bg"
	"github.com/rickar/cal/v2/br"
	"github.com/rickar/cal/v2/ca"
	"github.com/rickar/cal/v2/ch"
	"github.com/rickar/cal/v2/cz"
	"github.com/rickar/cal/v2/de"
	"github.com/rickar/cal/v2/dk"
	"github.com/rickar/cal/v2/es"
	"github.com/rickar/cal/v2/fr"
	"github.com/rickar/cal/v2/gb"
	"github.com/rickar/cal/v2/gr"
	"github.com/rickar/cal/v2/hr"
	"github.com/rickar/cal/v2/ie"
	"github.com/rickar/cal/v2/it"
	"github.com/rickar/cal/v2/lt"
	"github.com/rickar/cal/v2/lv"
	"github.com/rickar/cal/v2/nl"
	"github.com/rickar/cal/v2/no"
	"github.com/rickar/cal/v2/nz"
	"github.com/rickar/cal/v2/pl"
	"github.com/rickar/cal/v2/ro"
	"github.com/rickar/cal/v2/ru"
	"github.com/rickar/cal/v2/se"
	"github.com/rickar/cal/v2/si"
	"github.com/rickar/cal/v2/sk"
	"github.com/rickar/cal/v2/ua"
	"github.com/rickar/cal/v2/us"
	"github.com/rickar/cal/v2/za"
)

// Country is a country by its two letters (ISO 3166), in lower case. The empty
// one has no holidays.
type Country string

// holidays are those that hold in the whole of a country.
var holidays = map[Country][]*cal.Holiday{
	"at": at.Holidays,
	"be": be.Holidays,
	"bg": bg.Holidays,
	"br": br.Holidays,
	"ca": ca.Holidays,
	"ch": ch.Holidays,
	"cz": cz.Holidays,
	"de": de.Holidays,
	"dk": dk.Holidays,
	"es": es.Holidays,
	"fr": fr.Holidays,
	"gb": gb.Holidays,
	"gr": gr.Holidays,
	"hr": hr.Holidays,
	"ie": ie.Holidays,
	"it": it.Holidays,
	"lt": lt.Holidays,
	"lv": lv.Holidays,
	"nl": nl.Holidays,
	"no": no.Holidays,
	"nz": nz.Holidays,
	"pl": pl.Holidays,
	"ro": ro.Holidays,
	"ru": ru.Holidays,
	"se": se.Holidays,
	"si": si.Holidays,
	"sk": sk.Holidays,
	"ua": ua.Holidays,
	"us": us.Holidays,
	"za": za.Holidays,
}

// Countries lists those whose holidays are known, sorted.
func Countries() []string {
	var out []string
	for c := range holidays {
		out = append(out, string(c))
	}
	slices.Sort(out)
	return out
}

// CheckText says what is wrong with a country as it was written.
func (c Country) CheckText() error {
	if _, known := holidays[c]; !known && c != "" {
		return fmt.Errorf("the holidays of %q are not known; write one of %s", string(c), strings.Join(Countries(), ", "))
	}
	return nil
}

// calendars are made once each: they remember the years that they worked out.
var calendars = struct {
	sync.Mutex
	of map[Country]*cal.Calendar
}{of: map[Country]*cal.Calendar{}}

// Holiday names the public holiday on the day of a moment, in the time zone of
// the moment; empty on other days. A holiday that is kept on another day counts
// on that day.
func (c Country) Holiday(at time.Time) string {
	list, known := holidays[c]
	if !known {
		return ""
	}
	calendars.Lock()
	defer calendars.Unlock()
	one := calendars.of[c]
	if one == nil {
		one = &cal.Calendar{Name: string(c), Cacheable: true}
		one.AddHoliday(list...)
		calendars.of[c] = one
	}
	// The calendar reads the date alone; the hour would move it in some zones.
	day := time.Date(at.Year(), at.Month(), at.Day(), 12, 0, 0, 0, time.UTC)
	if actual, observed, h := one.IsHoliday(day); (actual || observed) && h.Type != cal.ObservanceReligious && h.Type != cal.ObservanceOther {
		return h.Name
	}
	return ""
}

package ui

// Kind says how something is. Each has a colour and a shape of its own, and a
// component that shows one always shows a word beside it.
type Kind string

// The kinds, worst first. An empty kind reads as Quiet.
const (
	Bad     Kind = "bad"     // red square: a person is needed
	Warn    Kind = "warn"    // amber triangle: a person will be needed
	OK      Kind = "ok"      // green disc
	Info    Kind = "info"    // disc in the accent: under way
	Planned Kind = "planned" // violet disc: meant to be so
	Quiet   Kind = "quiet"   // grey ring: nothing known, nobody, nothing to do
)

// class is the class of the kind in the style sheet. Anything unknown is
// quiet: a kind may come from a table that a newer version has written.
func (k Kind) class() string {
	switch k {
	case Bad, Warn, OK, Info, Planned:
		return string(k)
	default:
		return string(Quiet)
	}
}

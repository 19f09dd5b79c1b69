package ui

import (
	"github.com/a-h/templ"

	"github.com/vigie-ops/vigie/internal/ui/chart"
)

// Spark is a line the height of a word; label says what the values are.
func Spark(label string, values []float64) templ.Component {
	return chart.Spark{Label: label, Values: values}
}

// Day is one day of a Strip: how it was, and the words for it. Without a kind
// nothing was measured.
type Day struct {
	Kind  Kind
	Words string // "12 Nov: down for 6 min"
}

// Strip shows one cell a day, oldest first.
func Strip(label string, days []Day) templ.Component {
	cells := make([]chart.Cell, 0, len(days))
	for _, d := range days {
		kind := d.Kind.class()
		if d.Kind == "" {
			kind = "none"
		}
		cells = append(cells, chart.Cell{Kind: kind, Title: d.Words})
	}
	return chart.Strip{Label: label, Cells: cells}
}

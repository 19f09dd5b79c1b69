// Package chart draws charts as SVG, computed from values alone.
//
// A drawing stretches to the width it is given while its text keeps its size:
// positions along x are percentages, lines live in an inner drawing that is
// stretched without thickening its strokes. All colours come from classes of
// the style sheet, and no style attribute is ever written, so a page may
// forbid inline styles. Text of others is escaped wherever it appears.
//
// Line, Bars, Spark and Strip are templ components: write @chart.Line{…}.
package chart

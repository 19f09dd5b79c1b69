// Package query says what can be asked of logs, whoever asks: the text people
// write, Elasticsearch's JSON, saved searches and rules all become a Request of
// this package, and every answer is its Result. Match and Naive answer by
// reading every line; they are slow and plainly right, and what the store is
// held against.
package query

import (
	"regexp"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Filter says of a line whether it is asked for. The kinds of filters are the
// types below, no other.
type Filter interface{ isFilter() }

type (
	// All takes every line, None no line.
	All  struct{}
	None struct{}

	// And takes what all of its filters take; without any, everything.
	And []Filter
	// Or takes what one of its filters takes; without any, nothing.
	Or []Filter
	// AtLeast takes what N or more of its filters take.
	AtLeast struct {
		N  int
		Of []Filter
	}
	// Not takes what its filter does not take.
	Not struct{ Filter Filter }

	// Words takes lines in which one value of the field contains all these words
	// in any order, or, as a Phrase, one after the other. They are as Analyse
	// makes them. The last one may be only the beginning of a word. Field may be
	// AnyField.
	Words struct {
		Field  string
		Words  []string
		Phrase bool
		Slop   int  // of a phrase: words that may stand between
		Prefix bool // the last is a beginning
	}
	// Equal takes lines in which a value of the field is this one. Text and
	// numbers that read the same are the same; letter case counts.
	Equal struct {
		Field string
		Value record.Value
		Fold  bool // letter case does not count
	}
	// OneOf is Equal to one of many.
	OneOf struct {
		Field  string
		Values []record.Value
	}
	// Pattern takes lines in which the whole of a value matches: Kind says how
	// to read Text.
	Pattern struct {
		Field string
		Kind  PatternKind
		Text  string
		Fold  bool
		// Regexp matches the whole of a value; set by NewPattern for all kinds.
		Regexp *regexp.Regexp
	}
	// Range takes lines in which a value lies between the bounds. A bound that is
	// None is open. Numbers compare with numbers, times with times, text with
	// text byte by byte; text that reads as a number compares with numbers.
	Range struct {
		Field            string
		From, To         record.Value
		FromOpen, ToOpen bool // the bound itself is not in it
	}
	// Exists takes lines that have a value of the field.
	Exists struct{ Field string }
)

// PatternKind says how the text of a pattern is read.
type PatternKind string

// The kinds of patterns.
const (
	Prefix   PatternKind = "prefix"   // the beginning of the value
	Wildcard PatternKind = "wildcard" // * is any text, ? one character, \ takes their meaning off
	Regexp   PatternKind = "regexp"   // Go's syntax, anchored at both ends
)

// AnyField stands for the message and every field of text.
const AnyField = "*"

func (All) isFilter()     {}
func (None) isFilter()    {}
func (And) isFilter()     {}
func (Or) isFilter()      {}
func (AtLeast) isFilter() {}
func (Not) isFilter()     {}
func (Words) isFilter()   {}
func (Equal) isFilter()   {}
func (OneOf) isFilter()   {}
func (Pattern) isFilter() {}
func (Range) isFilter()   {}
func (Exists) isFilter()  {}

// Package logbook keeps the issues of the company: what went wrong, who had it,
// what was done, and the five questions that everybody may read the answers to.
//
// The desk takes over what the board tells (take.go): one issue for a group of
// alerts, opened from a severity on, with a timeline that fills itself. It
// then has people paged. People comment, answer, take over and close
// (verbs.go).
package logbook

// Package schedule says when: cron expressions and recurrence rules in a time
// zone, holidays, and when the office is open. Everything is computed from
// values; nothing here looks at a clock.
package schedule

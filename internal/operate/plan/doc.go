// Package plan starts runs without a person: schedules at their times, and
// chains, whose steps follow each other as long as each succeeds.
package plan

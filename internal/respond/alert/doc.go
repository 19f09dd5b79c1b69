// Package alert is the board of what is wrong now: it takes signals over,
// groups, hides, acknowledges and resolves them, and tells the next stage what
// changed, once.
//
// The life of a signal: Board.Report makes it a row (report.go) and gives its
// group a due time (plan.go). Board.Flush (flush.go) takes the groups that are
// due, hands what changed to Next and commits, in one transaction, that it was
// told. All of it is derived from the tables, so that a hub that is killed at
// any point goes on where it was.
//
// The words: an alert is muted when a silence or another alert hides it;
// acknowledged when a person has it; to review when it resolved before any
// person saw it.
package alert

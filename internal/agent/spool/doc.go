// Package spool keeps what an agent observed on disk until every hub has it.
//
// It is a log of records in segments of a few megabytes. Records are appended
// with one write and one fsync a batch; each hub has a [Reader] with a cursor
// of its own in a file of its own, and reads in order. A segment goes when all
// hubs have passed it, or when the spool grows larger or older than its
// limits: then the oldest goes first and what a hub will never get is counted.
//
// A kill in the middle of a write leaves a torn record, which is cut off at the
// next start. A damaged record in the middle is passed over and counted. While
// the disk is full, Append says so, and a few megabytes in memory still reach
// the hubs that can be reached: the moment when the disk is full is the moment
// somebody wants to see.
package spool

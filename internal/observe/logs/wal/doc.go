// Package wal is a write-ahead log: what Append acknowledged is on the disk,
// and a process that is killed, a machine that loses power or a write that
// tore lose nothing of it.
//
// The log is a queue of segments. Frames are added at its end, many callers
// with one write and one fsync; whole segments are dropped at its beginning,
// when whoever uses the log has put what they held elsewhere. A segment can be
// rewritten without some of what it holds, so that erasing something erases it
// here too.
//
// What the frames mean is the business of others.
package wal

package wal

import (
	"os"
	"runtime"
)

// WithWrite has the log write through f.
func WithWrite(o Options, f func(*os.File, []byte) error) Options {
	o.write = f
	return o
}

// AwaitWaiting returns when n callers wait for the next write.
func AwaitWaiting(l *Log, n int) {
	for {
		l.queue.Lock()
		waiting := len(l.queue.waiting)
		l.queue.Unlock()
		if waiting >= n {
			return
		}
		runtime.Gosched()
	}
}

// BreakJournal has the journal write through f, or as it does by itself.
func BreakJournal(j *Journal, f func(*os.File, []byte) error) {
	if f == nil {
		f = writeAndSync
	}
	j.write = f
}

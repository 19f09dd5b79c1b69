package main

import (
	"os"
	"runtime/debug"
)

// collectAt is how much the heap of a program that runs for long grows before
// it is collected, in percent. Go's own 100 lets a hub that takes 150,000 lines
// a second have 580 MB; with 60 it has 390 MB and takes a tenth less.
const collectAt = 60

// collectEarly trades some processor for memory, unless GOGC says otherwise.
func collectEarly() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
}

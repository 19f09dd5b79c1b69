package agent

import (
	"bufio"
	"context"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Agent and hub are one program, and at its start every package of the hub is
// set up, which maps tens of megabytes of the program's file that the agent
// never looks at again. Giving those pages back costs a few reads from the
// page cache, and leaves the memory to what the server is there for.

const (
	giveBackAfter = 15 * time.Second // what starting needs is over
	giveBackEvery = 10 * time.Minute
)

// giveBackAll gives back unused pages of the program's file until ctx is done.
func giveBackAll(ctx context.Context) {
	for d := giveBackAfter; wait(ctx, d); d = giveBackEvery {
		giveBack()
	}
}

// giveBack drops the program's own pages that are the same in its file. What
// it cannot read or drop stays, which costs memory and nothing else.
func giveBack() {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	for _, m := range cleanMappings(f, exe) {
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, m.start, m.end-m.start, syscall.MADV_DONTNEED)
	}
}

// mapping is a range of addresses.
type mapping struct{ start, end uintptr }

// cleanMappings reads /proc/PID/smaps and returns the mappings of a file that
// nobody can have written to: not writable now, and without a page that was
// changed before it became so, as in a relocated program.
func cleanMappings(smaps io.Reader, file string) []mapping {
	var all []mapping
	var current mapping
	candidate := false
	clean := 0 // of the fields that have to say zero
	lines := bufio.NewScanner(smaps)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		switch {
		case len(f) >= 5 && !strings.HasSuffix(f[0], ":"):
			current, candidate = parseMapping(f, file)
			clean = 0
		case candidate && len(f) == 3 && (f[0] == "Anonymous:" || f[0] == "Swap:") && f[1] == "0":
			// A page that was written to is anonymous, in memory or in swap. Dirty
			// alone says that the program was just installed.
			if clean++; clean == 2 {
				all = append(all, current)
			}
		}
	}
	return all
}

// parseMapping reads the first line of a mapping.
func parseMapping(f []string, file string) (mapping, bool) {
	if len(f) != 6 || f[5] != file || strings.Contains(f[1], "w") || !strings.HasSuffix(f[1], "p") {
		return mapping{}, false
	}
	from, to, _ := strings.Cut(f[0], "-")
	start, err1 := strconv.ParseUint(from, 16, 64)
	end, err2 := strconv.ParseUint(to, 16, 64)
	if err1 != nil || err2 != nil || end <= start {
		return mapping{}, false
	}
	return mapping{uintptr(start), uintptr(end)}, true
}

package agent

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOnlyPagesThatNobodyWroteAreGivenBack(t *testing.T) {
	in := ""
	add := func(line string, dirty, anonymous int) {
		in += line + fmt.Sprintf("\nSize: 4 kB\nShared_Dirty: 0 kB\nPrivate_Dirty: %d kB\nAnonymous: %d kB\nSwap: 0 kB\nVmFlags: rd\n", dirty, anonymous)
	}
	add("1000-2000 r-xp 00000000 08:01 7 /usr/bin/vigie", 4, 0) // dirty in the page cache only
	add("2000-3000 r--p 00001000 08:01 7 /usr/bin/vigie", 0, 0)
	add("3000-4000 r--p 00002000 08:01 7 /usr/bin/vigie", 4, 4) // relocated, then made read-only
	add("4000-5000 rw-p 00003000 08:01 7 /usr/bin/vigie", 0, 0)
	add("5000-6000 r-xp 00000000 08:01 8 /usr/lib/other", 0, 0)
	add("6000-7000 r--s 00000000 08:01 7 /usr/bin/vigie", 0, 0)
	add("7000-8000 rw-p 00000000 00:00 0 ", 0, 0)
	got := fmt.Sprint(cleanMappings(strings.NewReader(in), "/usr/bin/vigie"))
	if d := cmp.Diff(fmt.Sprint([]mapping{{0x1000, 0x2000}, {0x2000, 0x3000}}), got); d != "" {
		t.Error(d)
	}
}

func TestTheProgramGoesOnAfterGivingBack(t *testing.T) {
	giveBack()
	if got := strings.Repeat("go on ", 2); got != "go on go on " {
		t.Errorf("%q", got)
	}
}

package opsrepoweb

import (
	"io/fs"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/vigie-ops/vigie/internal/opsrepo"
)

// around is how many lines are shown before and after the one that is wrong.
const around = 2

// excerpt shows the lines around a place, with a mark below it. It is empty
// where the file or the line is not there.
func excerpt(fsys fs.FS, p opsrepo.Pos) string {
	if fsys == nil || p.Line < 1 || !fs.ValidPath(p.File) {
		return ""
	}
	content, err := fs.ReadFile(fsys, p.File)
	if err != nil {
		return "" // the problem may be that the file is not there
	}
	lines := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
	if p.Line > len(lines) {
		return ""
	}
	from, to := max(1, p.Line-around), min(len(lines), p.Line+around)
	width := len(strconv.Itoa(to))
	var b strings.Builder
	for n := from; n <= to; n++ {
		text := strings.TrimRight(lines[n-1], "\r")
		number := strconv.Itoa(n)
		b.WriteString(strings.Repeat(" ", width-len(number)) + number + "  " + text + "\n")
		if n == p.Line && p.Column > 0 {
			b.WriteString(strings.Repeat(" ", width+2) + mark(text, p.Column) + "\n")
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

// mark stands below a column. Tabs before it are kept, so that both lines are
// as wide.
func mark(line string, column int) string {
	var b strings.Builder
	for _, r := range line {
		if column <= 1 {
			break
		}
		column--
		if r != '\t' {
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String() + "^"
}

// printable says whether a file is text that can be shown.
func printable(content []byte) bool {
	return utf8.Valid(content) && !strings.ContainsRune(string(content), 0)
}

package rotation

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Forever is how long files are kept that are never deleted.
const Forever time.Duration = 1<<63 - 1

// Entry is what a configuration says about some files.
type Entry struct {
	Files []string      // patterns
	Keep  time.Duration // at least, beside the file that is written to
}

// Configuration is what logrotate would do.
type Configuration []Entry

// Kept is how long a file's lines are kept at least after they were rotated
// away: Forever for a file that no entry names. Of two entries that name a
// file, logrotate takes the first.
func (c Configuration) Kept(file string) time.Duration {
	for _, e := range c {
		if slices.ContainsFunc(e.Files, func(p string) bool { ok, _ := path.Match(p, file); return ok }) {
			return e.Keep
		}
	}
	return Forever
}

// settings are the directives that say how long files stay.
type settings struct {
	period time.Duration
	count  int // of old files; -1 for all
	maxAge int // days; 0 for no limit
	bySize bool
}

// keep is the least that files stay. A file that is rotated by size is rotated
// each time logrotate runs, at worst, which is once a day in every distribution
// unless a file says hourly.
func (s settings) keep() time.Duration {
	period := s.period
	if s.bySize {
		period = min(period, Day)
	}
	kept := Forever
	if s.count >= 0 {
		kept = time.Duration(s.count) * period
	}
	if s.maxAge > 0 {
		kept = min(kept, time.Duration(s.maxAge)*Day)
	}
	return kept
}

// maxRead bounds a file of configuration, and maxFiles how many are read.
const (
	maxRead  = 1 << 20
	maxFiles = 1000
)

// Read reads /etc/logrotate.conf of a machine and what it includes; root is
// the machine's "/". A machine without one rotates nothing.
func Read(root fs.FS) (Configuration, error) {
	r := reader{root: root}
	err := r.file("etc/logrotate.conf", &settings{period: 7 * Day})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return r.entries, err
}

type reader struct {
	root    fs.FS
	entries Configuration
	files   int
}

// file reads one file; what it says outside of braces changes global.
func (r *reader) file(name string, global *settings) error {
	if r.files++; r.files > maxFiles {
		return fmt.Errorf("logrotate's configuration has more than %d files", maxFiles)
	}
	f, err := r.root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	if st, err := f.Stat(); err != nil || st.IsDir() || st.Size() > maxRead {
		return errors.Join(err, fmt.Errorf("/%s is no file of logrotate's", name))
	}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxRead)
	var (
		patterns []string  // that stand before a brace
		inside   *settings // of the braces
		script   bool
	)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if script {
			script = line != "endscript"
			continue
		}
		if i := strings.IndexByte(line, '#'); i == 0 {
			continue
		}
		words := split(line)
		for len(words) > 0 {
			word := words[0]
			switch {
			case word == "{":
				own := *global
				inside, words = &own, words[1:]
				continue
			case word == "}":
				if inside != nil {
					r.entries = append(r.entries, Entry{patterns, inside.keep()})
				}
				inside, patterns, words = nil, nil, words[1:]
				continue
			case inside == nil && strings.HasPrefix(word, "/"):
				patterns, words = append(patterns, word), words[1:]
				continue
			case inside == nil && word == "include" && len(words) > 1:
				r.include(words[1], global)
			case slices.Contains([]string{"prerotate", "postrotate", "firstaction", "lastaction", "preremove"}, word):
				script = true
			default:
				into := global
				if inside != nil {
					into = inside
				}
				words = into.apply(words)
				continue
			}
			break
		}
	}
	return lines.Err()
}

// include reads a file, or every file of a folder in the order of their names.
// What cannot be read is left out, as by logrotate.
func (r *reader) include(name string, global *settings) {
	name = strings.TrimPrefix(path.Clean(name), "/")
	entries, err := fs.ReadDir(r.root, name)
	if err != nil {
		_ = r.file(name, global)
		return
	}
	for _, e := range entries {
		if skipped(e.Name()) || e.IsDir() {
			continue
		}
		own := *global
		_ = r.file(path.Join(name, e.Name()), &own)
	}
}

// skipped are the endings that logrotate leaves out by itself (tabooext).
func skipped(name string) bool {
	return strings.HasPrefix(name, ".") || slices.ContainsFunc([]string{
		"~", ",v", ".bak", ".cfsaved", ".disabled", ".dpkg-bak", ".dpkg-del", ".dpkg-dist", ".dpkg-new", ".dpkg-old", ".dpkg-tmp", ".rhn-cfg-tmp-*",
		".rpmnew", ".rpmorig", ".rpmsave", ".swp", ".ucf-dist", ".ucf-new", ".ucf-old",
	}, func(end string) bool { return strings.HasSuffix(name, end) })
}

// apply takes a directive with its argument off the words of a line; what it
// does not know it leaves out.
func (s *settings) apply(words []string) (rest []string) {
	directive, rest := words[0], words[1:]
	number := func(least, otherwise int) int {
		if len(rest) == 0 {
			return otherwise
		}
		n, err := strconv.Atoi(rest[0])
		if err != nil {
			return otherwise
		}
		rest = rest[1:]
		return max(least, min(n, 1<<20))
	}
	period := func(d time.Duration) { s.period, s.bySize = d, false }
	name, _, _ := strings.Cut(directive, "=")
	switch name {
	case "hourly":
		period(time.Hour)
	case "daily":
		period(Day)
	case "weekly":
		period(7 * Day)
	case "monthly":
		period(28 * Day)
	case "yearly":
		period(365 * Day)
	case "size", "maxsize":
		s.bySize = true
		if name == directive && len(rest) > 0 && rest[0] != "}" {
			rest = rest[1:]
		}
	case "rotate":
		s.count = number(-1, s.count)
	case "maxage":
		s.maxAge = number(0, s.maxAge)
	}
	return rest
}

// split cuts a line into words; quoted ones may have blanks, and braces are
// words of their own.
func split(line string) []string {
	var out []string
	for line = strings.TrimLeft(line, " \t"); line != ""; line = strings.TrimLeft(line, " \t") {
		switch c := line[0]; c {
		case '"', '\'':
			end := strings.IndexByte(line[1:], c)
			if end < 0 {
				return append(out, line[1:])
			}
			out, line = append(out, line[1:1+end]), line[end+2:]
		case '{', '}':
			out, line = append(out, line[:1]), line[1:]
		default:
			end := strings.IndexAny(line, " \t{")
			// A brace inside of a pattern, such as {access,error}.log, is part of it.
			for end >= 0 && line[end] == '{' && strings.IndexByte(line[end:], '}') > 0 {
				next := strings.IndexAny(line[end+1:], " \t")
				if next < 0 {
					end = -1
					break
				}
				end += 1 + next
			}
			if end < 0 {
				return append(out, line)
			}
			out, line = append(out, line[:end]), line[end:]
		}
	}
	return out
}

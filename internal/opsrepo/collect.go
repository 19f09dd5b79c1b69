package opsrepo

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"unicode"
)

// Limits of a repository.
const (
	maxFile    = 4 << 20  // bytes of one file
	maxTotal   = 64 << 20 // bytes of all files that are read
	maxFiles   = 10_000   // files that are read
	maxEntries = 200_000  // files and folders that are looked at
	maxFolders = 32       // folders inside each other
)

// found is a file to be read.
type found struct {
	path    string
	content []byte
	files   []*descriptor // the raw sections it belongs to; none for section files
}

// collect finds and reads the files of a repository, in the order of their
// paths. ds may be nil for all that could be of interest.
func collect(fsys fs.FS, ds []*descriptor) ([]found, Problems) {
	w := walker{fsys: fsys, ds: ds}
	err := fs.WalkDir(fsys, ".", w.visit)
	if err != nil && !errors.Is(err, errTooMuch) {
		w.problem(".", "the repository cannot be read: %v", err)
	}
	return w.found, w.problems
}

// errTooMuch ends a walk after its problem is noted.
var errTooMuch = errors.New("too much")

type walker struct {
	fsys     fs.FS
	ds       []*descriptor
	found    []found
	problems Problems
	entries  int
	total    int
}

func (w *walker) problem(file, format string, args ...any) {
	w.problems = append(w.problems, Problem{Pos{File: file}, fmt.Sprintf(format, args...)})
}

func (w *walker) visit(name string, e fs.DirEntry, err error) error {
	if err != nil {
		if name == "." {
			return err
		}
		w.problem(name, "this cannot be read: %v", err)
		return nil
	}
	if name == "." {
		return nil
	}
	if w.entries++; w.entries > maxEntries {
		w.problem(name, "the repository holds more than %d files and folders; keep what is not operations elsewhere", maxEntries)
		return errTooMuch
	}
	if ignored(name, e.IsDir()) {
		if e.IsDir() {
			return fs.SkipDir
		}
		return nil
	}
	switch {
	case e.IsDir():
		if strings.Count(name, "/") >= maxFolders {
			w.problem(name, "folders lie more than %d deep inside each other; make it flatter", maxFolders)
			return fs.SkipDir
		}
	case e.Type()&fs.ModeSymlink != 0:
		w.link(name)
	case e.Type().IsRegular():
		return w.file(name, e)
	case isYAML(name):
		w.problem(name, "this is no regular file; only files and folders are read")
	}
	return nil
}

// Playbooks is the folder that belongs to Ansible, and catalogue the one file
// in it, or in a folder below, that Vigie reads.
const (
	Playbooks = "playbooks"
	catalogue = "vigie.yaml"
)

// ignored reports what Vigie never reads: hidden files and folders, and what
// is Ansible's.
func ignored(name string, dir bool) bool {
	return strings.HasPrefix(path.Base(name), ".") || !dir && ansibles(name)
}

// ansibles reports whether a file belongs to Ansible.
func ansibles(name string) bool {
	return strings.HasPrefix(name, Playbooks+"/") && path.Base(name) != catalogue
}

func isYAML(name string) bool {
	ext := path.Ext(name)
	return ext == ".yaml" || ext == ".yml"
}

func (w *walker) file(name string, e fs.DirEntry) error {
	f := found{path: name}
	for _, d := range w.ds {
		if d.shape == shapeFiles && matches(d.glob, name) {
			f.files = append(f.files, d)
		}
	}
	if len(f.files) == 0 {
		if !isYAML(name) {
			return nil
		}
		if strings.HasPrefix(name, rulesFolder) {
			w.unread(name)
			return nil
		}
	}
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		w.problem(strings.Map(printable, name), "the file's name holds control characters; rename it")
		return nil
	}
	info, err := e.Info()
	if err != nil {
		w.problem(name, "this cannot be read: %v", err)
		return nil
	}
	if info.Size() > maxFile {
		w.problem(name, "the file has %d bytes; a file of the repository has at most %d (4 MiB)", info.Size(), maxFile)
		return nil
	}
	if f.content, err = readLimited(w.fsys, name); err != nil {
		w.problem(name, "this cannot be read: %v", err)
		return nil
	}
	if w.total += len(f.content); w.total > maxTotal {
		w.problem(name, "the files of the repository have more than %d bytes (64 MiB) together; keep what is not operations elsewhere", maxTotal)
		return errTooMuch
	}
	if len(w.found) >= maxFiles {
		w.problem(name, "the repository holds more than %d YAML files; join some", maxFiles)
		return errTooMuch
	}
	w.found = append(w.found, f)
	return nil
}

// rulesFolder holds files with formats of their own, never sections.
const rulesFolder = "rules/"

// unread reports a YAML file under rules/ that no registered section reads,
// since a rule that nobody evaluates looks exactly like one that never fires.
func (w *walker) unread(name string) {
	for _, d := range w.ds {
		if d.shape == shapeFiles && strings.HasPrefix(d.glob, rulesFolder) {
			w.problem(name, "nothing reads this file; %s are named %s", d.name, d.glob)
			return
		}
	}
}

func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return '?'
}

// readLimited reads a file that may have grown since it was listed.
func readLimited(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only: closing it loses nothing
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = errors.New("it has more than 4 MiB")
	}
	return content, err
}

// link judges a symbolic link. Links are not followed, for what they name
// inside the repository is read where it lies; a link that would hide
// something is a mistake.
func (w *walker) link(name string) {
	target, err := fs.ReadLink(w.fsys, name)
	if err != nil {
		w.problem(name, "this symbolic link cannot be read: %v", err)
		return
	}
	inside := path.Join(path.Dir(name), target)
	if path.IsAbs(target) || inside == ".." || strings.HasPrefix(inside, "../") {
		w.problem(name, "this symbolic link leaves the repository; put the file itself here")
		return
	}
	if !isYAML(name) {
		return
	}
	for dir := inside; dir != "."; dir = path.Dir(dir) {
		if ignored(dir, dir != inside) {
			w.problem(name, "this symbolic link names %s, which is never read; put the file itself here", inside)
			return
		}
	}
	if _, err := fs.Stat(w.fsys, inside); err != nil || !isYAML(inside) {
		w.problem(name, "this symbolic link names %s, which is no YAML file of the repository; put the file itself here", inside)
	}
}

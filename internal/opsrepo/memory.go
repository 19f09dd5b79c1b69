package opsrepo

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// memory is a file system in memory that knows symbolic links and files whose
// content was too large to keep: a Tree, and what the database holds of it.
type memory struct {
	nodes   map[string]*memoryFile
	content int // bytes held
}

// memoryFile is a file, link or folder, and its own directory entry.
type memoryFile struct {
	name    string // last element
	mode    fs.FileMode
	size    int64
	data    []byte // target of a link
	lost    error  // why the content is not here
	entries []fs.DirEntry
}

var (
	errTooLarge = errors.New("it, or the repository as a whole, is too large")
	errLink     = errors.New("symbolic links are not followed")
	errAnsible  = errors.New("it belongs to Ansible, and is not read here")
)

func newMemory() *memory {
	return &memory{nodes: map[string]*memoryFile{".": {name: ".", mode: fs.ModeDir | 0o555}}}
}

// add puts a file, or with fs.ModeSymlink a link to data, and the folders
// above it.
func (m *memory) add(name string, mode fs.FileMode, data []byte) error {
	m.content += len(data)
	return m.attach(name, &memoryFile{name: path.Base(name), mode: mode&fs.ModeSymlink | 0o444, size: int64(len(data)), data: data})
}

// addLost puts a file whose content cannot be had. Whoever opens it learns
// why; who does not need it is not troubled.
func (m *memory) addLost(name string, size int64, why error) error {
	return m.attach(name, &memoryFile{name: path.Base(name), mode: 0o444, size: size, lost: why})
}

// full reports whether a file of that size is too much.
func (m *memory) full(size int64) bool {
	return size > maxFile || int64(m.content)+size > maxTotal
}

func (m *memory) attach(name string, f *memoryFile) error {
	if !fs.ValidPath(name) || m.nodes[name] != nil {
		return fmt.Errorf("the path %q is not valid or stands twice", name)
	}
	dir := path.Dir(name)
	parent := m.nodes[dir]
	if parent == nil {
		parent = &memoryFile{name: path.Base(dir), mode: fs.ModeDir | 0o555}
		if err := m.attach(dir, parent); err != nil {
			return err
		}
	}
	if !parent.IsDir() {
		return fmt.Errorf("%s is a file and a folder", dir)
	}
	m.nodes[name] = f
	parent.entries = append(parent.entries, f)
	return nil
}

// files counts the files that are not known by name alone.
func (m *memory) files() (n int) {
	for _, f := range m.nodes {
		if !f.IsDir() && f.lost != errAnsible { //nolint:errorlint // addLost keeps what it is given
			n++
		}
	}
	return n
}

func (m *memory) node(op, name string) (*memoryFile, error) {
	if f := m.nodes[name]; fs.ValidPath(name) && f != nil {
		return f, nil
	}
	return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
}

// Open implements fs.FS. It does not follow links.
func (m *memory) Open(name string) (fs.File, error) {
	f, err := m.node("open", name)
	if err != nil {
		return nil, err
	}
	if f.mode&fs.ModeSymlink != 0 {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errLink}
	}
	if f.lost != nil {
		return nil, f.lost
	}
	return &openFile{Reader: bytes.NewReader(f.data), file: f}, nil
}

// ReadDir implements fs.ReadDirFS.
func (m *memory) ReadDir(name string) ([]fs.DirEntry, error) {
	f, err := m.node("readdir", name)
	if err != nil {
		return nil, err
	}
	return slices.SortedFunc(slices.Values(f.entries), func(a, b fs.DirEntry) int {
		return strings.Compare(a.Name(), b.Name())
	}), nil
}

// ReadLink implements fs.ReadLinkFS.
func (m *memory) ReadLink(name string) (string, error) {
	f, err := m.node("readlink", name)
	if err == nil && f.mode&fs.ModeSymlink == 0 {
		err = &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	if err != nil {
		return "", err
	}
	return string(f.data), nil
}

// Lstat implements fs.ReadLinkFS.
func (m *memory) Lstat(name string) (fs.FileInfo, error) { return m.node("lstat", name) }

func (f *memoryFile) Name() string               { return f.name }
func (f *memoryFile) Size() int64                { return f.size }
func (f *memoryFile) Mode() fs.FileMode          { return f.mode }
func (f *memoryFile) Type() fs.FileMode          { return f.mode.Type() }
func (f *memoryFile) ModTime() time.Time         { return time.Time{} }
func (f *memoryFile) IsDir() bool                { return f.mode.IsDir() }
func (f *memoryFile) Sys() any                   { return nil }
func (f *memoryFile) Info() (fs.FileInfo, error) { return f, nil }

// openFile is an open memoryFile.
type openFile struct {
	*bytes.Reader
	file *memoryFile
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.file, nil }
func (f *openFile) Close() error               { return nil }

package opsrepo

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"
)

// Version is the format of the repository that this program reads.
const Version = 1

// The keys and the file that belong to no room.
const (
	rootFile   = "vigie.yaml"
	keyVersion = "vigie"
	keyRetired = "retired"
)

// Load reads a repository and checks all of it. It returns a generation, or
// every problem there is in the order of their places.
func Load(fsys fs.FS, sections []Section) (*Generation, Problems) {
	g, problems := salvage(fsys, sections, fsys)
	if len(problems) > 0 {
		return nil, problems
	}
	return g, nil
}

// salvage reads a repository like Load and returns, beside the problems, what
// is good of it: every section without a mistake, as it is. A repository of a
// newer format gives nothing. all knows the names of all files, those that are
// not read too; without it every file that an entry names is taken to be there.
func salvage(fsys fs.FS, sections []Section, all fs.FS) (*Generation, Problems) {
	l := newLoader(descriptors(sections))
	l.c.all = all
	files, problems := collect(fsys, l.ds)
	l.c.problems = problems
	parsed := l.parse(files)
	if stop := l.version(parsed); stop {
		return nil, l.c.problems.sorted()
	}
	for _, f := range parsed {
		l.read(f)
	}
	l.resolve()
	l.check()
	g := &Generation{LoadedAt: time.Now().UTC(), Files: l.files, Hash: hashOf(l.files), values: map[string]any{}}
	for _, d := range l.ds {
		if l.c.blamed[d.name] {
			g.leftOut = append(g.leftOut, d.name)
		} else if v, ok := l.values[d.name]; ok {
			g.values[d.name] = v.Interface()
		}
	}
	g.refused = l.c.problems.sorted()
	return g, g.refused
}

// loader is one pass over a repository.
type loader struct {
	ds      []*descriptor
	byName  map[string]*descriptor
	c       *Checker
	refs    []reference
	files   []File
	values  map[string]reflect.Value // []T, or T for a single, by section
	singles map[string]Pos
	retired []retirement
}

func newLoader(ds []*descriptor) *loader {
	l := &loader{
		ds: ds, byName: map[string]*descriptor{}, singles: map[string]Pos{}, c: newChecker(),
	}
	l.values = l.c.values
	for _, d := range ds {
		if d.shape != shapeFiles {
			l.byName[d.name] = d
		}
		if d.shape != shapeSingle {
			l.values[d.name] = reflect.MakeSlice(reflect.SliceOf(d.entry), 0, 0)
		}
		if d.shape == shapeList {
			l.c.slugs[d.namespace()] = map[string]Pos{}
		}
	}
	return l
}

// namespace is where the slugs of a list are unique; a list without a kind has
// one of its own that no reference can name.
func (d *descriptor) namespace() string {
	if d.kind == "" {
		return d.name + ":"
	}
	return d.kind
}

// parsedFile is a file with its documents, where it is made of sections.
type parsedFile struct {
	found
	docs []*yaml.Node
}

func (l *loader) parse(files []found) []parsedFile {
	out := make([]parsedFile, len(files))
	for i, f := range files {
		out[i] = parsedFile{found: f}
		if len(f.files) > 0 {
			if p, bad := checkText(f.path, f.content); bad {
				l.c.problems = append(l.c.problems, p)
				for _, d := range f.files {
					l.c.blame(d.name)
				}
				out[i].files = nil
			}
			continue
		}
		docs, problems := parse(f.path, f.content)
		l.c.problems = append(l.c.problems, problems...)
		out[i].docs = docs
	}
	return out
}

// version looks for `vigie: 1`. A repository of a newer format is not judged
// any further, for all that could be said of it may be wrong.
func (l *loader) version(files []parsedFile) (stop bool) {
	root := slices.IndexFunc(files, func(f parsedFile) bool { return f.path == rootFile })
	if root < 0 {
		// A file that is there and cannot be read has its own problem already.
		if !slices.ContainsFunc(l.c.problems, func(p Problem) bool { return p.Pos.File == rootFile }) {
			l.c.Errorf(Pos{File: rootFile}, "this file is missing; an operations repository has it at its root, with the line `vigie: %d`", Version)
		}
		return false
	}
	d := &decoder{file: rootFile, c: l.c, refs: &l.refs}
	var there bool
	for _, doc := range files[root].docs {
		node := child(resolve(doc), keyVersion)
		if node == nil {
			continue
		}
		there = true
		var v int
		if n := resolve(node); n.ShortTag() != "!!int" || n.Decode(&v) != nil || v < 1 {
			d.errorf(node, "vigie is %s; it must be the version of the format, %d", describe(resolve(node)), Version)
		} else if v > Version {
			d.errorf(node, "the repository is written in format %d; this Vigie reads format %d, so update Vigie before you use it", v, Version)
			l.c.problems = l.c.problems[len(l.c.problems)-1:]
			return true
		}
	}
	if !there && !slices.ContainsFunc(l.c.problems, func(p Problem) bool { return p.Pos.File == rootFile }) {
		l.c.Errorf(Pos{rootFile, 1, 1}, "the key %q is missing; write `vigie: %d`, the version of the format", keyVersion, Version)
	}
	return false
}

// read decodes one file.
func (l *loader) read(f parsedFile) {
	sum := sha256.Sum256(f.content)
	file := File{Path: f.path, Hash: hex.EncodeToString(sum[:]), Content: f.content}
	for _, d := range f.files {
		v, problems := d.decode(f.path, f.content)
		for _, p := range problems {
			if p.Pos.File == "" {
				p.Pos.File = f.path
			}
			l.c.within(d.name, func() { l.c.add(p) })
		}
		if len(problems) == 0 {
			l.values[d.name] = reflect.Append(l.values[d.name], reflect.ValueOf(v))
		}
		file.Sections = append(file.Sections, d.name)
	}
	d := &decoder{file: f.path, c: l.c, refs: &l.refs}
	for _, doc := range f.docs {
		for _, name := range l.document(d, doc) {
			if !slices.Contains(file.Sections, name) {
				file.Sections = append(file.Sections, name)
			}
		}
	}
	l.files = append(l.files, file)
}

// document decodes the sections of one document and returns their names.
func (l *loader) document(d *decoder, doc *yaml.Node) (names []string) {
	root := resolve(doc)
	if isNull(root) {
		return nil
	}
	if root.Kind != yaml.MappingNode {
		d.errorf(root, "the file is %s; it must be a mapping with the %s", describe(root), keyList(l.keys(d.file)))
		return nil
	}
	for _, p := range d.uniquePairs(root) {
		key := p.key.Value
		desc := l.byName[key]
		switch {
		case key == keyVersion && d.file == rootFile: // see version
		case key == keyVersion:
			d.errorf(p.key, "the key %q stands only in %s at the root; remove it here", keyVersion, rootFile)
		case key == keyRetired:
			var more []retirement
			d.value(p.value, reflect.ValueOf(&more).Elem(), slot{name: keyRetired})
			l.retired = append(l.retired, more...)
		case desc == nil:
			d.unknownKey(p.key, "", l.keys(d.file))
		case isNull(resolve(p.value)) && desc.shape == shapeList: // a list that is still to be filled
		default:
			l.c.within(desc.name, func() { l.section(d, desc, p) })
		}
		if desc != nil {
			names = append(names, key)
		}
	}
	return names
}

// keys are the top-level keys that a file may have.
func (l *loader) keys(file string) []string {
	var out []string
	for _, d := range l.ds {
		if d.shape != shapeFiles {
			out = append(out, d.name)
		}
	}
	out = append(out, keyRetired)
	if file == rootFile {
		out = append(out, keyVersion)
	}
	slices.Sort(out)
	return out
}

func (l *loader) section(d *decoder, desc *descriptor, p pair) {
	if desc.shape == shapeSingle {
		if other, twice := l.singles[desc.name]; twice {
			d.errorf(p.key, "%s stands twice, first at %s; the repository has it once", desc.name, other)
			return
		}
		l.singles[desc.name] = d.pos(p.key)
		v := reflect.New(desc.entry).Elem()
		d.value(p.value, v, slot{name: desc.name})
		l.values[desc.name] = v
		return
	}
	v := reflect.New(reflect.SliceOf(desc.entry)).Elem()
	d.value(p.value, v, slot{name: desc.name, claim: d.claimer(l.c.slugs[desc.namespace()], desc.name)})
	l.values[desc.name] = reflect.AppendSlice(l.values[desc.name], v)
}

// resolve looks up every reference once all entries are known.
func (l *loader) resolve() {
	for _, r := range l.refs {
		known, ok := false, false
		for _, kind := range r.kinds {
			_, registered := l.c.slugs[kind]
			known, ok = known || registered, ok || l.c.Has(kind, r.slug)
		}
		// A kind that nobody registered cannot be judged: a tool that reads
		// servers alone knows no people.
		if !known || ok {
			continue
		}
		var candidates []string
		for _, kind := range r.kinds {
			candidates = append(candidates, l.c.Slugs(kind)...)
		}
		kinds := orList(r.kinds, "or")
		l.c.within(r.from, func() {
			l.c.Errorf(r.pos, "%s names the %s %q, which does not exist%s; use the slug of one that the repository defines",
				r.field, kinds, r.slug, DidYouMean(r.slug, candidates))
		})
	}
	l.checkRetired()
}

func (l *loader) check() {
	for _, d := range l.ds {
		if v, ok := l.values[d.name]; ok && d.check != nil {
			l.c.within(d.name, func() { d.check(l.c, v.Interface()) })
		}
	}
}

// hashOf identifies names and contents.
func hashOf(files []File) string {
	h := sha256.New()
	for _, f := range files {
		for _, s := range []string{f.Path, string(f.Content)} {
			var n [8]byte
			binary.BigEndian.PutUint64(n[:], uint64(len(s)))
			h.Write(n[:])
			h.Write([]byte(s))
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

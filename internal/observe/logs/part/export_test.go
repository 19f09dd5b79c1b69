package part

import "github.com/vigie-ops/vigie/internal/observe/logs/record"

// WriteSmall writes a file with small row groups and pages.
func WriteSmall(path string, info Info, lines []record.Record, groupRows, pageRows int) (Meta, error) {
	l := usual
	l.groupRows, l.groupLeast, l.pageRows = groupRows, groupRows/2, pageRows
	return write(path, info, lines, l)
}

// Sections says how the bytes of a file are divided: where pages end, and where
// what the file says of itself ends.
func Sections(path string) (filters, body int64, err error) {
	f, err := open(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.close()
	return f.groups[0].bloomAt, f.body, nil
}

// ColumnBytes is how many bytes each column takes.
func ColumnBytes(path string) (map[string]int64, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.close()
	sizes := map[string]int64{}
	for _, g := range f.groups {
		for i := range g.chunks {
			sizes[f.columns[i].name] += g.chunks[i].size()
		}
	}
	return sizes, nil
}

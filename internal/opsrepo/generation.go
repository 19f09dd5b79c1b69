package opsrepo

import "time"

// Generation is a whole repository that was read and found valid. It never
// changes after Load returned it. The one that a start applies may lack sections:
// see Follower.Restore.
type Generation struct {
	Commit   string    // hash of the git commit, or "dir:" and a hash of the files
	Author   string    // who made the commit, where git is there
	Subject  string    // first line of the commit's message
	At       time.Time // when the commit was made
	Hash     string    // of the names and contents of all files that were read
	LoadedAt time.Time
	Files    []File // what was read, by path

	values map[string]any // by name of the section: []T, or T for a single
	// refused is why this version of Vigie would not take the files as a new
	// commit, and leftOut are the sections that are not in force for it. A start
	// alone applies such a generation.
	refused Problems
	leftOut []string
}

// File is one file of a generation.
type File struct {
	Path     string
	Hash     string   // SHA-256 of the content
	Sections []string // names of the sections found in it
	Content  []byte
}

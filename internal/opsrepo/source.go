package opsrepo

import (
	"context"
	"io/fs"
	"time"
)

// Source is where a repository comes from.
type Source interface {
	// String names the source for people, without any secret.
	String() string
	// Fetch returns the state of the repository now.
	Fetch(ctx context.Context) (Tree, error)
	// Log returns at most n commits made after since, newest first; none where
	// there is no git.
	Log(ctx context.Context, since time.Time, n int) ([]Commit, error)
}

// Tree is one state of a repository, held in memory. Hidden files are not part
// of it; of what belongs to Ansible it knows the names alone.
type Tree struct {
	Commit  string    // hash of the commit, or "dir:" and a hash of the files
	Author  string    // where git is there, like Subject and At
	Subject string    // first line of the message
	At      time.Time // when it was committed, UTC
	Hash    string    // of names and contents: the same hash, the same files
	FS      fs.FS
	Files   int // how many files FS holds
}

// Commit is one change of the repository.
type Commit struct {
	Hash    string
	Author  string
	Subject string
	At      time.Time
}

package logsagent

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// state is how far everything was sent to one hub.
type state struct {
	path  string
	dirty bool

	Files   map[string]*place `json:"files"` // by stream
	Journal journalState      `json:"journal"`
}

// place is how far a file was sent.
type place struct {
	Path   string `json:"path"`
	Inode  uint64 `json:"inode"`
	Head   string `json:"head"` // hash of its first line
	Offset int64  `json:"offset"`
	Done   bool   `json:"done,omitempty"` // a rotated file that was read to its end
	Seen   int64  `json:"seen"`           // seconds since 1970, when it was there last
}

type journalState struct {
	Cursor string `json:"cursor,omitempty"`
	Offset int64  `json:"offset,omitempty"`
}

func openState(path string) (*state, error) {
	s := &state{path: path, Files: map[string]*place{}}
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s, nil
	case err != nil:
		return nil, fmt.Errorf("read how far logs were sent: %w", err)
	}
	if err := json.Unmarshal(b, s); err != nil {
		// A file that is half written cannot be, it is replaced whole; one that is
		// damaged is worth less than starting again: the hub knows what it has.
		s.Files, s.Journal = map[string]*place{}, journalState{}
	}
	if s.Files == nil {
		s.Files = map[string]*place{}
	}
	return s, nil
}

func (s *state) save() error {
	if !s.dirty {
		return nil
	}
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	tmp := s.path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(tmp, s.path)
	}
	if err != nil {
		return err
	}
	s.dirty = false
	d, err := os.Open(filepath.Dir(s.path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

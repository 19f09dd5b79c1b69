package logstore

import "context"

// Look writes and merges what is due once.
func (s *Store) Look(ctx context.Context) error {
	if err := s.flushDue(ctx); err != nil {
		return err
	}
	return s.mergeDue(ctx)
}

// Sweep deletes once what is old.
func (s *Store) Sweep(ctx context.Context) error {
	if err := s.sweep(ctx); err != nil {
		return err
	}
	return s.tidyIDs()
}

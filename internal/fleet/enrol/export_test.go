package enrol

import "context"

// LoadRevoked is what Run does each time.
func LoadRevoked(ctx context.Context, a *Authority) error { return a.loadRevoked(ctx) }

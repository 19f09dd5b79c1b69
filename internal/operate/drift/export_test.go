package drift

import "context"

// Tick does once what is due.
func Tick(ctx context.Context, w *Watch) error { return w.tick(ctx) }

// Package logattr holds the attributes that every log line of the program
// spells the same.
package logattr

import "log/slog"

// Err is the attribute of an error.
func Err(err error) slog.Attr { return slog.Any("err", err) }

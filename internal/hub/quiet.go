package hub

import (
	"context"
	"log"
	"log/slog"
	"strings"
)

// quieter is a log for libraries that tell much of their inner life: only
// warnings and errors come through.
func quieter(l *slog.Logger) *slog.Logger { return slog.New(atLeastWarn{l.Handler()}) }

type atLeastWarn struct{ slog.Handler }

func (h atLeastWarn) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

func (h atLeastWarn) WithAttrs(as []slog.Attr) slog.Handler {
	return atLeastWarn{h.Handler.WithAttrs(as)}
}

func (h atLeastWarn) WithGroup(name string) slog.Handler {
	return atLeastWarn{h.Handler.WithGroup(name)}
}

// quietTLS is the log of an HTTP server without the noise that strangers make
// on an open port: their failed handshakes are for those who look for them.
func quietTLS(l *slog.Logger) *log.Logger { return log.New(httpLog{l}, "", 0) }

type httpLog struct{ log *slog.Logger }

func (h httpLog) Write(b []byte) (int, error) {
	line := strings.TrimSpace(string(b))
	if strings.Contains(line, "TLS handshake error") {
		h.log.Debug("TLS handshake failed", "what", line)
	} else {
		h.log.Warn("HTTP server", "what", line)
	}
	return len(b), nil
}

package keyring

import (
	"fmt"
	"log/slog"
)

// Key is a secret in memory. However it is printed, logged or encoded, it does
// not show.
type Key struct{ b []byte }

// hidden stands for a key in text.
const hidden = "[key]"

// Bytes returns the secret itself. It is gone after Zero.
func (k *Key) Bytes() []byte { return k.b }

// Zero overwrites the secret. The keyring can still hand it out again.
func (k *Key) Zero() { clear(k.b) }

// String hides the secret.
func (k *Key) String() string { return hidden }

// Format hides the secret from every verb.
func (k *Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// LogValue hides the secret.
func (k *Key) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides the secret.
func (k *Key) MarshalText() ([]byte, error) { return []byte(hidden), nil }

package rules

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed shipped/*.yaml
var shipped embed.FS

// ShippedPrefix begins the names of the rule files that Vigie brings along.
const ShippedPrefix = "shipped:"

// MadePrefix begins the names of the rule files that Vigie makes of a section
// of the operations repository.
const MadePrefix = "made:"

// Shipped returns the rule files that are on without any configuration.
func Shipped() ([]File, error) {
	entries, err := fs.ReadDir(shipped, "shipped")
	if err != nil {
		return nil, fmt.Errorf("read the shipped rules: %w", err)
	}
	out := make([]File, 0, len(entries))
	for _, e := range entries {
		b, err := shipped.ReadFile(path.Join("shipped", e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read the shipped rules: %w", err)
		}
		out = append(out, File{Name: ShippedPrefix + strings.TrimSuffix(e.Name(), ".yaml"), Content: b})
	}
	return out, nil
}

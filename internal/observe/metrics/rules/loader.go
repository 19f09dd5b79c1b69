package rules

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// loader gives Prometheus's rules manager its groups from memory.
type loader struct {
	mu    sync.Mutex
	files map[string]File
}

func (l *loader) set(files []File) (names []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.files = make(map[string]File, len(files))
	for _, f := range files {
		l.files[f.Name] = f
		names = append(names, f.Name)
	}
	slices.SortFunc(names, strings.Compare)
	return names
}

// Load implements rules.GroupLoader.
func (l *loader) Load(name string, _ bool, _ model.ValidationScheme) (*rulefmt.RuleGroups, []error) {
	l.mu.Lock()
	f, ok := l.files[name]
	l.mu.Unlock()
	if !ok {
		return nil, []error{fmt.Errorf("there is no rule file %q", name)}
	}
	groups, errs := parse(f.Content)
	if len(errs) > 0 {
		return nil, errs
	}
	return groups, nil
}

// Parse implements rules.GroupLoader.
func (l *loader) Parse(expr string) (parser.Expr, error) { return promParser.ParseExpr(expr) }

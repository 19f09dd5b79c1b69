package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// axe is the source of axe-core, which finds what keeps people out of a page.
var axe = sync.OnceValues(func() (string, error) {
	b, err := os.ReadFile(filepath.Join(os.Getenv("VIGIE_TEST_CACHE"), "shippers/node_modules/axe-core/axe.min.js"))
	return string(b), err
})

// barrier is what axe-core found.
type barrier struct {
	Rule, Impact, Help string
	Nodes              []string
}

// accessible fails where axe-core finds a barrier that it calls serious or
// critical.
func (b *window) accessible(name string) {
	b.t.Helper()
	for _, one := range barriersOf(b.t, b) {
		b.t.Errorf("%s: %s (%s, %s)\n\t%s", name, one.Help, one.Rule, one.Impact, strings.Join(one.Nodes, "\n\t"))
	}
}

func barriersOf(t testing.TB, b *window) []barrier {
	t.Helper()
	source, err := axe()
	if err != nil {
		t.Fatalf("axe-core is not there: run the tests with `make test`: %v", err)
	}
	if _, err := js[bool](b, fmt.Sprintf("window.axe ? true : (%s\n, true)", wrapped(source))); err != nil {
		t.Fatal(err)
	}
	found, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]barrier](`(async () => {
		// What moves is looked at when it has arrived.
		for (const a of document.getAnimations()) { try { a.finish() } catch {} }
		const r = await axe.run(document, { resultTypes: ["violations"] })
		return r.violations.filter(v => v.impact === "serious" || v.impact === "critical").map(v => (
			{ rule: v.id, impact: v.impact, help: v.help, nodes: v.nodes.slice(0, 5).map(n => n.html.slice(0, 200) + " — " + (n.failureSummary || "").replaceAll("\n", " ").slice(0, 300)) }))
	})()`, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// wrapped makes a script an expression.
func wrapped(script string) string { return "(() => {" + script + "\n})()" }

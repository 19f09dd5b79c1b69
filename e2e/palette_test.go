package e2e_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestSomebodyGoesEverywhereByKeys opens the palette, jumps, goes through lists
// and to pages without a mouse.
func TestSomebodyGoesEverywhereByKeys(t *testing.T) {
	t.Parallel()
	d := startDemo(t, t.TempDir(), freeAddress(t))
	b := openBrowser(t, d.endpoints.Console)
	b.open(signInLink.FindString(d.out.String()))
	b.press("Sign in")
	b.sees("Nothing is wrong")
	host, err := d.machine()
	if err != nil {
		t.Fatal(err)
	}
	ready := func() { b.t.Helper(); b.until("keys are heard", `!document.querySelector("[data-palette]").hidden`) }
	keys := func(s string) { b.t.Helper(); ready(); b.do(chromedp.KeyEvent(s)) }
	palette := func() {
		t.Helper()
		ready()
		b.do(chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
		b.until("the palette is open", `document.getElementById("palette").open && document.activeElement.closest("#palette")`)
	}
	const chosen = `document.querySelector('#palette [aria-selected=true]')`

	palette()
	b.until("it begins with the pages", chosen+`?.innerText.startsWith("Now")`)
	keys("bor")
	b.until("instances are found", `[...document.querySelectorAll("#palette [role=option]")].some((o) => o.dataset.href === "/instances/borealis")`)
	b.look("palette", "")
	b.until("it is still open", `document.getElementById("palette").open`)
	first, err := js[string](b, chosen+`.dataset.href`)
	if err != nil {
		t.Fatal(err)
	}
	keys(kb.ArrowDown)
	b.until("the next one is chosen", chosen+`.dataset.href !== "`+first+`" && document.querySelector("#palette input").getAttribute("aria-activedescendant") === `+chosen+`.id`)
	second, err := js[string](b, chosen+`.dataset.href`)
	if err != nil {
		t.Fatal(err)
	}
	keys("\r")
	b.until("it is opened", `location.pathname + location.search === "`+second+`"`)

	palette()
	keys("<b>nobody</b>")
	b.until("nothing is found but a search", `document.querySelectorAll("#palette [role=option]").length === 1 && !document.querySelector("#palette b")`)
	keys(kb.Escape)
	b.until("it is closed", `!document.getElementById("palette").open`)

	// Enter means what is written, not what an earlier answer offered.
	palette()
	b.do(chromedp.KeyEvent("runs\r"))
	b.until("what was written is opened", `location.pathname === "/runs"`)

	keys("gs")
	b.until("g s leads to the servers", `location.pathname === "/servers"`)
	b.until("the list is there", `document.querySelector("main tbody tr a")`)
	keys("j")
	b.until("j goes to the first line", `document.activeElement === document.querySelector("main tbody tr a[href]")`)
	keys("\r")
	b.until("Enter opens it", `location.pathname === "/servers/`+host+`"`)
	keys("?")
	b.until("the keys are listed", `document.getElementById("keys").open`)
	b.look("keys", "")
	keys("?")
	b.until("and gone", `!document.getElementById("keys").open`)
	keys("gl")
	b.until("g l leads to the logs", `location.pathname === "/logs"`)
	// In a field, letters are letters.
	b.click(`document.querySelector("main input[name=q]")`)
	keys("gs?")
	if where := b.where(); !strings.Contains(where, "/logs") {
		t.Errorf("typing leads to %s", where)
	}
}

package e2e_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// The widths of a desk and of a phone.
const (
	desk  = 1280
	phone = 360
)

// window is a browser window with a session of its own. What it complains about, a
// script that threw or a blocked style, fails the test.
type window struct {
	t    testing.TB
	ctx  context.Context
	base string
	seen map[string]bool // paths that were looked at

	mu         sync.Mutex
	complaints []string
	expected   []string // addresses that may answer with an error
}

// openBrowser starts Chromium for a console.
func openBrowser(t testing.TB, base string) *window {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("/usr/bin/chromium"), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.UserDataDir(t.TempDir()))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	return newWindow(t, ctx, base)
}

// stranger opens a second window that shares nothing with the first.
func (b *window) stranger() *window {
	b.t.Helper()
	return newWindow(b.t, b.ctx, b.base, chromedp.WithNewBrowserContext())
}

func newWindow(t testing.TB, parent context.Context, base string, options ...chromedp.ContextOption) *window {
	t.Helper()
	ctx, cancel := chromedp.NewContext(parent, options...)
	t.Cleanup(cancel)
	b := &window{t: t, ctx: ctx, base: base, seen: map[string]bool{}}
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, log.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	// Nobody who reads the console lives by the hub's clock.
	if _, err := chromedp.Call(ctx, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Asia/Tokyo"}); err != nil {
		t.Fatal(err)
	}
	b.width(desk)
	b.theme("light")
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, c := range b.complaints {
			t.Errorf("the browser complains: %s", c)
		}
	})
	return b
}

func (b *window) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, "exception: "+e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError {
			b.complaints = append(b.complaints, "console.error was called")
		}
	case *log.EventEntryAdded:
		if e.Entry.Level != log.EntryLevelError {
			return
		}
		for _, x := range b.expected {
			if strings.Contains(e.Entry.URL, x) {
				return
			}
		}
		b.complaints = append(b.complaints, e.Entry.Text+" "+e.Entry.URL)
	}
}

// expect says that an address answers with an error status, which Chromium
// notes in its console.
func (b *window) expect(part string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = append(b.expected, part)
}

func (b *window) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatalf("%v\non %s:\n%s", err, b.where(), b.text())
	}
}

// js evaluates an expression on the page.
func js[T any](b *window, expression string) (T, error) {
	return chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
}

func (b *window) where() string {
	s, _ := js[string](b, "location.href")
	return s
}

func (b *window) text() string {
	s, _ := js[string](b, "document.title + '\\n' + document.body.innerText")
	return tail(s, 3000)
}

func (b *window) width(px int64) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(px, 800))
}

func (b *window) theme(name string) {
	b.t.Helper()
	p := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"}}}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, p); err != nil {
		b.t.Fatal(err)
	}
}

// open goes to a path of the console, or to a whole address.
func (b *window) open(path string) {
	b.t.Helper()
	if !strings.Contains(path, "://") {
		path = b.base + path
	}
	b.do(chromedp.Navigate(path))
}

// until waits until an expression is true, over navigations too.
func (b *window) until(what, expression string) {
	b.t.Helper()
	within(b.t, 20*time.Second, what, func() error {
		ok, err := js[bool](b, "!!("+expression+")")
		if err == nil && !ok {
			err = fmt.Errorf("%w on %s:\n%s", errNotYet, b.where(), b.text())
		}
		return err
	})
}

// sees waits until the content of the page holds words.
func (b *window) sees(words string) {
	b.t.Helper()
	b.until("sees "+words, "document.querySelector('main')?.innerText.replaceAll('\\u00a0', ' ').includes("+strconv.Quote(words)+")")
}

// press clicks a visible button or link as a person does, where it is, with
// the mouse: the one with just these words, else the first that begins with them.
func (b *window) press(words string) {
	b.t.Helper()
	b.click(fmt.Sprintf(`(() => {
		const all = [...document.querySelectorAll("button, a, summary")].filter((e) => e.checkVisibility());
		const says = (e) => e.innerText.replaceAll("\u00a0", " ").trim();
		return all.find((e) => says(e) === %[1]s) || all.find((e) => says(e).startsWith(%[1]s));
	})()`, strconv.Quote(words)))
}

// click clicks the element that an expression finds, once it is there.
func (b *window) click(element string) {
	b.t.Helper()
	var at []float64
	within(b.t, 20*time.Second, "there is "+element, func() (err error) {
		at, err = js[[]float64](b, `(() => { const e = `+element+`; if (!e) return []; e.scrollIntoView({ block: "center", behavior: "instant" }); const r = e.getClientRects()[0]; return [r.left + r.width / 2, r.top + r.height / 2] })()`)
		if err == nil && len(at) == 0 {
			err = fmt.Errorf("%w on %s:\n%s", errNotYet, b.where(), b.text())
		}
		return err
	})
	b.do(chromedp.MouseClickXY(at[0], at[1]))
}

// fill writes into the field that a selector finds.
func (b *window) fill(selector, words string) {
	b.t.Helper()
	b.click("document.querySelector(" + strconv.Quote(selector) + ")")
	b.do(chromedp.KeyEvent(words))
}

// fits checks that the page has a title and is no wider than the screen.
func (b *window) fits(name string, px int64) {
	b.t.Helper()
	var page struct {
		Title string
		Wide  int64
		Out   string
	}
	page, err := js[struct {
		Title string
		Wide  int64
		Out   string
	}](b, `(() => {
		const out = [...document.querySelectorAll("main *")].find((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".table-box, .tabs, pre, svg"));
		return { Title: document.title, Wide: document.documentElement.scrollWidth, Out: out ? out.outerHTML.slice(0, 200) : "" };
	})()`)
	switch {
	case err != nil:
		b.t.Errorf("%s: %v", name, err)
	case !strings.HasSuffix(page.Title, " · Vigie"):
		b.t.Errorf("%s: the title is %q", name, page.Title)
	case page.Wide > px:
		b.t.Errorf("%s: the page is %d px wide on a screen of %d: %s", name, page.Wide, px, page.Out)
	}
}

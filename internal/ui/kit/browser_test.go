package kit_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/vigie-ops/vigie/internal/ui"
	"github.com/vigie-ops/vigie/internal/ui/kit"
)

// server serves the kit as the console would, with a stream that says nothing
// until told.
func server(t *testing.T) (url string, say chan string) {
	t.Helper()
	say = make(chan string, 1)
	mux := http.NewServeMux()
	mux.Handle("/assets/", ui.Assets())
	mux.Handle("/dev/kit", kit.Handler())
	mux.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		for {
			select {
			case topic := <-say:
				_, _ = w.Write([]byte("data: " + topic + "\n\n"))
				_ = http.NewResponseController(w).Flush()
			case <-r.Context().Done():
				return
			}
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s.URL, say
}

// browser starts Chromium. Whatever it complains about, a blocked style or a
// script that threw, fails the test.
func browser(t *testing.T) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("no-first-run", true))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	var mu sync.Mutex
	var complaints []string
	err := chromedp.Listen(ctx, func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			complaints = append(complaints, e.ExceptionDetails.Text)
		case *log.EventEntryAdded:
			if e.Entry.Level == "error" {
				complaints = append(complaints, e.Entry.Text+" "+e.Entry.URL)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range complaints {
			t.Errorf("the browser complains: %s", c)
		}
	})
	if _, err := chromedp.Call(ctx, log.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	// The first call started the browser; the rest must be done in time.
	ctx, cancel = context.WithTimeout(ctx, time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

func ask[T any](t *testing.T, ctx context.Context, a chromedp.Action[T]) T {
	t.Helper()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestKitFitsEveryScreen shows the kit wide and on a phone, light and dark.
// With VIGIE_PICTURES=folder it leaves pictures there for a person to look at.
func TestKitFitsEveryScreen(t *testing.T) {
	url, _ := server(t)
	ctx := browser(t)
	for _, c := range []struct {
		name, path, theme string
		width             int64
	}{
		{"light", "/dev/kit", "light", 1400},
		{"dark", "/dev/kit", "dark", 1400},
		{"360", "/dev/kit", "light", 360},
		{"360-dark", "/dev/kit", "dark", 360},
		{"plain", "/dev/kit?plain", "light", 360},
	} {
		prefer := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: c.theme}}}
		if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, prefer); err != nil {
			t.Fatal(err)
		}
		do(t, ctx, chromedp.EmulateViewport(c.width, 900), chromedp.Navigate(url+c.path))
		wide := ask(t, ctx, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`))
		picture := ask(t, ctx, chromedp.FullScreenshot(100))
		if wide > c.width {
			t.Errorf("%s: the page is %d px wide on a screen of %d", c.name, wide, c.width)
		}
		if folder := os.Getenv("VIGIE_PICTURES"); folder != "" {
			if err := os.WriteFile(filepath.Join(folder, "kit-"+c.name+".png"), picture, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestThemeStaysAfterAReload(t *testing.T) {
	url, _ := server(t)
	ctx := browser(t)
	do(t, ctx, chromedp.Navigate(url+"/dev/kit"), chromedp.Click(`.theme input[value=dark] + span`))
	if got := ask(t, ctx, chromedp.Evaluate[string](`document.documentElement.dataset.theme`)); got != "dark" {
		t.Errorf("theme is %q after choosing dark", got)
	}
	do(t, ctx, chromedp.Reload())
	if got := ask(t, ctx, chromedp.Evaluate[string](`getComputedStyle(document.documentElement).colorScheme`)); got != "dark" {
		t.Errorf("theme is %q after a reload", got)
	}
}

// until is done once the expression is true.
func until(expression string) chromedp.Action[chromedp.Void] {
	return chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingInterval(20*time.Millisecond), chromedp.WithPollingTimeout(10*time.Second))
}

func TestLivePartIsFetchedWithoutDisturbing(t *testing.T) {
	url, say := server(t)
	ctx := browser(t)
	do(t, ctx,
		chromedp.EmulateViewport(1400, 900),
		chromedp.Navigate(url+"/dev/kit"),
		until(`document.querySelector('[data-live-state=live]') !== null`),
		// The page differs from the server's now; a swap brings the cell back.
		chromedp.Evaluate[chromedp.Void](`document.querySelector('#kit-table td.n').textContent = 'old'; document.querySelector('#kit-table a.tag').focus()`),
	)
	say <- "other kit"
	do(t, ctx, until(`document.querySelector('#kit-table td.n').textContent === '3 min'`))
	if got := ask(t, ctx, chromedp.Evaluate[string](`document.activeElement.textContent.slice(0, 40)`)); got != "app-07" {
		t.Errorf("focus is on %q after the swap", got)
	}
	do(t, ctx,
		chromedp.SendKeys(`#kit-table [data-filter] input`, "disk"),
		until(`document.querySelector('#kit-table tbody tr').hidden`),
	)
	if got := ask(t, ctx, chromedp.Evaluate[string](`document.querySelector('#kit-table [data-filter-count]').textContent`)); got != "1 of 2" {
		t.Errorf("the filter says %q", got)
	}
}

func TestDraggingOverAChartZooms(t *testing.T) {
	url, _ := server(t)
	ctx := browser(t)
	do(t, ctx, chromedp.EmulateViewport(1400, 900), chromedp.Navigate(url+"/dev/kit?q=nginx&range=4h"))
	box := ask(t, ctx, chromedp.Evaluate[[]float64](`(() => { const r = document.querySelector('svg.chart[data-from] .plot').getBoundingClientRect(); return [r.left, r.top, r.width, r.height] })()`))
	x, y, w := box[0], box[1]+box[3]/2, box[2]
	do(t, ctx, chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, x+w/4, y))
	if tip := ask(t, ctx, chromedp.Text(".chart-tip")); !strings.Contains(tip, "CPU") {
		t.Errorf("the crosshair says %q", tip)
	}
	do(t, ctx,
		chromedp.MouseEvent(input.DispatchMouseEventTypeMousePressed, x+w/4, y, chromedp.ButtonLeft),
		chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, x+w/2, y, chromedp.ButtonLeft),
		chromedp.MouseEvent(input.DispatchMouseEventTypeMouseReleased, x+w/2, y, chromedp.ButtonLeft),
		chromedp.WaitReady(`.crumbs`),
		chromedp.Reload(), // waits for the navigation that the drag began
	)
	where := ask(t, ctx, chromedp.Location())
	if !strings.Contains(where, "?q=nginx&from=17954") || !strings.Contains(where, "&to=17954") {
		t.Errorf("zoomed to %s", where)
	}
}

package e2e_test

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

var signInLink = regexp.MustCompile(`http://[^ ]+/link/[A-Za-z0-9_-]+`)

// TestAPersonDrivesTheRiver is the whole river as one lives it: with a mouse,
// a keyboard and a phone. On the way it looks at every page of the console.
func TestAPersonDrivesTheRiver(t *testing.T) {
	began := time.Now()
	d := startDemo(t, t.TempDir(), freeAddress(t))
	if keepPictures() { // charts that are worth a look
		<-time.After(150 * time.Second)
	}
	b := openBrowser(t, d.endpoints.Console)
	hand := b.stranger() // a phone that is signed in nowhere
	hand.width(phone)

	// Who is nobody is led to sign in, and with the printed link gets in.
	b.open("/servers")
	b.until("is asked to sign in", `location.pathname === "/sign-in" && document.querySelector("input[type=password]")`)
	b.look("sign-in", "")
	b.open(signInLink.FindString(d.out.String()))
	b.look("link", "")
	b.press("Sign in")
	b.sees("Nothing is wrong")
	b.until("is live", `document.querySelector("[data-live-state=live]")`)
	b.look("now-healthy", "")
	b.keyboard()

	// Something breaks, and the page says so by itself.
	b.press("Break borealis")
	b.until("is live again", `document.querySelector("[data-live-state=live]") && [...document.querySelectorAll("button")].some((e) => e.innerText.startsWith("Mend"))`)
	b.do(chromedp.Evaluate[chromedp.Void]("window.untouched = true"))
	b.sees("Status page of borealis")
	b.until("the rail counts it", `window.untouched && document.querySelector('#rail a[href="/issues"] .count')?.innerText === "1"`)
	b.press("Status page of borealis")
	b.sees("nobody has it")
	issue := strings.TrimPrefix(b.where(), b.base)
	b.inTheReadersZone()

	// A mail is there, and its link works on a phone without signing in.
	b.open("/demo/mail")
	const others = `[...document.querySelectorAll("td a.first")].find((a) => !a.closest("tr").innerText.includes("nadia"))`
	b.until("a colleague's mail is there", others)
	b.look("mailbox", "")
	b.click(others)
	b.until("its link to acknowledge", `document.querySelector('a[href*="/ack/"]')`)
	b.look("mail", "")
	link, err := js[string](b, `document.querySelector('a[href*="/ack/"]').href`)
	if err != nil {
		t.Fatal(err)
	}
	hand.open(link)
	hand.sees("Do you take it?")
	hand.look("acknowledge", "")
	hand.width(phone)

	// While a note is being written, the timeline goes on and the words stay.
	b.open(issue)
	b.until("is live", `document.querySelector("[data-live-state=live]")`)
	b.fill("textarea[name=text]", "Restarting **the pro")
	hand.press("Acknowledge as")
	hand.sees("The others see that somebody has it")
	b.until("the acknowledgement stands in the timeline", `document.querySelector("#issue-timeline").innerText.includes("acknowledged")`)
	b.until("a colleague has it", `document.querySelector(".head .state")?.innerText.endsWith("has it")`)
	b.do(chromedp.KeyEvent("cess**."))
	b.press("Add the note")
	b.until("the note stands in the timeline", `document.querySelector("#issue-timeline .prose strong")?.innerText === "the process"`)
	b.press("I take it over")
	b.sees("Nadia Benali has it")
	b.click(`document.querySelector('a[href$="answer=understood"]')`)
	b.until("the answer's field has the focus", `document.activeElement.id === "field-understood"`)
	b.do(chromedp.KeyEvent("The status page **refused** connections."))
	b.press("Save")
	b.until("the answer stands there", `document.querySelector("#issue-questions .prose strong")?.innerText === "refused"`)

	b.tour(d, issue, began)

	// Mended, reviewed, closed.
	b.open("/")
	b.press("Mend borealis")
	b.sees("Break borealis")
	b.open(issue)
	b.until("it resolves by itself", `document.querySelector(".head .state.ok, .head .state.quiet")`)
	b.look("issue-resolved", "")
	b.open("/alerts?state=resolved")
	b.press("Status page of borealis")
	b.fill("input[name=word]", "The process was killed for a try.")
	b.press("Reviewed")
	b.sees("Nadia Benali reviewed it")
	b.look("alert-reviewed", "")
	b.open(issue)
	closed, err := js[bool](b, `[...document.querySelectorAll("button")].some((e) => e.checkVisibility() && e.innerText === "Close")`)
	if err != nil {
		t.Fatal(err)
	}
	if closed { // by its last alert, where the hub is told so
		b.press("Close")
	}
	b.until("it is closed", `document.querySelector(".head .state.quiet")?.innerText === "closed"`)
	b.open("/")
	b.sees("Nothing is wrong")

	b.press("Sign out")
	b.until("is signed out", `location.pathname === "/sign-in"`)
}

// tour looks at every page there is while something is wrong, and uses what
// they offer.
func (b *window) tour(d *demo, issue string, began time.Time) {
	b.t.Helper()
	// As if dragged over: since there are figures at all.
	so := func() url.Values {
		return url.Values{"from": {strconv.FormatInt(began.UnixMilli(), 10)}, "to": {strconv.FormatInt(time.Now().UnixMilli(), 10)}}
	}
	alerts, err := d.openAlerts()
	if err != nil || len(alerts) == 0 {
		b.t.Fatalf("no open alert to look at: %v", err)
	}
	servers, err := list[map[string]any](d, "/api/vigie/v1/servers")
	if err != nil || len(servers) == 0 {
		b.t.Fatalf("no server to look at: %v", err)
	}
	server := "/servers/" + servers[0]["slug"].(string)
	b.look("now", "/")
	b.look("issues", "/issues")
	b.look("issue", issue)
	b.look("declare", "/issues/new")
	b.look("alerts", "/alerts")
	b.look("alert", "/alerts/"+alerts[0].ID)
	b.look("servers", "/servers")
	b.look("server", server+"?"+so().Encode())
	b.open(server)
	b.zoom()
	b.look("packages", server+"/facts/packages")
	b.look("instances", "/instances")
	b.look("instance", "/instances/borealis?range=10m")
	b.look("clients", "/clients")
	b.look("audit", "/audit")
	b.press("Verify")
	b.sees("are as they were written")
	b.look("client", "/clients/borealis")
	b.look("probes", "/probes")
	b.look("probe", "/probes/borealis-status?"+so().Encode())
	b.look("operations", "/operations")
	b.look("operations-file", "/operations/files/vigie.yaml")
	b.look("notifications", "/notifications")

	q := so()
	const expr = "rate(node_cpu_seconds_total[1m])"
	q.Set("expr", expr)
	within(b.t, 30*time.Second, "a rate, for which the agent has to have looked twice", func() error {
		var r struct{ Data struct{ Result []any } }
		// The page asks at whole steps, of up to five seconds in so short a range.
		at := strconv.FormatInt(time.Now().Add(-6*time.Second).Unix(), 10)
		if err := d.get("/api/v1/query?"+url.Values{"query": {expr}, "time": {at}}.Encode(), &r); err != nil || len(r.Data.Result) == 0 {
			return errOr(err)
		}
		return nil
	})
	q.Set("to", strconv.FormatInt(time.Now().UnixMilli(), 10))
	b.look("metrics", "/metrics?"+q.Encode())
	b.until("the query has an answer", `document.querySelector("main svg.chart .series, main table tbody tr")`)
	b.expect("/metrics?expr=rate%28node")
	b.look("metrics-wrong", "/metrics?"+url.Values{"expr": {"rate(node_cpu_seconds_total[1m]"}}.Encode())
	b.sees("unclosed left parenthesis")

	b.open("/silences/new")
	b.look("silence-new", "")
	b.fill("textarea[name=matchers]", `app_instance="meridian"`)
	b.fill("input[name=reason]", "A new release goes out")
	b.press("Silence")
	b.sees("The silence is in force")
	b.look("silences", "/silences")

	b.onAPhone(issue)
	b.rest()

	b.expect("/nowhere")
	b.look("not-found", "/nowhere")
	b.look("kit", "/dev/kit")
}

// onAPhone checks what a person with a phone needs: who has what is wrong, whole
// tables, times beside their entries, and where in the navigation one is.
func (b *window) onAPhone(issue string) {
	b.t.Helper()
	b.width(phone)
	const whole = `[...document.querySelectorAll("main .table-box")].every((e) => e.scrollWidth <= e.clientWidth)`
	const here = `(() => { const list = document.querySelector("#rail").getBoundingClientRect(), at = document.querySelector("#rail [aria-current]").getBoundingClientRect(); return at.left >= list.left && at.right <= list.right })()`
	b.open("/")
	b.until("a phone says who has it", `[...document.querySelectorAll("main td")].some((e) => e.checkVisibility() && e.innerText.includes("Nadia Benali"))`)
	b.until("the tables of Now are whole on a phone", whole)
	for _, path := range []string{"/people", "/notifications"} {
		b.open(path)
		b.until("the tables of "+path+" are whole on a phone", whole)
		b.until("the navigation shows "+path+" on a phone", here)
	}
	b.open(issue)
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector(".timeline time").textContent = "24 Nov 14:07"`))
	b.until("a time stands beside its entry", `(() => { const t = document.querySelector(".timeline time"); return t.getBoundingClientRect().right < t.nextElementSibling.getBoundingClientRect().left && t.scrollWidth <= t.clientWidth && t.getClientRects().length === 1 })()`)
	b.width(desk)
}

// rest looks at every page of the navigation that the tour did not name.
func (b *window) rest() {
	b.t.Helper()
	all, err := js[[]string](b, `[...document.querySelectorAll("#rail a")].map((a) => a.getAttribute("href"))`)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, path := range all {
		if !b.seen[path] && path != "/demo/mail" && path != "/metrics" {
			b.look(strings.ReplaceAll(strings.Trim(path, "/"), "/", "-"), path)
		}
	}
}

// zoom drags over a chart, and the address says what is seen.
func (b *window) zoom() {
	b.t.Helper()
	const chart = `document.querySelector("svg.chart[data-from]")`
	b.until("there is a chart with points", chart+`?.querySelector(".series")`)
	b.do(chromedp.Evaluate[chromedp.Void](chart + `.scrollIntoView({ block: "center", behavior: "instant" })`))
	box, err := js[[]float64](b, `(() => { const r = `+chart+`.getBoundingClientRect(); return [r.left, r.top + r.height / 2, r.width] })()`)
	if err != nil {
		b.t.Fatal(err)
	}
	x, y, w := box[0], box[1], box[2]
	b.do(
		chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, x+w/3, y),
		chromedp.WaitVisible(".chart-tip"),
		chromedp.MouseEvent(input.DispatchMouseEventTypeMousePressed, x+w/3, y, chromedp.ButtonLeft),
		chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, x+w/2, y, chromedp.ButtonLeft),
		chromedp.MouseEvent(input.DispatchMouseEventTypeMouseReleased, x+w/2, y, chromedp.ButtonLeft),
	)
	b.until("the address holds what was dragged over", `/[?&]from=\d+&to=\d+/.test(location.search)`)
}

// keyboard walks the page as somebody without a mouse does: first the way past
// the navigation, then on, and one always sees where one is.
func (b *window) keyboard() {
	b.t.Helper()
	b.open("/")
	for i := range 12 {
		b.do(chromedp.KeyEvent(kb.Tab))
		at, err := js[struct {
			Class, Name, Outline string
			Seen                 bool
		}](b, `(() => { const e = document.activeElement, s = getComputedStyle(e.matches(".theme input") ? e.nextElementSibling : e); return { Class: e.className, Name: e.outerHTML.slice(0, 80), Outline: s.outlineStyle, Seen: e.checkVisibility() } })()`)
		if err != nil {
			b.t.Fatal(err)
		}
		if i == 0 && at.Class != "skip" {
			b.t.Errorf("the first stop of the keyboard is %s, want the link past the navigation", at.Name)
		}
		if at.Outline == "none" || !at.Seen {
			b.t.Errorf("stop %d of the keyboard cannot be seen: %s (outline %s)", i+1, at.Name, at.Outline)
		}
	}
}

// inTheReadersZone checks that times of day are those of the reader's clock.
func (b *window) inTheReadersZone() {
	b.t.Helper()
	at, err := js[struct{ Text, Time string }](b, `(() => { const e = document.querySelector(".timeline time"); return { Text: e.innerText, Time: e.dateTime } })()`)
	if err != nil {
		b.t.Fatal(err)
	}
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		b.t.Fatal(err)
	}
	when, err := time.Parse(time.RFC3339, at.Time)
	if err != nil {
		b.t.Fatal(err)
	}
	if want := when.In(tokyo).Format("15:04"); at.Text != want {
		b.t.Errorf("the timeline says %s for %s, want %s as in Tokyo", at.Text, at.Time, want)
	}
}

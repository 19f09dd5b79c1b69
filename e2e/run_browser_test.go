package e2e_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// tour is a playbook for people who watch it, with texts by which somebody
// would attack them. Its last task but one needs what app-02 has not.
const tour = `
-- playbooks/tour.yml --
- name: Tour
  hosts: all
  gather_facts: false
  tasks:
    - name: <script>alert(1)</script>
      ansible.builtin.debug: {msg: "<img src=x onerror=alert(2)> <b>{{ words }}</b>"}
    - name: Words of the day
      ansible.builtin.copy: {content: "{{ words }}\nfrom {{ inventory_hostname }}\n", dest: /srv/words, mode: "0644"}
    - name: Wait for the gate
      ansible.builtin.shell: {cmd: "touch /srv/at-tour; until [ -e /srv/gate-tour ]; do sleep 0.2; done"}
      changed_when: false
    - name: What has to be there
      ansible.builtin.command: {cmd: ls /srv/mended}
      changed_when: false
    - name: The last thing
      ansible.builtin.copy: {content: "toured\n", dest: /srv/toured, mode: "0644"}
`

// plans are schedules and chains; one of them starts soon, and once.
func plans(soon time.Time) string {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		panic(err) // the program under test has it, too
	}
	return fmt.Sprintf(`
-- plans.yaml --
schedules:
  - {slug: nightly, name: Look for what differs, playbook: site, limit: all, check: true, cron: "30 2 * * *", hours: outside office, reason: drift}
  - {slug: sundays, name: Every second Sunday, playbook: site, limit: db, rule: "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU;BYHOUR=3", starts: "2026-01-04T03:00", holidays: skip}
  - {slug: once, name: Look once, playbook: site, limit: db-01, check: true, rule: "FREQ=DAILY;COUNT=1", starts: %q}
  - {slug: tours, name: Tours, chain: roll-out, cron: "0 9 * * 1", paused: true}
chains:
  - slug: roll-out
    name: Roll out
    description: One server first, and the rest once it went well for a while.
    steps:
      - {playbook: site, limit: app-01, check: true, name: What would change}
      - {playbook: site, limit: app-01, name: One server}
      - {playbook: site, limit: all, wait: 30m, name: The rest}
`, soon.In(paris).Format("2006-01-02T15:04"))
}

// signIn signs a person in where the window is led to sign in.
func (b *window) signIn(person string) {
	b.t.Helper()
	b.until("is asked to sign in", `location.pathname === "/sign-in"`)
	b.fill("input[name=name]", person)
	b.fill("input[name=password]", yardPassword)
	b.press("Sign in")
	b.until("is signed in", `location.pathname !== "/sign-in"`)
}

// watch marks the page, so that one can tell whether it was loaded again.
func (b *window) watch() {
	b.t.Helper()
	b.until("is live", `document.querySelector("[data-live-state=live]")`)
	b.do(chromedp.Evaluate[chromedp.Void]("window.untouched = true"))
}

// turns waits until the head of a page that is watched says a state.
func (b *window) turns(state string) {
	b.t.Helper()
	b.until("it "+state, `window.untouched && document.querySelector(".head .state")?.innerText.trim() === `+strconv.Quote(state))
}

// row waits until a table has a row that holds all of these words.
func (b *window) row(table string, words ...string) {
	b.t.Helper()
	test := make([]string, len(words))
	for i, w := range words {
		test[i] = `r.innerText.replaceAll("\u00a0", " ").includes(` + strconv.Quote(w) + `)`
	}
	b.until(fmt.Sprintf("%s has a row with %q", table, words),
		fmt.Sprintf(`[...document.querySelectorAll("table")].filter((t) => t.caption?.innerText === %q).some((t) => [...t.tBodies[0].rows].some((r) => %s))`, table, strings.Join(test, " && ")))
}

// onlyText checks that the page shows what was made to attack its readers.
func (b *window) onlyText(texts ...string) {
	b.t.Helper()
	for _, text := range texts {
		b.sees(text)
	}
	if ok, err := js[bool](b, `!document.querySelector("main script, main img, main b b") && !document.querySelector("main pre b")`); err != nil || !ok {
		b.t.Errorf("what outsiders wrote became part of %s, %v", b.where(), err)
	}
}

// tours has tomas run a playbook with a mouse and a keyboard.
func (y *yard) tours(t *testing.T, b *window) {
	b.t = t
	b.open("/runs")
	b.signIn("tomas")
	b.look("runs", "")
	b.press("New run")
	b.sees("Which playbook")
	b.look("run-choose", "")
	b.press("Tour the servers")
	b.until("there is a form", `document.querySelector('input[name="var.words"]')`)
	b.look("run-new", "")

	// A mistake is told at its field, and nothing that was typed is lost.
	b.fill(`input[name="var.words"]`, "Hello")
	b.fill("input[name=limit]", "app-01,app-02")
	b.fill("input[name=reason]", "to see it")
	b.expect("/runs")
	b.press("Run")
	b.until("the field is told to be wrong", `document.querySelector('.wrong input[name="var.words"]') && document.querySelectorAll(".wrong").length === 1`)
	b.until("the rest is as it was typed", `["var.words=Hello", "limit=app-01,app-02", "reason=to see it"].every((f) => document.getElementsByName(f.split("=")[0])[0].value === f.split("=")[1])`)
	b.look("run-wrong", "")
	b.do(chromedp.Evaluate[chromedp.Void](`document.getElementsByName("var.words")[0].value = ""`))
	b.fill(`input[name="var.words"]`, "good <i>day</i>")
	b.press("Only check")
	b.until("the check has a page", `/^\/runs\/[0-9A-Z]{26}$/.test(location.pathname)`)
	b.watch()
	b.turns("succeeded")
	b.sees("Check: Tour the servers")
	b.sees("+++ after: /srv/words")
	b.sees("+good <i>day</i>")
	b.onlyText("<script>alert(1)</script>")
	for i := range 2 {
		if y.has(i, "/srv/words") {
			t.Errorf("the check wrote a file on %s", yardNames[i])
		}
	}

	// The run itself, watched to its end.
	b.open("/runs/new?playbook=tour&limit=app-01,app-02")
	b.fill(`input[name="var.words"]`, "good <i>day</i>")
	b.fill("input[name=reason]", "to see it")
	b.press("Run")
	b.until("the run has a page", `/^\/runs\/[0-9A-Z]{26}$/.test(location.pathname)`)
	page := strings.TrimPrefix(b.where(), b.base)
	b.watch()
	b.turns("running")
	b.row("Servers", "app-01", "working", "Wait for the gate")
	b.row("Servers", "app-02", "working", "Wait for the gate")
	b.row("Tasks", "Wait for the gate", "now")
	b.row("Tasks", "Words of the day", "changed", "2 changed")
	b.until("it says for how long", `/for \d/.test(document.querySelector("#run-head").innerText)`)
	b.onlyText("<script>alert(1)</script>")
	b.press("Cancel…")
	b.fill("#run-acts input[name=reason]", "because")
	b.look("run-live", "")
	y.openGate(t, "tour", 0)
	put(t, y.servers[0].Path("/srv/mended"), "", 0o644)
	b.row("Servers", "app-01", "changed")
	b.until("what is being typed stays", `window.untouched && document.querySelector('form[action$="/cancel"] input[name=reason]')?.value === "because"`)
	y.openGate(t, "tour", 1)
	b.turns("failed")
	b.sees("app-02, What has to be there")
	b.row("Servers", "app-02", "failed")
	b.look("run-failed", page)

	// Results are found by what they changed and by their words.
	b.press("Changed")
	b.sees("+good <i>day</i>")
	b.onlyText("<script>alert(1)</script>")
	b.press("All")
	b.onlyText("<img src=x onerror=alert(2)> <b>good <i>day</i></b>")
	b.open(page + "?show=all")
	b.fill("#results input[name=q]", "No such file")
	b.press("Find")
	b.until("one result is found", `document.querySelectorAll("#results .results > li").length === 1 && document.querySelector("#results .results").innerText.includes("app-02")`)
	b.look("run-found", "")

	put(t, y.servers[1].Path("/srv/mended"), "", 0o644)
	b.open(page)
	b.press("Retry…")
	b.press("Try again")
	b.until("it runs again", `/^\/runs\/[0-9A-Z]{26}$/.test(location.pathname) && location.pathname !== `+strconv.Quote(page))
	b.watch()
	b.turns("succeeded")
	b.row("Servers", "app-02", "changed")
	if again, err := js[bool](b, `[...document.querySelectorAll("table")].some((t) => t.caption?.innerText === "Servers" && t.innerText.includes("app-01"))`); err != nil || again {
		t.Errorf("the server that was done runs again: %v %v", again, err)
	}
	y.holds(t, 1, "/srv/toured", "toured\n")
	b.look("run-done", "")
	b.look("server-with-runs", "/servers/app-02")
	b.look("host-keys", "/runs/hosts/app-02")
	b.sees("SHA256:")
}

// approves has nadia follow the link of a mail on her phone.
func (y *yard) approves(t *testing.T, b, hand *window) {
	b.t, hand.t = t, t
	ask := func(greeting string) (page string) {
		status, shown, to := y.tomas.submit(t, "/runs", "/runs", url.Values{"playbook": {"asked"}, "commit": {y.base}, "limit": {"app-01"}, "reason": {"the morning needs it"}, "var.greeting": {greeting}})
		if status != http.StatusSeeOther {
			t.Fatalf("tomas asks: %d %s", status, tail(shown, 2000))
		}
		return to
	}
	mailed := func(page string) (link string) {
		within(t, 30*time.Second, "a mail asks", func() error {
			for _, m := range y.sink.all() {
				if link = regexp.MustCompile(`http\S+` + page).FindString(m.Text); link != "" && m.To == "nadia@halyard.example" {
					return nil
				}
			}
			return errNotYet
		})
		return link
	}
	page := ask("good <b>morning</b>")
	b.open(page)
	b.watch()
	hand.open(mailed(page))
	hand.signIn("nadia")
	hand.sees("Tomás Ferreira asks for this run")
	hand.sees("+++ after: /srv/site/greeting")
	hand.sees("+good <b>morning</b> from app-01")
	hand.look("approval", "")
	hand.width(phone)
	hand.watch()
	b.turns("waits for approval")
	b.sees("somebody else approves it")
	b.sees("to be approved by Nadia Benali")
	hand.press("Approve…")
	hand.fill("#field-approve-note", "go on")
	hand.press("Approve")
	hand.until("it is approved", `location.search === "?said=approved"`)
	hand.watch()
	hand.turns("succeeded")
	hand.sees("Nadia Benali")
	b.turns("succeeded")
	y.holds(t, 0, "/srv/site/greeting", "good <b>morning</b> from app-01, which calls itself "+y.servers[0].Name+"\n")

	// Who rejects has to say why.
	page = ask("good riddance")
	hand.open(mailed(page))
	hand.sees("+good riddance from app-01")
	hand.watch()
	hand.press("Reject…")
	hand.press("Reject")
	hand.until("the reason is wanted", `window.untouched && document.querySelector('form[action$="/reject"] input:invalid')`)
	if status, shown, _ := y.nadia.submit(t, page, page+"/reject", url.Values{"note": {" "}}); status != http.StatusUnprocessableEntity {
		t.Errorf("rejecting without a reason answers %d %s", status, tail(shown, 500))
	}
	hand.fill("#field-reject-note", "not <u>today</u>")
	hand.press("Reject")
	hand.until("it is rejected", `location.search === "?said=rejected"`)
	hand.watch()
	hand.turns("rejected")
	hand.onlyText("Nadia Benali rejected it: not <u>today</u>")
	hand.look("run-rejected", "")
}

// reviews has a commit of tomas looked at by himself and by nadia.
func (y *yard) reviews(t *testing.T, b, hand *window) {
	b.t, hand.t = t, t
	hand.width(desk)
	hand.open("/runs")
	hand.watch()
	y.push(t, "tomas", map[string]string{
		"playbooks/templates/greeting.j2": "{{ greeting }} from {{ inventory_hostname }}\n<script>alert(3)</script>\n",
		"playbooks/tour.yml":              strings.ReplaceAll(playbookOf(tour), "The last thing", "The very last thing"),
	})
	hand.until("the page says by itself that a commit waits", `window.untouched && document.querySelector(".flash")?.innerText.includes("A commit waits for review")`)
	hand.look("runs-review", "")
	b.open("/runs")
	b.press("Look at what changed")
	b.onlyText("+<script>alert(3)</script>")
	b.sees("you wrote some of what would be accepted")
	if offered, err := js[bool](b, `!!document.querySelector('form[action$="/accept"]')`); err != nil || offered {
		t.Errorf("the author is offered to accept it: %v %v", offered, err)
	}
	b.look("commit-own", "")
	b.watch()
	hand.press("Look at what changed")
	hand.sees("-    - name: The last thing")
	hand.sees("+    - name: The very last thing")
	hand.look("commit", "")
	hand.fill("input[name=note]", "looks right")
	hand.press("Accept what I looked at")
	hand.until("it is accepted", `document.querySelector(".head .state")?.innerText.includes("accepted by Nadia Benali")`)
	hand.look("commit-accepted", "")
	b.until("its author sees that without asking", `window.untouched && document.querySelector("main").innerText.includes("looks right")`)
	b.open("/runs")
	b.sees("accepted by Nadia Benali: looks right")
	if waits, err := js[bool](b, `!!document.querySelector(".flash.warn")`); err != nil || waits {
		t.Errorf("the list still says that a commit waits: %v %v", waits, err)
	}
}

// playbookOf is the text of the only file of an archive.
func playbookOf(archive string) string {
	_, text, _ := strings.Cut(archive, " --\n")
	return text
}

// schedules has tomas look at what starts by itself, and start a chain.
func (y *yard) schedules(t *testing.T, b *window) {
	b.t = t
	b.open("/schedules")
	b.row("Schedules", "Look for what differs", "every day at 02:30")
	b.row("Schedules", "Tours", "paused")
	if keepPictures() {
		within(t, 2*time.Minute, "the one that starts soon has started", func() error {
			if ok, err := js[bool](b, `document.querySelector("main").innerText.includes("never again") && document.querySelector("main").innerText.includes("succeeded")`); err != nil || !ok {
				return errOr(err)
			}
			return nil
		})
	}
	b.press("Start…")
	b.fill(`form[action="/chains"] input[name=reason]`, "a <b>new</b> greeting")
	b.press("Start the chain")
	b.until("the chain has a page", `location.pathname.startsWith("/chains/")`)
	b.watch()
	b.row("Steps", "1. What would change", "succeeded")
	b.row("Steps", "2. One server", "succeeded")
	b.row("Steps", "3. The rest", "30 min after the step before")
	b.until("the last step waits", `[...document.querySelectorAll("#chain-steps .state")].at(-1)?.innerText.trim() === "waits"`)
	b.onlyText("a <b>new</b> greeting")
	b.look("chain", "")
	b.look("schedules", "/schedules")
	b.row("Started chains", "Roll out", "step 3 of 3")
	b.press("Roll out")
	b.press("Stop…")
	b.press("Stop the chain")
	b.until("it is stopped", `document.querySelector(".head .state")?.innerText.trim() === "stopped"`)
}

// inABrowser tells what people do with runs who see them, with real windows.
func (y *yard) inABrowser(t *testing.T) {
	b := openBrowser(t, y.endpoints.Console)
	hand := b.stranger()
	t.Run("tomas runs a playbook, watches it, and runs what failed again", func(t *testing.T) { y.tours(t, b) })
	t.Run("nadia approves from a mail, and says why where she rejects", func(t *testing.T) { y.approves(t, b, hand) })
	t.Run("a commit is accepted by who did not write it", func(t *testing.T) { y.reviews(t, b, hand) })
	t.Run("what starts by itself is seen, and a chain goes on by itself", func(t *testing.T) { y.schedules(t, b) })
	t.Run("drift is found, ignored with a reason, and taken back", func(t *testing.T) { y.seesDrift(t, b) })
}

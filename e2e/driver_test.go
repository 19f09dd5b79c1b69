package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// driver is everybody who writes to a hub while it is killed. It remembers
// what the hub answered for, and repeats what was cut off.
type driver struct {
	t    testing.TB
	hub  *hub
	sink *sink
	cut  atomic.Int64 // requests that got no answer, or an error

	stopping chan struct{}
	workers  sync.WaitGroup

	mu       sync.Mutex
	all      []*tracked
	silenced []string            // ids of silences
	issues   map[string][]string // id, comments
	samples  []int
	tokens   int
}

// tracked is one alert that the hub answered for.
type tracked struct {
	token, severity, batch        string
	hidden                        bool // a silence was there before it
	acknowledged                  bool // answered for
	resolving, resolved, touching bool // asked for; answered for; somebody works on it
}

// due is what people have to be told of it.
func (a *tracked) due() []string {
	switch {
	case a.hidden:
		return nil
	case a.resolved:
		return []string{"firing", "resolved"}
	}
	return []string{"firing"}
}

// drive starts writing to the hub.
func drive(t testing.TB, h *hub, s *sink, seed uint64) *driver {
	d := &driver{t: t, hub: h, sink: s, stopping: make(chan struct{}), issues: map[string][]string{}}
	for i := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 10+i))
		d.workers.Go(func() {
			for {
				select {
				case <-d.stopping:
					return
				case <-time.After(time.Duration(rng.IntN(250)) * time.Millisecond):
					d.act(rng)
				}
			}
		})
	}
	return d
}

// stop returns when everything that was begun is answered for.
func (d *driver) stop() {
	close(d.stopping)
	d.workers.Wait()
}

func (d *driver) act(rng *rand.Rand) {
	switch rng.IntN(12) {
	case 0, 1, 2, 3:
		d.postAlert(rng, false)
	case 4:
		d.silence(rng)
	case 5, 6:
		d.acknowledge(rng)
	case 7, 8:
		d.resolve(rng)
	case 9:
		d.issue(rng)
	default:
		d.sample()
	}
}

// answered repeats a request until the hub answers for it.
func (d *driver) answered(method, path, contentType string, body []byte) (http.Header, []byte) {
	return d.answeredAt(method, d.hub.endpoints.Console+path, d.hub.token, contentType, body)
}

// patience bounds how long a request may go without an answer.
const patience = 2 * time.Minute

func (d *driver) answeredAt(method, url, token, contentType string, body []byte) (http.Header, []byte) {
	deadline := time.Now().Add(patience)
	for {
		header, b, err := once(method, url, token, contentType, body)
		if err == nil {
			return header, b
		}
		d.cut.Add(1)
		var refusal refused
		if errors.As(err, &refusal) || time.Now().After(deadline) {
			d.t.Errorf("%s %s is not answered for: %v", method, url, err)
			return http.Header{}, nil
		}
		<-time.After(30 * time.Millisecond)
	}
}

func once(method, url, token, contentType string, body []byte) (http.Header, []byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Accept", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	switch {
	case err == nil && resp.StatusCode >= 500:
		err = fmt.Errorf("%d %s", resp.StatusCode, tail(string(b), 300))
	case err == nil && resp.StatusCode >= 400:
		err = refused(fmt.Sprintf("%d %s", resp.StatusCode, tail(string(b), 300)))
	}
	return resp.Header, b, err
}

// refused is an answer that asking again does not change.
type refused string

func (r refused) Error() string { return string(r) }

const (
	asJSON = "application/json"
	asForm = "application/x-www-form-urlencoded"
)

// postAlert posts an alert of its own, three of them to a group.
func (d *driver) postAlert(rng *rand.Rand, hidden bool) {
	d.mu.Lock()
	a := &tracked{token: fmt.Sprintf("T%05d", d.tokens), batch: fmt.Sprintf("B%05d", d.tokens/3), hidden: hidden}
	d.tokens++
	d.mu.Unlock()
	a.severity = []string{"critical", "warning", "warning", "info"}[rng.IntN(4)]
	if hidden {
		d.hide(a)
	}
	d.answered("POST", "/api/v2/alerts", asJSON, alertJSON(a, time.Now().Add(3*time.Hour)))
	d.mu.Lock()
	d.all = append(d.all, a)
	d.mu.Unlock()
}

func alertJSON(a *tracked, ends time.Time) []byte {
	b, err := json.Marshal([]map[string]any{{
		"labels": map[string]string{
			"alertname": "Story", "severity": a.severity, "token": a.token, "batch": a.batch, "app_instance": "borealis-shop",
		},
		"annotations": map[string]string{"summary": "something is wrong: " + a.token},
		"endsAt":      ends.UTC().Format(time.RFC3339),
	}})
	if err != nil {
		panic(err) // of strings
	}
	return b
}

// silence makes a silence that hides the alert posted after it, or nothing.
func (d *driver) silence(rng *rand.Rand) {
	if rng.IntN(2) == 0 {
		d.postAlert(rng, true)
		return
	}
	d.hide(&tracked{token: "nothing"})
}

func (d *driver) hide(a *tracked) {
	b, err := json.Marshal(map[string]any{
		"matchers":  []map[string]any{{"name": "token", "value": a.token, "isRegex": false, "isEqual": true}},
		"startsAt":  time.Now().UTC().Add(-time.Second).Format(time.RFC3339),
		"endsAt":    time.Now().UTC().Add(6 * time.Hour).Format(time.RFC3339),
		"createdBy": "story", "comment": "for the story",
	})
	if err != nil {
		panic(err)
	}
	_, answer := d.answered("POST", "/api/v2/silences", asJSON, b)
	var made struct{ SilenceID string }
	if err := json.Unmarshal(answer, &made); err != nil || made.SilenceID == "" {
		d.t.Errorf("a silence is answered with %q", answer)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.silenced = append(d.silenced, made.SilenceID)
}

// pick chooses an alert that everybody was told of and nobody works on.
func (d *driver) pick(rng *rand.Rand) *tracked {
	told := map[string]map[string]bool{}
	for _, m := range d.sink.all() {
		// A repeat of a mail after a kill shall find the alert as it was.
		if time.Since(m.At) < 3*time.Second {
			continue
		}
		for _, what := range m.told() {
			if told[what] == nil {
				told[what] = map[string]bool{}
			}
			told[what][m.To] = true
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var free []*tracked
	for _, a := range d.all {
		if !a.touching && !a.hidden && !a.resolving && len(told["firing "+a.token]) == len(toldOf[a.severity]) {
			free = append(free, a)
		}
	}
	if len(free) == 0 {
		return nil
	}
	a := free[rng.IntN(len(free))]
	a.touching = true
	return a
}

func (d *driver) give(a *tracked, f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
	a.touching = false
}

// acknowledge has a person take an alert: in the console, or from the mail.
func (d *driver) acknowledge(rng *rand.Rand) {
	a := d.pick(rng)
	if a == nil {
		return
	}
	if rng.IntN(2) == 0 {
		_, b := d.answered("GET", "/api/vigie/v1/alerts?q="+a.token, "", nil)
		var page items[alertItem]
		if err := json.Unmarshal(b, &page); err != nil || len(page.Items) != 1 {
			d.t.Errorf("alert %s was told and is not found: %s", a.token, b)
			return
		}
		d.answered("POST", "/alerts/acknowledge", asForm, []byte(url.Values{"id": {page.Items[0].ID}, "reason": {"mine"}}.Encode()))
	} else {
		link := ""
		for _, m := range d.sink.all() {
			if strings.Contains(m.Text, a.token) && ackLink.MatchString(m.Text) {
				link = ackLink.FindString(m.Text)
			}
		}
		if link == "" {
			d.give(a, func() {})
			return
		}
		d.answeredAt("POST", link, "", asForm, nil)
	}
	d.give(a, func() { a.acknowledged = true })
}

func (d *driver) resolve(rng *rand.Rand) {
	a := d.pick(rng)
	if a == nil {
		return
	}
	d.mu.Lock()
	a.resolving = true
	d.mu.Unlock()
	d.answered("POST", "/api/v2/alerts", asJSON, alertJSON(a, time.Now().Add(-time.Second)))
	d.give(a, func() { a.resolved = true })
}

// issue declares one, or comments on one that was declared.
func (d *driver) issue(rng *rand.Rand) {
	d.mu.Lock()
	ids := make([]string, 0, len(d.issues))
	for id := range d.issues {
		ids = append(ids, id)
	}
	n := len(ids)
	for _, texts := range d.issues {
		n += len(texts)
	}
	d.mu.Unlock()
	text := fmt.Sprintf("word %d of %d", rng.Int64(), n)
	if len(ids) < 3 || rng.IntN(5) == 0 {
		header, _ := d.answered("POST", "/issues", asForm, []byte(url.Values{"title": {text}, "text": {text}, "severity": {"warning"}}.Encode()))
		id, _, _ := strings.Cut(strings.TrimPrefix(header.Get("Location"), "/issues/"), "?")
		if id == "" {
			d.t.Errorf("declaring an issue leads to %q", header.Get("Location"))
			return
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.issues[id] = append(d.issues[id], text)
		return
	}
	id := ids[rng.IntN(len(ids))]
	d.answered("POST", "/issues/"+id+"/comment", asForm, []byte(url.Values{"text": {text}}.Encode()))
	d.mu.Lock()
	defer d.mu.Unlock()
	d.issues[id] = append(d.issues[id], text)
}

// sample writes one sample of a series of its own.
func (d *driver) sample() {
	d.mu.Lock()
	n := len(d.samples)
	d.samples = append(d.samples, -1)
	d.mu.Unlock()
	body := remoteWrite(map[string]string{"__name__": "kill_story", "n": fmt.Sprint(n), "job": "story"}, float64(n*7), time.Now())
	deadline := time.Now().Add(patience)
	for {
		err := postWrite(client, d.hub.endpoints.Console+"/api/v1/write", d.hub.token, body)
		if err == nil {
			break
		}
		d.cut.Add(1)
		if time.Now().After(deadline) {
			d.t.Errorf("a sample is not taken: %v", err)
			return
		}
		<-time.After(30 * time.Millisecond)
	}
	d.mu.Lock()
	d.samples[n] = n * 7
	d.mu.Unlock()
}

// alerts are those the hub answered for.
func (d *driver) alerts() []*tracked {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]*tracked(nil), d.all...)
}

// command is vigie with arguments; it does not outlive the test.
func command(t testing.TB, out io.Writer, args ...string) *exec.Cmd {
	c := exec.Command(binary(t), args...)
	c.Stdout, c.Stderr = out, out
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return c
}

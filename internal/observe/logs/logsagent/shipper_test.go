package logsagent_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/vigie-ops/vigie/internal/observe/logs/logsagent"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// hub takes batches as a hub does: what lies at or before the last mark of its
// stream is known.
type hub struct {
	t     testing.TB
	mu    sync.Mutex
	lines []record.Record
	marks map[string]int64
	known int
	fail  error // what it answers instead
	lost  int   // so many answers are lost after the lines were taken
	came  chan struct{}
}

func newHub(t testing.TB) *hub {
	return &hub{t: t, marks: map[string]int64{}, came: make(chan struct{}, 1)}
}

func (h *hub) send(_ context.Context, payload []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fail != nil {
		return h.fail
	}
	z, err := zstd.NewReader(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	defer z.Close()
	raw, err := z.DecodeAll(payload, nil)
	if err != nil {
		h.t.Error(err)
		return err
	}
	b, err := record.DecodeBatch(raw)
	if err != nil {
		h.t.Error(err)
		return err
	}
	for i, m := range b.Marks {
		if last, ok := h.marks[m.Stream]; ok && m.Offset <= last {
			h.known++
			continue
		}
		h.marks[m.Stream] = m.Offset
		h.lines = append(h.lines, b.Records[i].Clone())
	}
	select {
	case h.came <- struct{}{}:
	default:
	}
	if h.lost > 0 {
		h.lost--
		return errors.New("the answer was lost")
	}
	return nil
}

func (h *hub) messages() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for _, r := range h.lines {
		out = append(out, r.Message)
	}
	return strings.Join(out, "|")
}

// eventually waits until the messages are as they should be.
func (h *hub) eventually(want string) {
	h.t.Helper()
	h.until(want, h.messages)
}

// eventuallySorted is eventually for lines of several files, which come in any
// order.
func (h *hub) eventuallySorted(want string) {
	h.t.Helper()
	h.until(want, func() string {
		all := strings.Split(h.messages(), "|")
		slices.Sort(all)
		return strings.Join(all, "|")
	})
}

func (h *hub) until(want string, messages func() string) {
	h.t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for messages() != want {
		select {
		case <-h.came:
		case <-deadline.C:
			h.t.Fatalf("there is\n%s\nwant\n%s", messages(), want)
		}
	}
}

// start runs a shipper until stop is called or the test ends.
func start(t testing.TB, h *hub, o logsagent.Options) (s *logsagent.Shipper, stop func()) {
	t.Helper()
	if o.State == "" {
		o.State = filepath.Join(t.TempDir(), "state")
	}
	o.Send, o.Backoff, o.Log = h.send, func(int) time.Duration { return 10 * time.Millisecond }, slog.New(slog.NewTextHandler(t.Output(), nil))
	s, err := logsagent.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	var once sync.Once
	stop = func() { once.Do(func() { cancel(); <-done }) }
	t.Cleanup(stop)
	return s, stop
}

func write(t testing.TB, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func rename(t testing.TB, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func files(dir string) logsagent.Files {
	return logsagent.Files{Paths: []string{filepath.Join(dir, "*.log")}, Single: true, Format: "plain"}
}

func TestAFileIsFollowedThroughItsRotations(t *testing.T) {
	dir, h := t.TempDir(), newHub(t)
	path := filepath.Join(dir, "a.log")
	write(t, path, "1 first\n2 second\n")
	start(t, h, logsagent.Options{Files: []logsagent.Files{files(dir)}})
	h.eventually("1 first|2 second")
	write(t, path, "3 whole\n4 ha")
	h.eventually("1 first|2 second|3 whole")
	write(t, path, "lf\n")
	h.eventually("1 first|2 second|3 whole|4 half")

	// Renamed, and written to a little longer by whoever has it open.
	rename(t, path, path+".1")
	write(t, path+".1", "5 late\n")
	h.eventually("1 first|2 second|3 whole|4 half|5 late")
	write(t, path, "6 new file\n")
	h.eventually("1 first|2 second|3 whole|4 half|5 late|6 new file")

	// Copied and truncated: the same file with other content.
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	write(t, path, "7 truncated\n")
	h.eventually("1 first|2 second|3 whole|4 half|5 late|6 new file|7 truncated")
	// The new content is longer than the old was.
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	write(t, path, "8 a much longer line than the one that was there before\n9\n")
	h.eventually("1 first|2 second|3 whole|4 half|5 late|6 new file|7 truncated|8 a much longer line than the one that was there before|9")
}

func TestNothingIsLostOrDoubledOverRestarts(t *testing.T) {
	dir, h, state := t.TempDir(), newHub(t), filepath.Join(t.TempDir(), "state")
	path := filepath.Join(dir, "a.log")
	o := logsagent.Options{Files: []logsagent.Files{files(dir)}, State: state}
	write(t, path, "1\n2\n")
	_, stop := start(t, h, o)
	h.eventually("1|2")
	stop()
	// While the agent is away the file grows, is rotated, and a new one begins.
	write(t, path, "3\n")
	rename(t, path, path+".1")
	write(t, path, "4\n")
	_, stop = start(t, h, o)
	h.eventuallySorted("1|2|3|4")
	stop()
	// The state is lost: everything is sent again, and known.
	if err := os.Remove(state); err != nil {
		t.Fatal(err)
	}
	_, stop = start(t, h, o)
	write(t, path, "5\n")
	h.eventuallySorted("1|2|3|4|5")
	stop()
	if h.known == 0 {
		t.Error("nothing was sent again")
	}
	// Answers are lost: what was taken is sent again, and known.
	h.lost = 3
	write(t, path, "6\n7\n")
	_, stop = start(t, h, o)
	h.eventuallySorted("1|2|3|4|5|6|7")
	stop()
}

func TestAHubThatIsAwayLeavesLinesInTheirFile(t *testing.T) {
	dir, h := t.TempDir(), newHub(t)
	path := filepath.Join(dir, "a.log")
	h.fail = errors.New("away")
	var want []string
	var all strings.Builder
	for i := range 20_000 {
		line := fmt.Sprintf("line %d of a file that is larger than what is read at once", i)
		want = append(want, line)
		all.WriteString(line + "\n")
	}
	write(t, path, all.String())
	s, _ := start(t, h, logsagent.Options{Files: []logsagent.Files{files(dir)}})
	h.mu.Lock()
	h.fail = nil
	h.mu.Unlock()
	h.eventually(strings.Join(want, "|"))
	if n := s.Sent.Load(); n > uint64(len(want)) {
		t.Errorf("%d lines count as sent", n)
	}
}

func TestWhatAHubRefusesStopsNothing(t *testing.T) {
	dir, h := t.TempDir(), newHub(t)
	path := filepath.Join(dir, "a.log")
	h.fail = fmt.Errorf("too large: %w", logsagent.ErrRefused)
	write(t, path, "1\n")
	s, _ := start(t, h, logsagent.Options{Files: []logsagent.Files{files(dir)}})
	for s.Refused.Load() == 0 {
		if t.Context().Err() != nil {
			t.Fatal("nothing was refused")
		}
		time.Sleep(time.Millisecond)
	}
	h.mu.Lock()
	h.fail = nil
	h.mu.Unlock()
	write(t, path, "2\n")
	h.eventually("2")
}

func TestHistoryIsReadOnceCompressedToo(t *testing.T) {
	dir, h, state := t.TempDir(), newHub(t), filepath.Join(t.TempDir(), "state")
	path := filepath.Join(dir, "a.log")
	var z bytes.Buffer
	g := gzip.NewWriter(&z)
	_, _ = g.Write([]byte("1 oldest\n2 older\n"))
	_ = g.Close()
	write(t, path+".2.gz", z.String())
	write(t, path+".1", "3 old\n")
	write(t, path, "4 now\n")
	f := files(dir)
	f.History = true
	o := logsagent.Options{Files: []logsagent.Files{f}, State: state}
	_, stop := start(t, h, o)
	h.eventuallySorted("1 oldest|2 older|3 old|4 now")
	stop()
	_, stop = start(t, h, o)
	write(t, path, "5\n")
	h.eventuallySorted("1 oldest|2 older|3 old|4 now|5")
	stop()
}

func TestTracesFieldsAndEnvelopesAreRead(t *testing.T) {
	dir, h := t.TempDir(), newHub(t)
	if err := os.MkdirAll(filepath.Join(dir, "nginx"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "nginx/access.log"), `192.0.2.1 - - [25/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 502 1 "-" "curl" 0.5`+"\n")
	start(t, h, logsagent.Options{Files: []logsagent.Files{
		{Paths: []string{filepath.Join(dir, "nginx/*.log")}},
		{Paths: []string{filepath.Join(dir, "app.log")}, Service: "shop", Class: "application"},
		{Paths: []string{filepath.Join(dir, "begin.log")}, Begin: regexp.MustCompile(`^\d`)},
		{Paths: []string{filepath.Join(dir, "c.json")}, Container: true},
	}})
	h.eventually(`192.0.2.1 - - [25/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 502 1 "-" "curl" 0.5`)
	write(t, filepath.Join(dir, "app.log"), "2026-11-25 10:00:00 ERROR broke\nTraceback (most recent call last):\n  File \"a\"\nValueError: x\n2026-11-25 10:00:01 INFO on\n")
	first := h.messages()
	h.eventually(first + "|2026-11-25 10:00:00 ERROR broke\nTraceback (most recent call last):\n  File \"a\"\nValueError: x|2026-11-25 10:00:01 INFO on")
	write(t, filepath.Join(dir, "c.json"), `{"log":"half ","stream":"stdout","time":"2026-11-25T10:00:00Z"}`+"\n"+`{"log":"and half\n","stream":"stdout","time":"2026-11-25T10:00:01Z"}`+"\n")
	second := h.messages()
	h.eventually(second + "|half and half")
	h.mu.Lock()
	defer h.mu.Unlock()
	status, _ := h.lines[0].Get("http.response.status_code")
	path, _ := h.lines[0].Get(record.Path)
	level, _ := h.lines[1].Get(record.Level)
	service, _ := h.lines[1].Get(record.Service)
	if status.Num != 502 || h.lines[0].Class != "web" || path.Str != filepath.Join(dir, "nginx/access.log") || level.Str != "error" || service.Str != "shop" || h.lines[1].Class != "application" {
		t.Errorf("lines are %+v", h.lines[:2])
	}
}

func TestAHugeLineIsCutAndTheNextIsWhole(t *testing.T) {
	dir, h := t.TempDir(), newHub(t)
	path := filepath.Join(dir, "a.log")
	s, _ := start(t, h, logsagent.Options{Files: []logsagent.Files{files(dir)}})
	write(t, path, strings.Repeat("x", 3<<20)+"\nnext\n")
	h.eventually(strings.Repeat("x", 1<<20) + "|next")
	if s.Cut.Load() != 1 {
		t.Errorf("%d lines were cut", s.Cut.Load())
	}
}

func TestBytesThatAreNoTextAreKeptAsFarAsTheyAre(t *testing.T) {
	dir, h := t.TempDir(), newHub(t)
	write(t, filepath.Join(dir, "a.log"), "a \xff\xfe b\x00c\r\n\n   \nd\n")
	start(t, h, logsagent.Options{Files: []logsagent.Files{files(dir)}})
	h.eventually("a \uFFFD b\x00c|d")
}

// journalWith has a real systemd-journal-remote add entries to a journal.
func journalWith(t *testing.T, dir string, from, to int) {
	t.Helper()
	cache := os.Getenv("VIGIE_TEST_CACHE")
	if cache == "" {
		t.Fatal("VIGIE_TEST_CACHE is not set: run the tests with `make test`")
	}
	programs, err := filepath.Glob(filepath.Join(cache, "journal-remote/*/systemd/systemd-journal-remote"))
	if more, _ := filepath.Glob(filepath.Join(cache, "journal-remote/usr/lib/systemd/systemd-journal-remote")); err == nil {
		programs = append(programs, more...)
	}
	if len(programs) == 0 {
		t.Fatal("systemd-journal-remote is missing: run scripts/setup test")
	}
	var export strings.Builder
	begin := time.Now().Add(-time.Hour).UnixMicro()
	for i := from; i < to; i++ {
		fmt.Fprintf(&export, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=00000000000000000000000000000001\nPRIORITY=3\n_SYSTEMD_UNIT=shop.service\nSYSLOG_IDENTIFIER=shop\nMESSAGE=entry %d\n\n", begin+int64(i), 1000+i, i)
	}
	cmd := exec.CommandContext(t.Context(), programs[0], "--output", filepath.Join(dir, "story.journal"), "-")
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+filepath.Join(cache, "journal-remote/usr/lib/x86_64-linux-gnu"))
	cmd.Stdin = strings.NewReader(export.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make a journal: %v %s", err, out)
	}
}

// TestTheJournalIsFollowed has the real journalctl read a real journal, which
// grows, and goes on after a restart where it was.
func TestTheJournalIsFollowed(t *testing.T) {
	real, err := exec.LookPath("journalctl")
	if err != nil {
		t.Fatal("journalctl is missing: ", err)
	}
	dir, bin := t.TempDir(), t.TempDir()
	journalWith(t, dir, 0, 100)
	// The agent asks for the machine's journal: here it is that of the test.
	if err := os.WriteFile(filepath.Join(bin, "journalctl"), []byte("#!/bin/sh\nexec "+real+" --directory="+dir+" \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	h := newHub(t)
	o := logsagent.Options{Journal: &logsagent.Journal{Since: 24 * time.Hour}, State: filepath.Join(bin, "state.json")}
	want := func(n int) (all string) {
		var each []string
		for i := range n {
			each = append(each, fmt.Sprint("entry ", i))
		}
		return strings.Join(each, "|")
	}
	_, stop := start(t, h, o)
	h.until(want(100), h.messages)
	journalWith(t, dir, 100, 150)
	h.until(want(150), h.messages)
	stop()
	journalWith(t, dir, 150, 200)
	start(t, h, o)
	h.until(want(200), h.messages)
	h.mu.Lock()
	defer h.mu.Unlock()
	service, _ := h.lines[0].Get(record.Service)
	level, _ := h.lines[0].Get(record.Level)
	if service.Str != "shop" || level.Str != "error" || h.lines[0].Class != "" && h.lines[0].Class != record.ClassSystem {
		t.Errorf("the first is %+v", h.lines[0])
	}
}

func BenchmarkTail(b *testing.B) {
	dir := b.TempDir()
	path := filepath.Join(dir, "nginx.log")
	var text strings.Builder
	const n = 50_000
	for i := range n {
		fmt.Fprintf(&text, "192.0.2.%d - - [25/Nov/2026:10:00:00 +0000] \"GET /api/v1/reports/%d HTTP/1.1\" 200 %d \"-\" \"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\" 0.031\n", i%200, i, i*7)
	}
	write(b, path, text.String())
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		done := make(chan struct{})
		sent := 0
		s, err := logsagent.New(logsagent.Options{
			Files: []logsagent.Files{{Paths: []string{path}, Format: "access"}}, State: filepath.Join(b.TempDir(), "state"),
			Send: func(context.Context, []byte) error { return nil },
		})
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(b.Context())
		go func() { defer close(done); _ = s.Run(ctx) }()
		for sent < n-1 {
			sent = int(s.Sent.Load())
			time.Sleep(time.Millisecond)
		}
		cancel()
		<-done
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "lines/s")
}

func TestALineOfAContainerSaysWhichOne(t *testing.T) {
	dir, h := t.TempDir(), newHub(t)
	id := strings.Repeat("a1", 32)
	docker := filepath.Join(dir, "containers", id)
	pod := filepath.Join(dir, "pods/shop_basket-7d9_0c1d/web")
	for _, d := range []string{docker, pod} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(docker, "config.v2.json"), `{"ID":"`+id+`","Name":"/borealis-web-1","Config":{"Image":"shop:4.2","Labels":{"com.docker.compose.project":"borealis","com.docker.compose.service":"web"}}}`)
	write(t, filepath.Join(docker, id+"-json.log"), `{"log":"of docker\n","stream":"stderr","time":"2026-11-25T10:00:00Z"}`+"\n")
	write(t, filepath.Join(pod, "0.log"), "2026-11-25T10:00:01Z stdout F of a pod\n")
	start(t, h, logsagent.Options{Files: []logsagent.Files{{Paths: []string{filepath.Join(dir, "containers/*/*-json.log"), filepath.Join(dir, "pods/*/*/*.log")}, Container: true}}})
	within := func(message string, want map[string]string) {
		t.Helper()
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, l := range h.lines {
			if l.Message != message {
				continue
			}
			for name, value := range want {
				if got, _ := l.Get(name); got.Str != value {
					t.Errorf("%s of %q is %q, want %q; fields are %v", name, message, got.Str, value, l.Fields)
				}
			}
			if !slices.IsSortedFunc(l.Fields, func(a, b record.Field) int { return strings.Compare(a.Name, b.Name) }) {
				t.Errorf("fields of %q are not sorted: %v", message, l.Fields)
			}
			return
		}
		t.Errorf("there is no line %q", message)
	}
	h.eventuallySorted("of a pod|of docker")
	within("of docker", map[string]string{
		"container.id": id, "container.name": "borealis-web-1", "container.image.name": "shop:4.2", "container.labels.com.docker.compose.project": "borealis", "service.name": "web", "stream": "stderr",
	})
	within("of a pod", map[string]string{"kubernetes.namespace": "shop", "kubernetes.pod.name": "basket-7d9", "container.name": "web", "service.name": "web", "stream": "stdout"})
}

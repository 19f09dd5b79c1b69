package e2e_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// shippedLine is a line as fifty instances write them, a third each of a web
// server, of system services and of an application, as a document of a bulk.
func shippedLine(r *rand.Rand, b []byte, i int, at time.Time) []byte {
	stamp := at.UTC().Format(time.RFC3339Nano)
	inst := r.IntN(50)
	b = fmt.Appendf(b, "{\"create\":{\"_index\":\"cust%02d\"}}\n{\"@timestamp\":%q,\"host\":\"node%02d\",", inst, stamp, inst)
	ip := fmt.Sprintf("%d.%d.%d.%d", 10+r.IntN(200), r.IntN(256), r.IntN(4), r.IntN(256))
	if r.IntN(10) == 0 {
		ip = fmt.Sprintf("185.220.101.%d", r.IntN(20))
	}
	switch i % 3 {
	case 0:
		path := fmt.Sprintf([]string{"/", "/api/v1/reports", "/api/v1/reports/%d", "/api/v1/users/%d/preferences", "/login", "/healthz"}[r.IntN(6)]+"%.0s", r.IntN(50000))
		if j := strings.Index(path, "%!"); j >= 0 {
			path = path[:j]
		}
		status, size, took := []int{200, 200, 200, 200, 200, 304, 301, 404, 401, 500, 502}[r.IntN(11)], r.IntN(200000), r.ExpFloat64()*0.2
		agent := []string{"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36", "curl/8.5.0", "python-requests/2.32.3", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15"}[r.IntN(4)]
		return fmt.Appendf(b, "\"app\":\"nginx\",\"message\":%q,\"status\":%d,\"method\":\"GET\",\"path\":%q,\"client_ip\":%q,\"bytes\":%d,\"user_agent\":%q}\n",
			fmt.Sprintf(`%s - - [%s] "GET %s HTTP/1.1" %d %d "-" "%s" %.3f`, ip, at.UTC().Format("02/Jan/2006:15:04:05 -0700"), path, status, size, agent, took), status, path, ip, size, agent)
	case 1:
		if r.IntN(2) == 0 {
			user := []string{"root", "admin", "ubuntu", "oracle", "postgres", "git", "test", "deploy"}[r.IntN(8)]
			return fmt.Appendf(b, "\"app\":\"sshd\",\"level\":\"info\",\"facility\":\"auth\",\"pid\":%d,\"user\":%q,\"client_ip\":%q,\"message\":\"Failed password for invalid user %s from %s port %d ssh2\"}\n",
				300+r.IntN(30000), user, ip, user, ip, 1024+r.IntN(60000))
		}
		return fmt.Appendf(b, "\"app\":\"kernel\",\"level\":\"warning\",\"facility\":\"kern\",\"message\":\"[UFW BLOCK] IN=eth0 OUT= SRC=%s DST=10.1.%d.%d LEN=40 PROTO=TCP SPT=%d DPT=%d\"}\n", ip, r.IntN(255), r.IntN(255), r.IntN(65535), []int{22, 23, 3389, 445}[r.IntN(4)])
	}
	app, trace, pid := []string{"api", "worker", "scheduler"}[r.IntN(3)], fmt.Sprintf("%016x%016x", r.Uint64(), r.Uint64()), 1000+r.IntN(40)
	if r.IntN(7) == 0 {
		return fmt.Appendf(b, "\"app\":%q,\"level\":\"error\",\"trace_id\":%q,\"pid\":%d,\"message\":\"Traceback (most recent call last):\\n  File \\\"/app/api/views/%d.py\\\", line %d, in dispatch\\n    return handler(request)\\npymongo.errors.ServerSelectionTimeoutError: mongo-%d:27017: timed out after %dms\"}\n",
			app, trace, pid, r.IntN(40), r.IntN(900), r.IntN(3), 1000+r.IntN(30000))
	}
	return fmt.Appendf(b, "\"app\":%q,\"level\":\"info\",\"trace_id\":%q,\"pid\":%d,\"message\":\"request finished report_id=%d user_id=%d duration=%dms rows=%d cache=%v\"}\n",
		app, trace, pid, r.IntN(50000), r.IntN(9000), r.IntN(3000), r.IntN(100000), r.IntN(2) == 0)
}

// memoryOf is what a process has in memory now and had at most, in bytes.
func memoryOf(pid int) (now, most int64) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0
	}
	for line := range strings.SplitSeq(string(b), "\n") {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		n, _ := strconv.ParseInt(f[1], 10, 64)
		switch f[0] {
		case "VmRSS:":
			now = n << 10
		case "VmHWM:":
			most = n << 10
		}
	}
	return now, most
}

// BenchmarkLogs writes lines to a whole hub through _bulk, each batch fsynced
// before it is answered, and asks for them. VIGIE_BENCH_LINES says how many, or
// VIGIE_BENCH_BULK which file of a bulk to send instead of lines made here.
func BenchmarkLogs(b *testing.B) {
	total := 2_000_000
	if n, err := strconv.Atoi(os.Getenv("VIGIE_BENCH_LINES")); err == nil {
		total = n
	}
	var shipped *bufio.Scanner
	if name := os.Getenv("VIGIE_BENCH_BULK"); name != "" {
		f, err := os.Open(name)
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close() //nolint:errcheck // only read
		shipped = bufio.NewScanner(f)
		shipped.Buffer(nil, 1<<20)
	}
	d := startDemo(b, b.TempDir(), freeAddress(b))
	send := func(body []byte) error {
		req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, d.endpoints.Elasticsearch+"/_bulk", bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+d.token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK || !bytes.Contains(answer[:min(len(answer), 60)], []byte(`"errors":false`)) {
			return fmt.Errorf("%d %w %.300s", resp.StatusCode, errOr(err), answer)
		}
		return nil
	}
	const batch = 2000
	began := time.Now()
	var taken struct {
		sync.Mutex
		lines, batches int
		trace          string
	}
	next := func(r *rand.Rand, body []byte) []byte {
		taken.Lock()
		defer taken.Unlock()
		from := taken.lines
		if body = body[:0]; shipped == nil {
			n := min(batch, total-from)
			taken.lines += n
			for i := range n {
				body = shippedLine(r, body, i, began.Add(-24*time.Hour).Add(time.Duration(from+i)*24*time.Hour/time.Duration(total)))
			}
		} else {
			for range batch {
				for range 2 {
					if !shipped.Scan() {
						break
					}
					body = append(append(body, shipped.Bytes()...), '\n')
				}
			}
			taken.lines += bytes.Count(body, []byte{'\n'}) / 2
		}
		if taken.batches++; taken.batches%100 == 50 {
			if _, after, ok := bytes.Cut(body, []byte(`"trace_id":"`)); ok {
				id, _, _ := bytes.Cut(after, []byte{'"'})
				taken.trace = string(id)
			}
		}
		return body
	}
	var all sync.WaitGroup
	for w := range 2 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(7, uint64(w)))
			var body []byte
			for {
				if body = next(r, body); len(body) == 0 {
					return
				}
				if err := send(body); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	took := time.Since(began)
	total = taken.lines
	_, most := memoryOf(d.cmd.Process.Pid)
	b.Run("bulk", func(b *testing.B) {
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(total)/took.Seconds(), "lines/s")
		b.ReportMetric(float64(most)/1e6, "MB-most")
	})
	// What is asked is asked of files, most of it.
	within(b, 3*time.Minute, "the store is done with merging", func() error {
		var page struct {
			Items []struct{ Lines, Bytes, Files, Memory int64 }
		}
		if err := d.get("/api/vigie/v1/logs/amounts", &page); err != nil {
			return err
		}
		var lines, size int64
		for _, i := range page.Items {
			if i.Files > 0 {
				lines += i.Lines
				size += i.Bytes
			}
		}
		b.Logf("%d lines in files, %.1f bytes each", lines, float64(size)/float64(max(1, lines)))
		if lines < int64(total)*7/10 {
			return errNotYet
		}
		return nil
	})
	for _, q := range []struct{ name, path string }{
		{"rare word", "/api/vigie/v1/logs?limit=1&range=1d&q=nowhere"},
		{"common word", "/_search?" + url.Values{"q": {"message:Failed"}}.Encode()},
		{"trace id", "/_search"},
		{"last 100 errors", "/_search?" + url.Values{"q": {"log.level:error"}, "size": {"100"}, "sort": {"@timestamp:desc"}}.Encode()},
		{"top addresses", "/_search"},
		{"facet", "/_search"},
	} {
		body := map[string]string{
			"trace id":      `{"query":{"term":{"trace_id":"` + taken.trace + `"}}}`,
			"common word":   `{"size":0,"track_total_hits":true}`,
			"top addresses": `{"size":0,"query":{"match":{"message":"Failed"}},"aggs":{"ip":{"terms":{"field":"client_ip","size":10}}}}`,
			"facet":         `{"size":0,"aggs":{"s":{"terms":{"field":"service.name"}}}}`,
		}[q.name]
		b.Run(q.name, func(b *testing.B) {
			for b.Loop() {
				base, method := d.endpoints.Elasticsearch, http.MethodPost
				if strings.HasPrefix(q.path, "/api") {
					base, method = d.endpoints.Console, http.MethodGet
				}
				req, err := http.NewRequestWithContext(b.Context(), method, base+q.path, strings.NewReader(body))
				if err != nil {
					b.Fatal(err)
				}
				req.Header.Set("Authorization", "Bearer "+d.token)
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					b.Fatal(err)
				}
				answer, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if err != nil || resp.StatusCode != http.StatusOK {
					b.Fatalf("%d %v %.300s", resp.StatusCode, err, answer)
				}
			}
		})
	}
	b.Run("export", func(b *testing.B) {
		before, _ := memoryOf(d.cmd.Process.Pid)
		most, stop, watched := before, make(chan struct{}), make(chan struct{})
		go func() {
			defer close(watched)
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-stop:
					return
				case <-tick.C:
					now, _ := memoryOf(d.cmd.Process.Pid)
					most = max(most, now)
				}
			}
		}()
		lines, began := 0, time.Now()
		for b.Loop() {
			req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, d.endpoints.Console+"/api/vigie/v1/logs/export?format=ndjson&from="+
				strconv.FormatInt(began.Add(-100*time.Hour).UnixMilli(), 10)+"&to="+strconv.FormatInt(began.Add(time.Hour).UnixMilli(), 10), nil)
			if err != nil {
				b.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+d.token)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				b.Fatal(err)
			}
			in := bufio.NewScanner(resp.Body)
			in.Buffer(nil, 2<<20)
			for in.Scan() {
				lines++
			}
			_ = resp.Body.Close()
			if in.Err() != nil || resp.StatusCode != http.StatusOK {
				b.Fatal(resp.StatusCode, in.Err())
			}
		}
		close(stop)
		<-watched
		if lines < total*b.N {
			b.Fatalf("%d lines were exported, of %d", lines, total*b.N)
		}
		b.ReportMetric(float64(lines)/time.Since(began).Seconds(), "lines/s")
		b.ReportMetric(float64(most-before)/1e6, "MB-more")
	})
	now, most := memoryOf(d.cmd.Process.Pid)
	if most > 500e6 {
		b.Errorf("the hub had %d MB at most; 500 is what it may have", most/1e6)
	}
	b.Logf("the hub and its agent have %d MB, had %d MB at most; the folder is %s", now>>20, most>>20, filepath.Join(d.dir, "hub/logs"))
}

// cpuOf is how long a process has had a processor.
func cpuOf(b *testing.B, pid int) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	f := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+2:]))
	user, err1 := strconv.ParseInt(f[11], 10, 64)
	system, err2 := strconv.ParseInt(f[12], 10, 64)
	if err1 != nil || err2 != nil {
		b.Fatal(err1, err2)
	}
	return time.Duration(user+system) * time.Second / 100 // a tick is a hundredth everywhere
}

// BenchmarkAgentTails has a real agent send the lines of a file that grows at
// once, in the form of nginx, to a real hub.
func BenchmarkAgentTails(b *testing.B) {
	total := 1_000_000
	h := startLogHub(b)
	file := filepath.Join(b.TempDir(), "nginx/access.log")
	put(b, file, "", 0o644)
	a := startAgent(b, h.hub, "app-01", "logs:\n  files:\n    - {paths: ["+file+"], service: tailed}")
	defer a.stop()
	arrived := func(n int) {
		within(b, 5*time.Minute, "the lines are on the hub", func() error {
			out, err := elastic[struct{ Count int }](h.demo, http.MethodGet, "/_count?q=service.name:tailed", "")
			if err != nil || out.Count < n {
				return fmt.Errorf("%d: %w", out.Count, errOr(err))
			}
			return nil
		})
	}
	write := func(n int) {
		f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			b.Fatal(err)
		}
		w := bufio.NewWriterSize(f, 1<<20)
		r := rand.New(rand.NewPCG(1, 1))
		for i := range n {
			fmt.Fprintf(w, "185.220.%d.%d - - [%s] \"GET /api/v1/reports/%d?page=%d HTTP/1.1\" %d %d \"-\" \"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\"\n",
				r.IntN(256), r.IntN(256), time.Now().UTC().Format("02/Jan/2006:15:04:05 -0700"), r.IntN(50000), i, []int{200, 304, 404, 502}[r.IntN(4)], r.IntN(200000))
		}
		if err := w.Flush(); err != nil {
			b.Fatal(err)
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
	write(100)
	arrived(100)
	base, _ := memoryOf(a.cmd.Process.Pid)
	cpu, began := cpuOf(b, a.cmd.Process.Pid), time.Now()
	write(total)
	arrived(total + 100)
	took := time.Since(began)
	_, most := memoryOf(a.cmd.Process.Pid)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(total)/took.Seconds(), "lines/s")
	b.ReportMetric(float64(total)/(cpuOf(b, a.cmd.Process.Pid)-cpu).Seconds(), "lines/cpu-s")
	b.ReportMetric(float64(base)/1e6, "MB-base")
	b.ReportMetric(float64(most-base)/1e6, "MB-more")
}

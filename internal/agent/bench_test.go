package agent

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary be an agent: the benchmark starts itself with
// a configuration in the environment.
func TestMain(m *testing.M) {
	if file := os.Getenv("VIGIE_BENCH_AGENT"); file != "" {
		if err := runForBench(file); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func runForBench(file string) error {
	c, err := LoadConfig(file)
	if err != nil {
		return err
	}
	a, err := New(Options{Config: c, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return a.Run(ctx)
}

// BenchmarkAgentProcess runs a real agent of its own process for a minute
// against a fake hub, at the usual ten seconds, and reports what it costs.
func BenchmarkAgentProcess(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	hub := newFakeHub(b, l.Addr().String())
	go hub.server.Serve(tls.NewListener(l, hub.tls))
	dir := b.TempDir()
	if _, err := Enrol(context.Background(), Enrolment{DataDir: dir, Hub: Hub{URL: hub.url}, Token: hub.token()}); err != nil {
		b.Fatal(err)
	}
	file := dir + "/agent.yaml"
	if err := os.WriteFile(file, fmt.Appendf(nil, "hubs: [{url: %q}]\ndata_dir: %q\n", hub.url, dir), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "VIGIE_BENCH_AGENT="+file)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		time.Sleep(time.Minute)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		b.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	b.ReportMetric(statusMiB(b, status, "VmRSS:"), "MiB-RSS")
	b.ReportMetric(statusMiB(b, status, "VmHWM:"), "MiB-peak")
	b.ReportMetric(100*used.Seconds()/b.Elapsed().Seconds(), "%core")
	b.ReportMetric(float64(len(hub.taken())), "records")
}

func statusMiB(b *testing.B, status []byte, key string) float64 {
	_, after, _ := strings.Cut(string(status), key)
	f := strings.Fields(after)
	if len(f) == 0 {
		b.Fatalf("no %s in /proc/PID/status", key)
	}
	kib, err := strconv.ParseFloat(f[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kib / 1024
}

package e2e_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// usage reads what a process takes: resident memory in MiB, and processor time.
func usage(b *testing.B, pid int) (mib float64, cpu time.Duration) {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	for _, l := range lines(string(status)) {
		if rest, ok := strings.CutPrefix(l, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			if err != nil {
				b.Fatal(err)
			}
			mib = kib / 1024
		}
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, after, _ := strings.Cut(string(stat), ") ") // the name may hold anything
	fields := strings.Fields(after)
	var ticks int64
	for _, f := range fields[11:13] { // utime, stime (proc(5) counts from 1, with pid and name)
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return mib, time.Duration(ticks) * time.Second / 100
}

// watch waits d and reports memory at its end and the share of a core over it.
func watch(b *testing.B, what string, pid int, d time.Duration) {
	b.Helper()
	_, before := usage(b, pid)
	<-time.After(d)
	mib, after := usage(b, pid)
	b.ReportMetric(mib, what+"-MiB")
	b.ReportMetric(100*(after-before).Seconds()/d.Seconds(), what+"-%core")
}

// BenchmarkFootprint is what a hub with one agent takes when nothing happens:
// after a minute, over half a minute. The agent scrapes every 10 s.
func BenchmarkFootprint(b *testing.B) {
	for b.Loop() {
		h := startHub(b, hubOptions{})
		a := startAgent(b, h, "app-01")
		<-time.After(time.Minute)
		watch(b, "hub", h.cmd.Process.Pid, 30*time.Second)
		watch(b, "agent", a.cmd.Process.Pid, 30*time.Second)
		a.stop()
		h.stop()
	}
}

// BenchmarkReady is how long a hub takes from its start on an empty folder
// until it is ready and has applied its operations repository.
func BenchmarkReady(b *testing.B) {
	for b.Loop() {
		h := startHub(b, hubOptions{})
		b.StopTimer()
		h.stop()
		b.StartTimer()
	}
}

// BenchmarkFaultToMail is how long it takes from the death of an instance's
// process until its alert, its issue and its mail are there. A probe looks
// every 2 s in the demo, and two looks must agree.
func BenchmarkFaultToMail(b *testing.B) {
	d := startDemo(b, b.TempDir(), freeAddress(b))
	mails := 0
	var alert, mail time.Duration
	rounds := 0
	for b.Loop() {
		rounds++
		broken := time.Now()
		d.post("/demo/break")
		within(b, time.Minute, "the alert", func() error {
			if open, err := d.openAlerts(); err != nil || len(open) == 0 {
				return errOr(err)
			}
			return nil
		})
		alert += time.Since(broken)
		within(b, time.Minute, "the mail", func() error {
			all, err := list[mailItem](d, "/demo/mail")
			if err != nil || len(all) <= mails {
				return errOr(err)
			}
			mails = len(all)
			return nil
		})
		mail += time.Since(broken)
		b.StopTimer()
		d.post("/demo/mend")
		within(b, time.Minute, "all is well", func() error {
			if open, err := d.openAlerts(); err != nil || len(open) > 0 {
				return errOr(err)
			}
			return nil
		})
		<-time.After(5 * time.Second) // the mail that says so
		if all, err := list[mailItem](d, "/demo/mail"); err == nil {
			mails = len(all)
		}
		b.StartTimer()
	}
	b.ReportMetric(alert.Seconds()/float64(rounds), "s-to-alert")
	b.ReportMetric(mail.Seconds()/float64(rounds), "s-to-mail")
}

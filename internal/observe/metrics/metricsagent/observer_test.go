package metricsagent

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func gauge(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(prometheus.NewDesc("g", "", nil, nil), prometheus.GaugeValue, 1)
}

func TestAPanicCostsOneObserverOnly(t *testing.T) {
	o := newObserver("mad", func(ch chan<- prometheus.Metric) error {
		gauge(ch)
		panic("gone mad")
	})
	g, asked := o.gather(time.Now(), time.Second)
	if !asked || g.err == nil || !strings.Contains(o.reason, "gone mad") || !strings.Contains(o.reason, "observer_test.go") {
		t.Errorf("asked %v, reason %q", asked, o.reason)
	}
}

func TestAnObserverThatHangsIsNotAskedAgainUntilItAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		asked := 0
		o := newObserver("slow", func(ch chan<- prometheus.Metric) error {
			asked++
			<-hang
			gauge(ch)
			return nil
		})
		if g, ok := o.gather(time.Now(), time.Second); !ok || !errors.Is(g.err, errSilent) || o.reason == "" {
			t.Errorf("first: %v, %v", ok, g.err)
		}
		if _, ok := o.gather(time.Now(), time.Second); ok || asked != 1 {
			t.Errorf("asked %d times while it hangs", asked)
		}
		close(hang)
		synctest.Wait()
		if g, ok := o.gather(time.Now(), time.Second); !ok || g.err != nil || o.reason != "" || len(g.families) != 1 {
			t.Errorf("after it answered: %v, %v, %q", ok, g.err, o.reason)
		}
	})
}

func TestWhatNeverWorkedIsAskedRarely(t *testing.T) {
	asked := 0
	o := newObserver("psi", func(chan<- prometheus.Metric) error { asked++; return errNothing })
	now := time.Now()
	for range 60 { // ten minutes
		o.gather(now, time.Second)
		now = now.Add(10 * time.Second)
	}
	if asked < 4 || asked > 6 {
		t.Errorf("asked %d times in ten minutes, want three times and then every five minutes", asked)
	}
	if o.reason == "" || o.worked {
		t.Errorf("reason %q, worked %v", o.reason, o.worked)
	}
}

func TestWhatComesTwiceIsLeftOutAndTheRestKept(t *testing.T) {
	desc := prometheus.NewDesc("files", "", []string{"path"}, nil)
	o := newObserver("twice", func(ch chan<- prometheus.Metric) error {
		for _, path := range []string{"/", "/dev/shm", "/dev/shm"} {
			ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, 1, path)
		}
		return nil
	})
	g, asked := o.gather(time.Now(), time.Second)
	if !asked || g.err != nil || o.reason != "" {
		t.Fatalf("asked %v, %v, unavailable %q; want it to work", asked, g.err, o.reason)
	}
	if len(g.families) != 1 || len(g.families[0].Metric) != 2 {
		t.Errorf("got %v, want two paths", g.families)
	}
}

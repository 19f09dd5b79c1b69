package metricsagent

import (
	"io/fs"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vigie-ops/vigie/internal/lib/certfile"
)

// certificates says when the certificates on disk end. Files are read again
// every few minutes; they change every few weeks.
type certificates struct {
	root     fs.FS
	patterns []string
	desc     *prometheus.Desc
	readAt   time.Time
	ends     map[string]ending
}

type ending struct {
	subject  string
	notAfter time.Time
}

const certificatesEvery = 5 * time.Minute

func newCertificates(root fs.FS, patterns []string) *certificates {
	return &certificates{root: root, patterns: patterns, desc: prometheus.NewDesc(
		"vigie_file_certificate_not_after_seconds",
		"When the first certificate of a file ends, seconds since 1970.", []string{"path", "subject"}, nil)}
}

func (c *certificates) update(ch chan<- prometheus.Metric) error {
	if now := time.Now(); now.Sub(c.readAt) >= certificatesEvery {
		c.readAt, c.ends = now, map[string]ending{}
		for _, path := range certfile.Find(c.root, c.patterns) {
			// What cannot be read is told with the facts, where there is room for words.
			if cert, err := certfile.Read(c.root, path); err == nil {
				c.ends[path] = ending{cert.Subject.CommonName, cert.NotAfter}
			}
		}
	}
	for path, e := range c.ends {
		ch <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, float64(e.notAfter.Unix()), path, validUTF8(e.subject))
	}
	return nil
}

package agent

import "github.com/prometheus/client_golang/prometheus"

// self tells how the agent itself does, as series beside those of the server.
type self struct {
	a *Agent

	bytes, pending, lost, refused, unkept, damaged, lines *prometheus.Desc
}

func newSelf(a *Agent) *self {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &self{
		a:       a,
		bytes:   desc("vigie_agent_spool_bytes", "Size of the agent's spool on disk."),
		pending: desc("vigie_agent_spool_pending_bytes", "What waits for a hub.", "hub"),
		lost:    desc("vigie_agent_spool_lost_records_total", "Records a hub will never get: too old, too much, or damaged.", "hub"),
		refused: desc("vigie_agent_refused_records_total", "Records a hub did not want and that were dropped.", "hub"),
		unkept:  desc("vigie_agent_spool_unkept_records_total", "Records the disk did not take."),
		lines:   desc("vigie_agent_log_lines_total", "Log lines: sent to a hub, refused by it, cut because they are too long, and not read as their format says.", "hub", "outcome"),
		damaged: desc("vigie_agent_spool_damaged_total", "Places of the spool that could not be read."),
	}
}

// Describe implements prometheus.Collector.
func (s *self) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(s, ch) }

// Collect implements prometheus.Collector.
func (s *self) Collect(ch chan<- prometheus.Metric) {
	st := s.a.spool.Stats()
	ch <- prometheus.MustNewConstMetric(s.bytes, prometheus.GaugeValue, float64(st.Bytes))
	ch <- prometheus.MustNewConstMetric(s.unkept, prometheus.CounterValue, float64(st.Unkept))
	ch <- prometheus.MustNewConstMetric(s.damaged, prometheus.CounterValue, float64(st.Damaged))
	for _, l := range s.a.links {
		p := l.reader.Pending()
		ch <- prometheus.MustNewConstMetric(s.pending, prometheus.GaugeValue, float64(p.Bytes), l.hub.Name)
		ch <- prometheus.MustNewConstMetric(s.lost, prometheus.CounterValue, float64(p.Lost), l.hub.Name)
		ch <- prometheus.MustNewConstMetric(s.refused, prometheus.CounterValue, float64(l.refused.Load()), l.hub.Name)
		if logs := l.logs.Load(); logs != nil {
			for outcome, n := range map[string]uint64{"sent": logs.Sent.Load(), "refused": logs.Refused.Load(), "cut": logs.Cut.Load(), "unread": logs.Unread.Load()} {
				ch <- prometheus.MustNewConstMetric(s.lines, prometheus.CounterValue, float64(n), l.hub.Name, outcome)
			}
		}
	}
}

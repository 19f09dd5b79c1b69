package ingest

import (
	"sync"
	"time"
)

// quotas bound how many series an agent can begin in an hour. Each takes memory
// for some hours and disk for as long as it is kept, and nothing else would stop
// a server that makes up labels from taking all of both.
type quotas struct {
	most int
	now  func() time.Time

	mu   sync.Mutex
	used map[string]*quota // by server, of which the fleet has few
}

type quota struct {
	all   *quotas
	since time.Time
	used  int
}

func (q *quotas) of(server string) *quota {
	q.mu.Lock()
	defer q.mu.Unlock()
	one := q.used[server]
	if one == nil {
		one = &quota{all: q}
		q.used[server] = one
	}
	return one
}

// take takes one new series of the quota, if there is one left.
func (q *quota) take() bool {
	q.all.mu.Lock()
	defer q.all.mu.Unlock()
	if now := q.all.now(); now.Sub(q.since) >= time.Hour {
		q.since, q.used = now, 0
	}
	if q.used >= q.all.most {
		return false
	}
	q.used++
	return true
}

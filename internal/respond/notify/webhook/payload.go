package webhook

import (
	"time"

	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/respond/notify"
)

// Payload is what is posted: Alertmanager's webhook, version 4, so that its
// receivers understand it, and what only Vigie knows under "vigie".
type Payload struct {
	Version           string            `json:"version"`
	GroupKey          string            `json:"groupKey"`
	TruncatedAlerts   int               `json:"truncatedAlerts"`
	Status            string            `json:"status"`
	Receiver          string            `json:"receiver"`
	GroupLabels       map[string]string `json:"groupLabels"`
	CommonLabels      map[string]string `json:"commonLabels"`
	CommonAnnotations map[string]string `json:"commonAnnotations"`
	ExternalURL       string            `json:"externalURL"`
	Alerts            []Alert           `json:"alerts"`
	Vigie             Vigie             `json:"vigie"`
}

// Alert is one alert of a payload.
type Alert struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`
	ID           string            `json:"id"`
}

// Vigie is the part of a payload that Alertmanager does not have.
type Vigie struct {
	Delivery  string    `json:"delivery"`
	Event     string    `json:"event"`
	Kind      string    `json:"kind"`
	Reason    string    `json:"reason"`
	At        time.Time `json:"at"`
	Subject   string    `json:"subject"`
	Severity  string    `json:"severity"`
	Meanwhile bool      `json:"resolved_meanwhile"`
	Issue     *Issue    `json:"issue,omitempty"`
	Notice    *Notice   `json:"notice,omitempty"`
}

// Notice is what a payload of the kind notice says; it has no alerts.
type Notice struct {
	Subject string   `json:"subject"`
	Text    string   `json:"text"`
	URL     string   `json:"url,omitempty"` // in the console, for who is signed in
	Button  string   `json:"button,omitempty"`
	About   string   `json:"about,omitempty"`
	Urgent  bool     `json:"urgent"`
	For     []string `json:"for"` // slugs of people
}

// Issue is the issue of the logbook that a payload is about.
type Issue struct {
	ID     string `json:"id"`
	Number int64  `json:"number"`
	Title  string `json:"title"`
	State  string `json:"state"`
	URL    string `json:"url"`
}

func payload(m notify.Message) Payload {
	p := Payload{
		Version: "4", GroupKey: m.GroupKey, TruncatedAlerts: m.Total - len(m.Alerts), Status: "resolved", Receiver: "vigie",
		GroupLabels: m.Group, ExternalURL: m.Base, Alerts: []Alert{},
		Vigie: Vigie{Delivery: m.ID, Event: m.Event, Kind: string(m.Kind), Reason: string(m.Reason), At: m.At, Subject: m.Subject, Severity: string(m.Severity), Meanwhile: m.Meanwhile},
	}
	if m.Issue != nil {
		p.Vigie.Issue = &Issue{ID: m.Issue.ID, Number: m.Issue.Number, Title: m.Issue.Title, State: m.Issue.State, URL: m.Issue.URL}
	}
	for _, n := range m.Notices { // one: a webhook gets every message by itself
		p.Vigie.Notice = &Notice{Subject: n.Subject, Text: n.Text, URL: n.URL, About: n.About, Urgent: n.Urgent, For: []string{}}
		if n.URL != "" {
			p.Vigie.Notice.Button = n.Button
		}
		for _, r := range n.For {
			p.Vigie.Notice.For = append(p.Vigie.Notice.For, r.Slug)
		}
	}
	for _, a := range m.Alerts {
		if a.State == alert.Firing {
			p.Status = "firing"
		}
		p.Alerts = append(p.Alerts, Alert{
			Status: string(a.State), Labels: a.Labels, Annotations: a.Annotations, StartsAt: a.StartedAt, EndsAt: a.ResolvedAt,
			GeneratorURL: a.URL, Fingerprint: a.Fingerprint, ID: a.ID,
		})
	}
	p.CommonLabels = common(m.Alerts, func(i notify.Item) map[string]string { return i.Labels })
	p.CommonAnnotations = common(m.Alerts, func(i notify.Item) map[string]string { return i.Annotations })
	return p
}

// common returns what all alerts have.
func common(items []notify.Item, of func(notify.Item) map[string]string) map[string]string {
	c := map[string]string{}
	for n, i := range items {
		if n == 0 {
			for k, v := range of(i) {
				c[k] = v
			}
			continue
		}
		for k, v := range c {
			if of(i)[k] != v {
				delete(c, k)
			}
		}
	}
	return c
}

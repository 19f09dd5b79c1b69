package notify

import (
	"time"

	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/signal"
)

// Kind says what a message is.
type Kind string

// The kinds of message.
const (
	KindFiring   Kind = "firing"
	KindResolved Kind = "resolved"
	KindReminder Kind = "reminder"
	KindTest     Kind = "test"
	KindNotice   Kind = "notice" // no alert; see Notice
)

// Message is what one person, or one channel, is told of one event.
type Message struct {
	ID       string // the delivery's: the same however often it is sent
	Event    string
	Kind     Kind
	Reason   alert.Reason
	At       time.Time
	GroupKey string
	Group    map[string]string
	To       Recipient
	Issue    *IssueRef
	Alerts   []Item       // the worst first, at most maxItems
	Total    int          // of all alerts it is about
	Notices  []NoticeItem `json:",omitempty"` // the urgent first, at most maxItems
	Severity signal.Severity
	Folded   int `json:"-"` // deliveries that are told in this one message; 0 where it tells its own alone

	// What follows is worked out when the message is sent.
	Subject   string `json:"-"`
	Text      string `json:"-"`
	HTML      string `json:"-"`
	MessageID string `json:"-"`
	Thread    string `json:"-"` // id of the thread that messages of one matter form
	AckURL    string `json:"-"`
	NoLink    bool   `json:"-"` // there should be an AckURL, and it could not be made
	BoardURL  string `json:"-"`
	Company   string `json:"-"`
	Base      string `json:"-"`
	Meanwhile bool   `json:"-"` // every alert of it resolved before this was sent
	Untold    int    `json:"-"` // notices that are not listed
}

// Recipient is the person who is told; without a slug it is the channel alone.
type Recipient struct {
	Slug  string
	Name  string
	Email string
	Zone  string // where they live, such as Europe/Paris; UTC if empty
}

// IssueRef is the issue of the logbook that a message is about.
type IssueRef struct {
	ID     string
	Number int64
	Title  string
	State  string
	URL    string `json:"-"`
}

// Item is one alert of a message.
type Item struct {
	ID, Fingerprint     string
	Name                string
	Severity            signal.Severity
	Subject             string // the instance or the server, by slug
	State               alert.State
	Summary             string
	Description         string
	Value, Limit        string
	FirstStep           string
	StartedAt           time.Time
	ResolvedAt          time.Time
	AcknowledgedBy      string
	Flapping            string // a sentence on when its end is told, if it comes and goes
	Labels, Annotations map[string]string
	URL                 string `json:"-"`
	ChartURL            string `json:"-"`
}

// maxItems is how many alerts, and how many notices, one message names.
const maxItems = 50

func itemOf(a alert.Alert) Item {
	i := Item{
		ID: a.ID, Fingerprint: a.Fingerprint, Name: a.Name, Severity: a.Severity, Subject: about(a), State: a.State, Summary: a.Summary(),
		Description: a.Annotations[signal.Description], Value: a.Annotations[signal.Value], Limit: a.Annotations[signal.Limit],
		FirstStep: a.Annotations[signal.FirstStep], StartedAt: a.StartedAt, ResolvedAt: a.ResolvedAt,
		Labels: a.Labels, Annotations: a.Annotations,
	}
	if a.Ack != nil {
		i.AcknowledgedBy = a.Ack.By
	}
	return i
}

// about names what an alert is about in the words of whoever answers for it:
// the client's instance before the server.
func about(a alert.Alert) string {
	for _, s := range []string{a.Instance(), a.Server(), a.Subject.Slug, a.Subject.Kind} {
		if s != "" {
			return s
		}
	}
	return ""
}

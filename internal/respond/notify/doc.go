// Package notify tells people: by mail, by a webhook, in a chat.
//
// A page becomes one delivery for each person and channel (page.go), a row
// and a durable job in the transaction of the event. The job sends it through
// its channel (deliver.go), a folder each, until it is sent, refused for good
// or a day old. An address that got much in a short time gets the rest in one
// message (claim.go, digest.go). What must be told and is no alert goes the same
// way (notice.go). Links in messages let the person who got one acknowledge
// without signing in (links.go). A channel that fails is an alert of its own
// (health.go), and so is a route or a notice that reaches nobody (nobody.go).
package notify

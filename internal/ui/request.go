package ui

import (
	"context"
	"net/http"
	"time"
)

// What a page needs to know about its request travels in the context, so that
// components deep inside need no parameters for it.
type (
	csrfKey struct{}
	nowKey  struct{}
	zoneKey struct{}
)

// CSRFField is the name of the form field that holds the token.
const CSRFField = "csrf"

// WithCSRF gives the forms of a page their token.
func WithCSRF(ctx context.Context, token string) context.Context {
	return context.WithValue(ctx, csrfKey{}, token)
}

func csrfOf(ctx context.Context) string {
	token, _ := ctx.Value(csrfKey{}).(string)
	return token
}

// WithNow sets the time that relative times of a page are counted from.
// Without it, it is the time of rendering.
func WithNow(ctx context.Context, now time.Time) context.Context {
	return context.WithValue(ctx, nowKey{}, now)
}

func nowOf(ctx context.Context) time.Time {
	if now, ok := ctx.Value(nowKey{}).(time.Time); ok {
		return now
	}
	return time.Now()
}

// WithZone sets the time zone in which a page writes absolute times. Without
// it, it is UTC.
func WithZone(ctx context.Context, zone *time.Location) context.Context {
	return context.WithValue(ctx, zoneKey{}, zone)
}

// zoneCookie is where the browser says its time zone; times.js writes it.
const zoneCookie = "zone"

// ZoneOf returns the reader's time zone as the browser told it, or UTC while
// it has not.
func ZoneOf(r *http.Request) *time.Location {
	c, err := r.Cookie(zoneCookie)
	if err != nil || c.Value == "" || c.Value == "Local" || len(c.Value) > 64 {
		return time.UTC
	}
	zone, err := time.LoadLocation(c.Value)
	if err != nil {
		return time.UTC
	}
	return zone
}

// Zone returns the zone that WithZone set.
func Zone(ctx context.Context) *time.Location { return zoneOf(ctx) }

func zoneOf(ctx context.Context) *time.Location {
	if zone, ok := ctx.Value(zoneKey{}).(*time.Location); ok && zone != nil {
		return zone
	}
	return time.UTC
}

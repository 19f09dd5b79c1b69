package opsrepo

import (
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	_ "time/tzdata" // a machine without zone files must not refuse a valid zone
)

// formats check text; each returns what is wrong and what is allowed, or "".
var formats = map[string]func(string) string{
	"timezone": checkTimezone,
	"email":    checkEmail,
	"url":      checkURL,
	"address":  checkAddress,
	"cidr":     checkCIDR,
}

func checkTimezone(s string) string {
	if _, err := time.LoadLocation(s); err != nil || s == "" || s == "Local" {
		return fmt.Sprintf("%q is no time zone%s; use a name of the IANA list such as Europe/Paris or UTC", s, DidYouMean(s, commonZones))
	}
	return ""
}

// commonZones are what a misspelt zone is compared with; the embedded list has
// no way to be enumerated.
var commonZones = strings.Fields(`UTC Africa/Cairo Africa/Casablanca Africa/Johannesburg Africa/Lagos Africa/Nairobi
	Africa/Tunis America/Argentina/Buenos_Aires America/Bogota America/Chicago America/Denver America/Halifax
	America/Los_Angeles America/Mexico_City America/Montreal America/New_York America/Sao_Paulo America/Toronto
	America/Vancouver Asia/Bangkok Asia/Dubai Asia/Ho_Chi_Minh Asia/Hong_Kong Asia/Istanbul Asia/Jakarta
	Asia/Jerusalem Asia/Karachi Asia/Kolkata Asia/Manila Asia/Seoul Asia/Shanghai Asia/Singapore Asia/Taipei
	Asia/Tokyo Australia/Brisbane Australia/Melbourne Australia/Perth Australia/Sydney Europe/Amsterdam
	Europe/Athens Europe/Berlin Europe/Brussels Europe/Bucharest Europe/Budapest Europe/Copenhagen Europe/Dublin
	Europe/Helsinki Europe/Istanbul Europe/Kyiv Europe/Lisbon Europe/London Europe/Luxembourg Europe/Madrid
	Europe/Oslo Europe/Paris Europe/Prague Europe/Rome Europe/Sofia Europe/Stockholm Europe/Vienna Europe/Vilnius
	Europe/Warsaw Europe/Zurich Indian/Reunion Pacific/Auckland Pacific/Noumea`)

func checkEmail(s string) string {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > 254 {
		return fmt.Sprintf("%q is no e-mail address; write it like name@example.org", s)
	}
	return ""
}

func checkURL(s string) string {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return fmt.Sprintf("%q is no URL; write it like https://app.example.org/status", s)
	case u.User != nil:
		// The message leaves the URL out, for the password in it.
		return "the URL holds a user name or password; secrets never stand in the repository"
	}
	if msg := checkAddress(u.Hostname()); msg != "" {
		return fmt.Sprintf("the host of the URL %q is wrong: %s", s, msg)
	}
	if p := u.Port(); p != "" && !ValidPort(p) {
		return fmt.Sprintf("the port of the URL %q is wrong; write one from 1 to 65535, or leave it out", s)
	}
	return ""
}

// ValidAddress reports whether a text is an IP address or a host name.
func ValidAddress(s string) bool { return checkAddress(s) == "" }

// ValidPort reports whether a text is the number of a TCP port.
func ValidPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

var hostLabel = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

func checkAddress(s string) string {
	if _, err := netip.ParseAddr(s); err == nil {
		return ""
	}
	const allowed = "write an IPv4 or IPv6 address or a host name, without port or scheme"
	if strings.Trim(s, "0123456789.") == "" || strings.Contains(s, ":") {
		return fmt.Sprintf("%q is no address; %s", s, allowed)
	}
	name := strings.TrimSuffix(s, ".")
	ok := len(name) <= 253
	for label := range strings.SplitSeq(name, ".") {
		ok = ok && hostLabel.MatchString(label)
	}
	if !ok {
		return fmt.Sprintf("%q is no address; %s", s, allowed)
	}
	return ""
}

func checkCIDR(s string) string {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return fmt.Sprintf("%q is no network; write it like 192.0.2.0/24 or 2001:db8::/32", s)
	}
	if p != p.Masked() {
		return fmt.Sprintf("%q has bits behind its length; the network is %s", s, p.Masked())
	}
	return ""
}

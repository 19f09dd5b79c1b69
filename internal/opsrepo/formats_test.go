package opsrepo

import "testing"

func TestFormats(t *testing.T) {
	good := map[string][]string{
		"timezone": {"UTC", "Europe/Paris", "America/Argentina/Buenos_Aires"},
		"email":    {"a@b.example", "o'neil+x@halyard.example"},
		"url":      {"https://a.example", "http://192.0.2.1:8080/x?y=z", "https://[2001:db8::1]/"},
		"address":  {"192.0.2.1", "2001:db8::1", "host", "a-b.example", "a.example.", "1host.example"},
		"cidr":     {"192.0.2.0/24", "2001:db8::/32", "192.0.2.1/32"},
	}
	bad := map[string][]string{
		"timezone": {"", "Local", "Europe/Atlantis", "../etc/passwd", "CEST2"},
		"email":    {"", "a", "a@", "Ann <a@b.example>", "a@b.example, c@d.example", "a b@c.example"},
		"url":      {"", "a.example", "ftp://a.example", "https://", "https:///x", "javascript:alert(1)", "https://u:p@a.example", "https://a b/"},
		"address":  {"", " ", "192.0.2.256", "1.2.3", "a_b.example", "host:22", "https://a.example", "-a.example", "a..b", "2001:db8:::1"},
		"cidr":     {"", "192.0.2.0", "192.0.2.1/24", "192.0.2.0/33", "x/8"},
	}
	for format, check := range formats {
		for _, s := range good[format] {
			if msg := check(s); msg != "" {
				t.Errorf("%s %q is refused: %s", format, s, msg)
			}
		}
		for _, s := range bad[format] {
			if check(s) == "" {
				t.Errorf("%s %q is taken", format, s)
			}
		}
	}
}

package mask_test

import (
	"fmt"
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/internal/observe/logs/mask"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// masked is a message as it is stored, and what was counted.
func masked(m *mask.Masker, message string) (string, map[string]int) {
	counts := map[string]int{}
	r := record.Record{Message: message}
	m.Record(&r, func(kind string, n int) { counts[kind] += n })
	return r.Message, counts
}

var all = mask.New(mask.Kinds, nil)

func TestSecretsAreMasked(t *testing.T) {
	const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV"
	for in, want := range map[string]string{
		"login password=hunter2 from 10.0.0.1":                               "login password=[masked:token] from 10.0.0.1",
		"GET /reset?user=ann&reset_token=9f86d081&lang=fr HTTP/1.1":          "GET /reset?user=ann&reset_token=[masked:token]&lang=fr HTTP/1.1",
		`{"user":"ann","db_password":"a \"b\" c","n":1}`:                     `{"user":"ann","db_password":"[masked:token]","n":1}`,
		`body: {\"apiKey\":\"k-123456\",\"n\":1}`:                            `body: {\"apiKey\":\"[masked:token]\",\"n\":1}`,
		"Authorization: Bearer abcdef0123456789abcdef":                       "Authorization: Bearer [masked:token]",
		"authorization='Basic dXNlcjpwYXNz' x":                               "authorization='Basic [masked:token]' x",
		"sent Bearer " + jwt + " to shop":                                    "sent Bearer [masked:token] to shop",
		"cookie " + jwt:                                                      "cookie [masked:token]",
		"connect postgres://app:s3cr3t@db:5432/shop?sslmode=off":             "connect postgres://app:[masked:token]@db:5432/shop?sslmode=off",
		"key AKIAIOSFODNN7EXAMPLE used":                                      "key [masked:token] used",
		"aws_secret_access_key = wJalrXUtnFEMI/K7MDENG":                      "aws_secret_access_key = [masked:token]",
		"push with ghp_0123456789abcdefghijABCDEFGHIJ012345":                 "push with [masked:token]",
		"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY---": "-----BEGIN RSA PRIVATE KEY-----[masked:token]-----END RSA PRIVATE KEY---",
		"paid with 4111 1111 1111 1111, thanks":                              "paid with [masked:card], thanks",
		"paid with 4111111111111111.":                                        "paid with [masked:card].",
		"amex 3782-822463-10005":                                             "amex [masked:card]",
		"to FR14 2004 1010 0505 0001 3M02 606 now":                           "to [masked:iban] now",
		"to DE89370400440532013000":                                          "to [masked:iban]",
		"mail from ann.lee+x@shop.example, ok":                               "mail from [masked:email], ok",
	} {
		got, counts := masked(all, in)
		if got != want {
			t.Errorf("%s\n  is %s\nwant %s", in, got, want)
		}
		if n := strings.Count(want, "[masked:"); counts[mask.Token]+counts[mask.Card]+counts[mask.IBAN]+counts[mask.Email] != n {
			t.Errorf("%s: counted %v, want %d", in, counts, n)
		}
		if again, counts := masked(all, got); again != got || len(counts) > 0 {
			t.Errorf("masked again it is %s, %v", again, counts)
		}
	}
}

func TestWhatIsNoSecretStays(t *testing.T) {
	for _, in := range []string{
		`10.0.0.7 - ann [25/Nov/2026:12:00:00 +0000] "GET /api/v1/reports/4711 HTTP/1.1" 200 512 "-" "Mozilla/5.0" 0.123`,
		"Failed password for invalid user root from 185.220.101.7 port 4242 ssh2",
		"Accepted publickey for deploy: RSA SHA256:abc",
		"invalid token: expired", "unexpected token: }", "token bucket is empty", "total_tokens=1234", "password=", "password=null", "secret: true",
		"trace 4bf92f3577b34da6a3ce929d0e0e4736 span 00f067aa0ba902b7",
		"id=1732530000000 at 1732530000000000000", "order 4111111111111112", "uuid 41111111-1111-4111-8111-111111111111", "v4.111.1111.1111",
		"basic auth is off", "bearer of bad news", "https://shop.example:8443/a@b", "FR14 is a platform", "DE89370400440532013001", "a@b", "@here hello", "user@localhost",
		"12:30:45 host: all fine",
	} {
		if got, counts := masked(all, in); got != in || len(counts) > 0 {
			t.Errorf("%s\nis %s, %v", in, got, counts)
		}
	}
}

func TestFieldsThatAreCalledSecretsAreMaskedWhole(t *testing.T) {
	counts := map[string]int{}
	r := record.Record{Fields: []record.Field{
		{Name: "event.original", Value: record.StringValue("x?token=abc12345")},
		{Name: "http.request.headers.authorization", Value: record.StringValue("anything at all")},
		{Name: "usage.total_tokens", Value: record.IntValue(12)},
		{Name: "user.password", Value: record.IntValue(1234)},
		{Name: "user.password_changed", Value: record.BoolValue(true)},
	}}
	all.Record(&r, func(kind string, n int) { counts[kind] += n })
	var got []string
	for _, f := range r.Fields {
		got = append(got, f.Value.Text())
	}
	if fmt.Sprint(got) != "[x?token=[masked:token] [masked:token] 12 [masked:token] true]" || !maps.Equal(counts, map[string]int{mask.Token: 3}) {
		t.Errorf("fields are %q, counted %v", got, counts)
	}
}

func TestOnlyTheKindsThatAreAskedForAreMasked(t *testing.T) {
	const in = "password=hunter2 4111111111111111 DE89370400440532013000 ann@shop.example"
	for kinds, want := range map[string]string{
		"":      in,
		"token": "password=[masked:token] 4111111111111111 DE89370400440532013000 ann@shop.example",
		"card":  "password=hunter2 [masked:card] DE89370400440532013000 ann@shop.example",
		"iban":  "password=hunter2 4111111111111111 [masked:iban] ann@shop.example",
		"email": "password=hunter2 4111111111111111 DE89370400440532013000 [masked:email]",
	} {
		if got, _ := masked(mask.New(strings.Fields(kinds), nil), in); got != want {
			t.Errorf("%s: %s", kinds, got)
		}
	}
}

func TestRulesOfOnesOwnMaskToo(t *testing.T) {
	m := mask.New(nil, []mask.Rule{
		{Name: "customer", Pattern: regexp.MustCompile(`KD-\d{6}`)},
		{Name: "street", Pattern: regexp.MustCompile(`(street=)\w+`), Replace: "${1}x", Fields: []string{"message"}},
	})
	got, counts := masked(m, "KD-123456 and KD-654321 in street=Kirchweg")
	if got != "[masked:customer] and [masked:customer] in street=x" || counts["customer"] != 2 || counts["street"] != 1 {
		t.Errorf("%s %v", got, counts)
	}
	if again, counts := masked(m, got); again != got || len(counts) > 0 {
		t.Errorf("again it is %s, %v", again, counts)
	}
	r := record.Record{Fields: []record.Field{{Name: "note", Value: record.StringValue("street=Kirchweg")}}}
	m.Record(&r, func(string, int) {})
	if r.Fields[0].Value.Str != "street=Kirchweg" {
		t.Errorf("a rule of the message masked a field: %s", r.Fields[0].Value.Str)
	}
}

func TestOrdinaryLinesCostNoMemory(t *testing.T) {
	r := ordinary()
	if n := testing.AllocsPerRun(100, func() { all.Record(&r, func(string, int) {}) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func ordinary() record.Record {
	return record.Record{
		Message: `186.112.3.249 - - [24/Nov/2026:09:19:16 +0000] "GET /api/v1/reports/17982?page=2&lang=fr HTTP/1.1" 200 107815 "https://shop.example/" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36" 0.061`,
		Fields: []record.Field{
			{Name: "http.request.method", Value: record.StringValue("GET")}, {Name: "http.response.status_code", Value: record.IntValue(200)},
			{Name: "service.name", Value: record.StringValue("nginx")}, {Name: "source.ip", Value: record.StringValue("186.112.3.249")}, {Name: "url.path", Value: record.StringValue("/api/v1/reports/17982")},
			{Name: "user_agent.original", Value: record.StringValue("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36")},
		},
	}
}

func FuzzMask(f *testing.F) {
	f.Add("password=hunter2 ", " 4111111111111111", uint8(3))
	f.Add(`{"token":"`, `"}`, uint8(0))
	f.Add("-----BEGIN PRIVATE KEY-----", "-----END", uint8(1))
	secrets := []string{"AKIAIOSFODNN7EXAMPLE", " password=Zx81hunter ", " 4111 1111 1111 1111 ", " DE89370400440532013000 ", " https://u:Zx81hunter@h/ "}
	f.Fuzz(func(t *testing.T, before, after string, which uint8) {
		got, _ := masked(all, before+after)
		if again, _ := masked(all, got); again != got && len(before+after) < 60 {
			t.Errorf("%q masked is %q, and again %q", before+after, got, again)
		}
		// Blanks around it keep a planted secret from being part of something else.
		one := secrets[int(which)%len(secrets)]
		got, _ = masked(all, "x "+one+" y")
		for _, plain := range []string{"AKIAIOSFODNN7EXAMPLE", "Zx81hunter", "4111 1111", "DE8937"} {
			if strings.Contains(got, plain) {
				t.Errorf("%q is still in %q", plain, got)
			}
		}
	})
}

func BenchmarkOrdinary(b *testing.B) {
	r := ordinary()
	m := mask.New(mask.Usual, nil)
	b.ReportAllocs()
	for b.Loop() {
		m.Record(&r, func(string, int) {})
	}
}

func BenchmarkMasked(b *testing.B) {
	m := mask.New(mask.Usual, nil)
	b.ReportAllocs()
	for b.Loop() {
		r := record.Record{Message: "GET /reset?user=ann&reset_token=9f86d081&lang=fr paid 4111 1111 1111 1111"}
		m.Record(&r, func(string, int) {})
	}
}

package mailbox

import (
	"testing"
	"time"
)

func FuzzReadMail(f *testing.F) {
	f.Add([]byte("Subject: hello\r\n\r\nhttp://127.0.0.1/x"))
	f.Add([]byte("Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<a href=\"http://x\">\r\n--b--"))
	f.Add([]byte("Subject: =?utf-8?q?=zz?=\r\nContent-Transfer-Encoding: base64\r\n\r\n!!"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := readMail("id", time.Time{}, "to", raw)
		if err == nil && m.Links == nil {
			t.Error("links are null in JSON, not a list")
		}
	})
}

package querytext_test

import (
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/internal/observe/logs/query/querytext"
)

// | is the cursor.
func TestWhatIsBeingWritten(t *testing.T) {
	for _, c := range []struct {
		text         string
		wants        querytext.Wanted
		field        string
		prefix, over string
		operators    string
	}{
		{"|", querytext.WantsField, "", "", "", "not"},
		{"ser|", querytext.WantsField, "", "ser", "ser", ""},
		{"ser|vice.name", querytext.WantsField, "", "ser", "service.name", ""},
		{"service.name|", querytext.WantsField, "", "service.name", "service.name", ""},
		{"service.name |", querytext.WantsOperator, "", "", "", "and or not : > >= < <="},
		{"service.name:|", querytext.WantsValue, "service.name", "", "", ""},
		{"service.name:ng|", querytext.WantsValue, "service.name", "ng", "ng", ""},
		{"service.name: ng|inx and a", querytext.WantsValue, "service.name", "ng", "nginx", ""},
		{`service.name:"ng|`, querytext.WantsValue, "service.name", "ng", `"ng`, ""},
		{`service.name:"ng|inx a" and b`, querytext.WantsValue, "service.name", "ng", `"nginx a"`, ""},
		{"service.name:nginx |", querytext.WantsOperator, "", "", "", "and or not"},
		{"service.name:nginx a|", querytext.WantsField, "", "a", "a", "and"},
		{"service.name:nginx and |", querytext.WantsField, "", "", "", "not"},
		{"service.name:(nginx or |", querytext.WantsValue, "service.name", "", "", ""},
		{"service.name:(nginx or s|", querytext.WantsValue, "service.name", "s", "s", ""},
		{"service.name:(nginx |", querytext.WantsOperator, "", "", "", "and or not"},
		{"service.name:(nginx or sshd) and h|", querytext.WantsField, "", "h", "h", ""},
		{"(a or ser|", querytext.WantsField, "", "ser", "ser", ""},
		{"-ser|", querytext.WantsField, "", "ser", "ser", ""},
		{"status >= 5|", querytext.WantsValue, "status", "5", "5", ""},
		{"msg:x|", querytext.WantsValue, "message", "x", "x", ""},
		{`"upstream ti|med"`, querytext.WantsNothing, "", "", "", ""},
		{"a:=x|", querytext.WantsNothing, "", "", "", ""},
	} {
		cursor := strings.IndexByte(c.text, '|')
		text := strings.Replace(c.text, "|", "", 1)
		got := querytext.Complete(text, cursor)
		if got.Wants != c.wants || got.Field != c.field || got.Prefix != c.prefix || text[got.From:got.To] != c.over || strings.Join(got.Operators, " ") != c.operators {
			t.Errorf("%s: %+v over %q", c.text, got, text[got.From:got.To])
		}
	}
}

func TestACandidateIsPutInItsPlace(t *testing.T) {
	for _, c := range []struct{ text, candidate, want string }{
		{"ser|", "service.name", "service.name:|"},
		{"ser|vice:x", "service.name", "service.name|:x"},
		{"service.name:ng|", "nginx", "service.name:nginx |"},
		{"user:|", "Anna Berg", `user:"Anna Berg" |`},
		{`user:"An|na"`, "Anna Berg", `user:"Anna Berg" |`},
		{"status:|", "200", "status:200 |"},
		{"message:|", "out", `message:"out" |`},
		{"a a|", "and", "a and |"},
		{"x:a| and b", "abc", "x:abc| and b"},
		{"|", "a field", `a\ field:|`},
	} {
		cursor := strings.IndexByte(c.text, '|')
		text := strings.Replace(c.text, "|", "", 1)
		got, at := querytext.Complete(text, cursor).Insert(text, c.candidate)
		if got = got[:at] + "|" + got[at:]; got != c.want {
			t.Errorf("%s with %s is %s, want %s", c.text, c.candidate, got, c.want)
		}
	}
}

func FuzzComplete(f *testing.F) {
	f.Add("service.name:(nginx or \"a b\" and x", 20)
	f.Fuzz(func(t *testing.T, text string, cursor int) {
		c := querytext.Complete(text, cursor)
		if c.From < 0 || c.To < c.From || c.To > len(text) {
			t.Fatalf("%q at %d: %+v", text, cursor, c)
		}
		if got, at := c.Insert(text, "x y"); at < 0 || at > len(got) {
			t.Fatalf("%q at %d: %d", text, cursor, at)
		}
	})
}

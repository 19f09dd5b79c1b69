// Package rotation knows how long logrotate keeps the files of a server: it
// writes policies for it and reads those that are there.
package rotation

import (
	"fmt"
	"strings"
	"time"
)

// Day is the unit in which logrotate counts.
const Day = 24 * time.Hour

// Policy is how long some files are kept beside the file that is written to.
type Policy struct {
	Name   string        // of the file in /etc/logrotate.d
	Files  []string      // patterns of absolute paths
	Keep   time.Duration // in whole days; what is more counts as one
	Create string        // mode, owner and group of the new file, such as "0640 www-data adm"; empty copies those of the old one
	After  string        // a line of shell that makes the writer open its file anew; without one the file is copied and truncated
}

// Config is the policy as logrotate reads it.
func (p Policy) Config() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Written by a playbook from the operations repository, where it is changed.\n")
	for _, f := range p.Files {
		fmt.Fprintf(&b, "%q ", f)
	}
	days := (p.Keep + Day - 1) / Day
	fmt.Fprintf(&b, "{\n\tdaily\n\trotate %d\n\tmaxage %d\n\tdateext\n\tcompress\n\tdelaycompress\n\tmissingok\n\tnotifempty\n", days, days)
	switch {
	case p.After == "":
		b.WriteString("\tcopytruncate\n")
	case p.Create != "":
		fmt.Fprintf(&b, "\tcreate %s\n", p.Create)
	default:
		b.WriteString("\tcreate\n")
	}
	if p.After != "" {
		fmt.Fprintf(&b, "\tsharedscripts\n\tpostrotate\n\t\t%s\n\tendscript\n", p.After)
	}
	b.WriteString("}\n")
	return b.String()
}

// Problem says why logrotate would not take the policy as it is meant; empty
// if it would.
func (p Policy) Problem() (field, why string) {
	for _, f := range p.Files {
		if !strings.HasPrefix(f, "/") || strings.ContainsAny(f, "\"\\\n\r") {
			return "files", fmt.Sprintf("%q is no pattern of an absolute path without quotes; write it like /var/log/nginx/*.log", f)
		}
	}
	if strings.ContainsAny(p.After, "\n\r") || strings.TrimSpace(p.After) == "endscript" {
		return "after", "write one line of shell"
	}
	if p.Create != "" {
		if f := strings.Fields(p.Create); len(f) != 3 || len(f[0]) < 3 || len(f[0]) > 4 || strings.Trim(f[0], "01234567") != "" || strings.ContainsAny(p.Create, "{}#\n\r") {
			return "create", fmt.Sprintf("%q is not mode, owner and group; write them like 0640 www-data adm", p.Create)
		}
		if p.After == "" {
			return "create", "without after the file is copied and truncated, not created; write after too, or leave create out"
		}
	}
	return "", ""
}

package schedule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Words says in English when a cron expression of five fields or a recurrence
// rule comes, such as "Mondays at 03:00". What has no short words is returned
// as it is.
func Words(expression string) string {
	var words string
	if strings.Contains(expression, "FREQ=") {
		words = ruleWords(expression)
	} else {
		words = cronWords(expression)
	}
	if words == "" {
		return expression
	}
	return words
}

var (
	days   = []string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}
	months = []string{"", "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
)

var macros = map[string]string{
	"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
}

func cronWords(text string) string {
	if m, ok := macros[strings.TrimSpace(text)]; ok {
		text = m
	}
	f := strings.Fields(text)
	if len(f) != 5 {
		return ""
	}
	minute, hour, dom, month, dow := f[0], f[1], f[2], f[3], f[4]
	if dom == "*" && month == "*" && dow == "*" && hour == "*" {
		switch every, ok := strings.CutPrefix(minute, "*/"); {
		case minute == "*":
			return "every minute"
		case ok && number(every, 1, 59) >= 0:
			return "every " + every + " minutes"
		case number(minute, 0, 59) == 0:
			return "every hour"
		case number(minute, 0, 59) > 0:
			return fmt.Sprintf("every hour, %s minutes past", minute)
		}
		return ""
	}
	at := clocks(hour, minute)
	if at == "" {
		return ""
	}
	day := ""
	switch {
	case dom == "*" && dow == "*":
		day = "every day"
	case dom == "*":
		day = weekdays(dow)
	case dow == "*" && number(dom, 1, 31) > 0:
		day = "on the " + ordinal(number(dom, 1, 31))
		if month == "*" {
			day += " of each month"
		}
	}
	if day == "" {
		return ""
	}
	if month != "*" {
		m := number(month, 1, 12)
		if m < 0 {
			return ""
		}
		if dom == "*" {
			day += " in " + months[m]
		} else {
			day += " of " + months[m]
		}
	}
	return day + " at " + at
}

// clocks are the times of day of single hours and one minute.
func clocks(hour, minute string) string {
	m := number(minute, 0, 59)
	if m < 0 {
		return ""
	}
	var out []string
	for h := range strings.SplitSeq(hour, ",") {
		n := number(h, 0, 23)
		if n < 0 {
			return ""
		}
		out = append(out, fmt.Sprintf("%02d:%02d", n, m))
	}
	return and(out)
}

func weekdays(dow string) string {
	var out []string
	for part := range strings.SplitSeq(dow, ",") {
		from, to, span := strings.Cut(part, "-")
		a := weekday(from)
		if a < 0 {
			return ""
		}
		if !span {
			out = append(out, days[a]+"s")
			continue
		}
		b := weekday(to)
		switch {
		case b < 0:
			return ""
		case a == 1 && b == 5:
			out = append(out, "weekdays")
		default:
			out = append(out, days[a]+" to "+days[b])
		}
	}
	return and(out)
}

func weekday(s string) int {
	if n := number(s, 0, 7); n >= 0 {
		return n % 7
	}
	return slices.IndexFunc(days, func(d string) bool { return len(s) >= 2 && len(s) <= 3 && strings.EqualFold(d[:len(s)], s) })
}

func ruleWords(rule string) string {
	part := map[string]string{}
	for one := range strings.SplitSeq(strings.TrimPrefix(rule, "RRULE:"), ";") {
		k, v, ok := strings.Cut(one, "=")
		if !ok {
			return ""
		}
		part[strings.ToUpper(k)] = v
	}
	every := 1
	if s := part["INTERVAL"]; s != "" {
		if every = number(s, 1, 999); every < 0 {
			return ""
		}
	}
	at := ""
	if h := part["BYHOUR"]; h != "" {
		m := part["BYMINUTE"]
		if m == "" {
			m = "0"
		}
		if at = clocks(h, m); at == "" {
			return ""
		}
	}
	for k := range part {
		switch k {
		case "FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYHOUR", "BYMINUTE", "BYSECOND", "WKST":
		default:
			return ""
		}
	}
	var words string
	switch part["FREQ"] {
	case "DAILY":
		words = often(every, "day")
	case "WEEKLY":
		words = often(every, "week")
	case "MONTHLY":
		words = often(every, "month")
	case "YEARLY":
		words = often(every, "year")
	default:
		return ""
	}
	if d := part["BYDAY"]; d != "" {
		on := ruleDays(d)
		if on == "" {
			return ""
		}
		words += ", " + on
	}
	if d := part["BYMONTHDAY"]; d != "" {
		switch n := number(d, 1, 31); {
		case d == "-1":
			words += ", on the last day"
		case n > 0:
			words += ", on the " + ordinal(n)
		default:
			return ""
		}
	}
	if at != "" {
		words += " at " + at
	}
	return words
}

// ruleDays are days as recurrence rules write them: MO, 1SU, -1FR.
func ruleDays(text string) string {
	var out []string
	for d := range strings.SplitSeq(text, ",") {
		if len(d) < 2 {
			return ""
		}
		i := weekday(d[len(d)-2:])
		if i < 0 {
			return ""
		}
		switch nth := d[:len(d)-2]; {
		case nth == "":
			out = append(out, days[i]+"s")
		case nth == "-1":
			out = append(out, "last "+days[i])
		case number(nth, 1, 5) > 0:
			out = append(out, ordinal(number(nth, 1, 5))+" "+days[i])
		default:
			return ""
		}
	}
	return and(out)
}

func often(every int, what string) string {
	switch every {
	case 1:
		return "every " + what
	case 2:
		return "every second " + what
	}
	return fmt.Sprintf("every %d %ss", every, what)
}

func ordinal(n int) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return strconv.Itoa(n) + suffix
}

func and(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " and " + list[len(list)-1]
}

// number reads a number of a range; -1 for what is none.
func number(s string, from, to int) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < from || n > to {
		return -1
	}
	return n
}

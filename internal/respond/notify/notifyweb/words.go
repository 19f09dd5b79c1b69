package notifyweb

func ackTitle(v ackView) string {
	switch {
	case v.Over:
		return "It is over"
	case v.Done:
		return "Acknowledged"
	}
	return "Do you take it?"
}

func ackNote(v ackView) string {
	switch {
	case v.Over:
		return "Nothing of this fires any more."
	case v.Done:
		return "The others see that somebody has it."
	}
	return "You are " + v.Person + ". Acknowledging says that you look at it; nobody else is asked meanwhile."
}

// href leads to what a message is about.
func href(r row) string {
	if r.Issue == "" {
		return r.Link
	}
	return "/issues/" + r.Issue
}

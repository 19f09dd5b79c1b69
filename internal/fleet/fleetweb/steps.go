package fleetweb

// step is one thing to do on a server, and the commands that do it.
type step struct{ text, command string }

// tokenWord stands where the token will stand.
const tokenWord = "TOKEN"

// steps says how the agent of a server is enrolled and started. The token goes
// in by standard input, so that no list of processes shows it.
func steps(server, address, token string) []step {
	if token == "" {
		token = tokenWord
	}
	if address == "" {
		address = "https://HUB:PORT"
	}
	return []step{
		{"Put the program vigie and its unit vigie-agent.service on " + server + " and write /etc/vigie/agent.yaml:", "hubs:\n  - url: " + address},
		{"Enrol it there with the token:", "vigie agent enrol <<'END'\n" + token + "\nEND"},
		{"Start it:", "systemctl enable --now vigie-agent"},
	}
}

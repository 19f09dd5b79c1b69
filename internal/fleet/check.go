package fleet

import (
	"net/netip"
	"regexp"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/vigie-ops/vigie/internal/opsrepo"
)

// languageTag is the part of BCP 47 that people write: "fr", "pt-BR".
var languageTag = regexp.MustCompile(`^[a-z]{2,3}(-[A-Z]{2})?$`)

func checkClients(c *opsrepo.Checker, clients []Client) {
	for _, cl := range clients {
		if cl.Language != "" && !languageTag.MatchString(cl.Language) {
			c.Errorf(c.FieldPos(cl.Pos, "language"), "%q is no language; write a code such as en, fr or pt-BR", cl.Language)
		}
	}
}

// checkInstances finds servers that are listed twice, and addresses that two
// instances claim.
func checkInstances(c *opsrepo.Checker, instances []Instance) {
	urls := map[string]Instance{}
	for _, i := range instances {
		opsrepo.CheckUnique(c, i.Pos, "servers", i.Servers)
		opsrepo.CheckUnique(c, i.Pos, "urls", i.URLs)
		for n, u := range i.URLs {
			if other, taken := urls[u]; taken && other.Pos != i.Pos {
				c.Errorf(c.FieldPos(i.Pos, opsrepo.Index("urls", n)), "the URL %s already belongs to instance %q at %s; each instance has addresses of its own", u, other.Slug, other.Pos)
				continue
			}
			urls[u] = i
		}
	}
}

// checkServers keeps addresses apart and tells servers from appliances.
func checkServers(c *opsrepo.Checker, servers []Server) {
	addresses := map[string]Server{}
	for _, s := range servers {
		opsrepo.CheckUnique(c, s.Pos, "roles", s.Roles)
		opsrepo.CheckUnique(c, s.Pos, "ports", s.Ports)
		if s.Appliance && s.Address == "" && !c.Refused(s.Pos, "address") {
			c.Errorf(s.Pos, "the appliance %q has no address; an appliance is only seen from outside, so it needs one", s.Slug)
		}
		if !s.Appliance && s.DeclaredVersion != "" {
			c.Errorf(c.FieldPos(s.Pos, "version"), "version stands on a server that is no appliance; the agent reports its versions, so leave version out or write appliance: true")
		}
		checkSSH(c, s, servers)
		if s.Address == "" {
			continue
		}
		key := canonical(s.Address)
		if other, taken := addresses[key]; taken {
			c.Errorf(c.FieldPos(s.Pos, "address"), "the address %s already belongs to server %q at %s; each server has an address of its own", s.Address, other.Slug, other.Pos)
			continue
		}
		addresses[key] = s
	}
}

// checkSSH reads host keys, and finds servers that are reached through
// themselves.
func checkSSH(c *opsrepo.Checker, s Server, all []Server) {
	for n, key := range s.SSH.HostKeys {
		if _, _, _, _, err := ssh.ParseAuthorizedKey([]byte(key)); err != nil {
			c.Errorf(c.FieldPos(s.Pos, opsrepo.Index("ssh.host_keys", n)), "%q is no public host key; write it like ssh-ed25519 AAAA…, as `ssh-keyscan` prints it after the name", key)
		}
	}
	if s.SSH.Jump == "" {
		return
	}
	jump := make(map[string]string, len(all))
	for _, one := range all {
		jump[one.Slug] = one.SSH.Jump
	}
	at := s.SSH.Jump
	for range all {
		if at == s.Slug {
			c.Errorf(c.FieldPos(s.Pos, "ssh.jump"), "the server %q is reached through itself; name a server that is reached in another way", s.Slug)
			return
		}
		at = jump[at]
	}
}

// canonical gives two ways to write one address one form.
func canonical(address string) string {
	if ip, err := netip.ParseAddr(address); err == nil {
		return ip.Unmap().String()
	}
	return strings.TrimSuffix(strings.ToLower(address), ".")
}

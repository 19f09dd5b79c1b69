package playbook

import (
	"slices"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/lib/secret"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/schedule"
)

// KindVault is the namespace of the slugs of vaults.
const KindVault = "vault"

// Vault is a password of ansible-vault. The slug is the vault id.
type Vault struct {
	Pos      opsrepo.Pos `yaml:"-"`
	Slug     string      `yaml:"slug" ops:"required,slug,doc=The vault id, as in ansible-vault --vault-id."`
	Password secret.Ref  `yaml:"password" ops:"doc=Where the password is: a file or a variable; absent where hub.yaml says it."`
}

// Vaults is the section `vaults:`.
var Vaults = opsrepo.NewList("vaults", opsrepo.ListOptions[Vault]{Doc: "Passwords of ansible-vault.", Kind: KindVault})

// ReviewPolicy says which commits may run. A commit is judged by the policy of
// the last accepted one, never by its own.
type ReviewPolicy struct {
	Pos       opsrepo.Pos `yaml:"-"`
	SignedBy  []Signature `yaml:"signed_by" ops:"doc=Whose signature accepts a commit without a second person."`
	Approvers []string    `yaml:"approvers" ops:"ref=person|team,doc=People or teams who may accept a commit of somebody else; operators and admins if absent."`
}

// Signature is a key that accepts commits.
type Signature struct {
	Pos    opsrepo.Pos `yaml:"-"`
	Person string      `yaml:"person" ops:"required,ref=person"`
	Key    string      `yaml:"key" ops:"required,doc=Public ssh key, such as ssh-ed25519 AAAA…, that commits are signed with."`
}

// Review is the section `review_policy:`.
var Review = opsrepo.NewSingle("review_policy", opsrepo.SingleOptions[ReviewPolicy]{
	Doc: "Which commits may run.", Check: checkReview,
})

func checkReview(c *opsrepo.Checker, p ReviewPolicy) {
	for _, s := range p.SignedBy {
		if _, _, _, _, err := ssh.ParseAuthorizedKey([]byte(s.Key)); s.Key != "" && err != nil {
			c.Errorf(c.FieldPos(s.Pos, "key"), "this is no public ssh key; write it like ssh-ed25519 AAAA…")
		}
	}
}

// ApprovalRule says for which runs somebody must approve.
type ApprovalRule struct {
	Pos       opsrepo.Pos      `yaml:"-"`
	Playbooks []string         `yaml:"playbooks" ops:"ref=playbook,doc=Which playbooks; all if absent."`
	Rings     []string         `yaml:"rings" ops:"enum=staging|production,doc=Runs that touch a server of these rings; all if absent."`
	Clients   []string         `yaml:"clients" ops:"ref=client,doc=Runs that touch an instance of these clients; all if absent."`
	Hours     string           `yaml:"hours" ops:"default=always,enum=always|office|outside office,doc=When it counts. The office is open from Monday to Friday between 09:00 and 18:00 in the company's time zone, except on holidays of its country."`
	Approvers []string         `yaml:"approvers" ops:"required,min=1,ref=person|team,doc=People or teams of whom one must approve."`
	Channel   string           `yaml:"channel" ops:"ref=channel,doc=By which channel they are asked; the first that sends mail if absent."`
	Expires   opsrepo.Duration `yaml:"expires" ops:"default=4h,min=1m,max=14d,doc=When the request lapses."`
}

// Approvals is the section `approval_policy:`; the first rule that matches
// counts.
var Approvals = opsrepo.NewList("approval_policy", opsrepo.ListOptions[ApprovalRule]{Doc: "Which runs somebody must approve."})

// Needed returns the rule by which a run of a playbook on servers must be
// approved, if there is one.
func Needed(rules []ApprovalRule, playbook string, servers []string, f *fleet.Snapshot, at time.Time) (ApprovalRule, bool) {
	open := OfficeOf(f).Open(at)
	for _, r := range rules {
		if len(r.Playbooks) > 0 && !slices.Contains(r.Playbooks, playbook) {
			continue
		}
		if r.Hours == "office" && !open || r.Hours == "outside office" && open {
			continue
		}
		if r.touches(servers, f) {
			return r, true
		}
	}
	return ApprovalRule{}, false
}

func (r ApprovalRule) touches(servers []string, f *fleet.Snapshot) bool {
	ring := len(r.Rings) == 0
	client := len(r.Clients) == 0
	for _, slug := range servers {
		s, _ := f.Server(slug)
		ring = ring || slices.Contains(r.Rings, string(s.Ring))
		for _, i := range f.InstancesOn(slug) {
			client = client || slices.Contains(r.Clients, i.Client)
		}
	}
	return ring && client
}

// OfficeOf is the company's office.
func OfficeOf(f *fleet.Snapshot) schedule.Office {
	c := f.Company()
	zone, err := time.LoadLocation(c.Timezone)
	if err != nil {
		zone = time.UTC // before the first operations repository
	}
	return schedule.Office{Zone: zone, Country: c.Country}
}

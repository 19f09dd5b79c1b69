package fleet

import (
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/schedule"
)

// Company is who operates all this.
type Company struct {
	Pos      opsrepo.Pos `yaml:"-"`
	Name     string      `yaml:"name" ops:"required"`
	Domain   string      `yaml:"domain" ops:"required,address,doc=Domain of the company; status pages are <instance>.status.<domain>."`
	Timezone string      `yaml:"timezone" ops:"required,timezone,doc=Where the office is, such as Europe/Paris."`
	// Country says which days are holidays.
	Country schedule.Country `yaml:"country" ops:"doc=Country whose public holidays count, such as fr; none if absent."`
}

// Client is a customer of the company.
type Client struct {
	Pos            opsrepo.Pos `yaml:"-"`
	Slug           string      `yaml:"slug" ops:"required,slug"`
	Name           string      `yaml:"name" ops:"required"`
	AccountManager string      `yaml:"account_manager" ops:"required,ref=person,doc=Who talks to this client."`
	Language       string      `yaml:"language" ops:"default=en,doc=Language of messages to this client, such as en or fr-CH."`
	Timezone       string      `yaml:"timezone" ops:"timezone,doc=Where this client is; the company's time zone if absent."`
	// Country says which days are holidays.
	Country schedule.Country `yaml:"country" ops:"doc=Country of this client, whose public holidays count; the company's if absent."`
}

// Project groups instances of one client.
type Project struct {
	Pos    opsrepo.Pos `yaml:"-"`
	Slug   string      `yaml:"slug" ops:"required,slug"`
	Name   string      `yaml:"name" ops:"required"`
	Client string      `yaml:"client" ops:"required,ref=client"`
}

// Instance is a client's own stack.
type Instance struct {
	Pos         opsrepo.Pos `yaml:"-"`
	Slug        string      `yaml:"slug" ops:"required,slug,doc=Name of the stack; app_instance on metrics and the status page's address."`
	Name        string      `yaml:"name" ops:"required"`
	Client      string      `yaml:"client" ops:"required,ref=client"`
	Project     string      `yaml:"project" ops:"ref=project"`
	Environment string      `yaml:"environment" ops:"enum=production|staging|demo|development,default=production"`
	Servers     []string    `yaml:"servers" ops:"required,min=1,ref=server,doc=Slugs of the servers the stack runs on."`
	Components  []Component `yaml:"components" ops:"doc=Parts that the client sees on the status page."`
	URLs        []string    `yaml:"urls" ops:"url,doc=Addresses that people open."`
}

// Component is a part of an instance that a client sees on the status page.
type Component struct {
	Pos  opsrepo.Pos `yaml:"-"`
	Slug string      `yaml:"slug" ops:"required,slug,doc=Unique within the instance."`
	Name string      `yaml:"name" ops:"required"`
}

// Server is a machine. An appliance, such as a firewall, has no agent: only
// probes, syslog and the version that its entry declares.
type Server struct {
	Pos             opsrepo.Pos `yaml:"-"`
	Slug            string      `yaml:"slug" ops:"required,slug"`
	Name            string      `yaml:"name" ops:"doc=Name for people; the slug if absent."`
	Address         string      `yaml:"address" ops:"address,doc=IP address or host name where probes and ssh reach it."`
	Roles           []string    `yaml:"roles" ops:"doc=What the server is for, such as app or db; groups of the inventory."`
	Provider        string      `yaml:"provider" ops:"doc=Who rents it out."`
	Location        string      `yaml:"location" ops:"doc=Data centre or region."`
	Ring            Ring        `yaml:"ring" ops:"enum=staging|production,default=production,doc=staging is patched first, then the rest."`
	Appliance       bool        `yaml:"appliance" ops:"doc=Whether no agent can run on it."`
	DeclaredVersion string      `yaml:"version" ops:"doc=Version of an appliance's software, since no agent reports it."`
	Ports           []int       `yaml:"ports" ops:"min=1,max=65535,default=22|80|443,doc=TCP ports that must accept connections; [] for none."`
	SSH             SSH         `yaml:"ssh" ops:"doc=How playbooks reach it."`
}

// SSH says how runs of playbooks reach a server.
type SSH struct {
	User     string   `yaml:"user" ops:"doc=Whom to sign in as; root if absent."`
	Port     int      `yaml:"port" ops:"min=1,max=65535,doc=Port of sshd; 22 if absent."`
	Jump     string   `yaml:"jump" ops:"ref=server,doc=The server through which this one is reached."`
	HostKeys []string `yaml:"host_keys" ops:"doc=Public host keys, as ssh-keyscan prints them without the name; those that the agent reported when it enrolled if absent."`
}

// Ring says when a server gets a change.
type Ring string

// The rings, first to change first.
const (
	Staging    Ring = "staging"
	Production Ring = "production"
)

// The kinds of slug that other sections refer to.
const (
	KindClient   = "client"
	KindProject  = "project"
	KindInstance = "instance"
	KindServer   = "server"
)

// The sections of this package.
var (
	TheCompany = opsrepo.NewSingle("company", opsrepo.SingleOptions[Company]{
		Doc: "The company that operates all this."})
	Clients = opsrepo.NewList("clients", opsrepo.ListOptions[Client]{
		Doc: "The company's customers.", Kind: KindClient, Check: checkClients})
	Projects = opsrepo.NewList("projects", opsrepo.ListOptions[Project]{
		Doc: "Groups of instances of one client.", Kind: KindProject})
	Instances = opsrepo.NewList("instances", opsrepo.ListOptions[Instance]{
		Doc: "The stacks of the clients.", Kind: KindInstance, Check: checkInstances})
	Servers = opsrepo.NewList("servers", opsrepo.ListOptions[Server]{
		Doc: "Machines and appliances.", Kind: KindServer, Check: checkServers})
)

// Sections returns what this package reads from the operations repository.
func Sections() []opsrepo.Section {
	return []opsrepo.Section{TheCompany, Clients, Projects, Instances, Servers}
}

package wire

import "time"

// The kinds of facts.
const (
	FactOS           = "os"            // OS
	FactPackages     = "packages"      // Packages
	FactPorts        = "ports"         // Ports
	FactUsers        = "users"         // Users
	FactMounts       = "mounts"        // Mounts
	FactCertificates = "certificates"  // Certificates
	FactStale        = "stale"         // Stale
	FactSSHHostKeys  = "ssh_host_keys" // SSHHostKeys
)

// FactKinds returns every kind with an empty body of its type.
func FactKinds() map[string]any {
	return map[string]any{
		FactOS: &OS{}, FactPackages: &Packages{}, FactPorts: &Ports{}, FactUsers: &Users{},
		FactMounts: &Mounts{}, FactCertificates: &Certificates{}, FactStale: &Stale{},
		FactSSHHostKeys: &SSHHostKeys{},
	}
}

// OS is the distribution and the kernel that runs.
type OS struct {
	ID           string `json:"id"`         // debian
	VersionID    string `json:"version_id"` // 12
	Codename     string `json:"codename,omitempty"`
	PrettyName   string `json:"pretty_name"`
	Hostname     string `json:"hostname"`
	Kernel       string `json:"kernel"` // 6.1.0-28-amd64
	Architecture string `json:"architecture"`
	CPUs         int    `json:"cpus"`
	MemoryBytes  int64  `json:"memory_bytes"`
}

// Packages is what the package manager installed, sorted by name.
type Packages struct {
	Manager  string    `json:"manager"` // dpkg, rpm
	Packages []Package `json:"packages"`
}

// Package is one installed package.
type Package struct {
	Name          string `json:"name"`
	Version       string `json:"version"`
	Architecture  string `json:"architecture"`
	Source        string `json:"source,omitempty"` // source package where its name differs
	SourceVersion string `json:"source_version,omitempty"`
}

// Ports is what listens, sorted by protocol, port and address.
type Ports struct {
	Ports []Port `json:"ports"`
}

// Port is one listening socket; Process is empty where the kernel hides it.
type Port struct {
	Protocol string `json:"protocol"` // tcp, udp
	Address  string `json:"address"`  // 0.0.0.0 and :: are every interface
	Port     int    `json:"port"`
	Process  string `json:"process,omitempty"`
	UID      int    `json:"uid"`
}

// Users is who can log in, sorted by name. Never a key, never a hash.
type Users struct {
	Users []User `json:"users"`
}

// User is an account with a login shell.
type User struct {
	Name           string `json:"name"`
	UID            int    `json:"uid"`
	GID            int    `json:"gid"`
	Home           string `json:"home"`
	Shell          string `json:"shell"`
	AuthorizedKeys int    `json:"authorized_keys"` // how many, nothing of them
}

// Mounts is what is mounted from a device or the network, sorted by path.
type Mounts struct {
	Mounts []Mount `json:"mounts"`
}

// Mount is one mounted file system.
type Mount struct {
	Path    string   `json:"path"`
	Device  string   `json:"device"`
	Type    string   `json:"type"`
	Options []string `json:"options"`
}

// Certificates is what lies on the server's disk, sorted by path.
type Certificates struct {
	Certificates []Certificate `json:"certificates"`
}

// Certificate is the first certificate of a file, or why it could not be read.
type Certificate struct {
	Path      string    `json:"path"`
	Subject   string    `json:"subject,omitempty"`
	Issuer    string    `json:"issuer,omitempty"`
	Names     []string  `json:"names,omitempty"` // subject alternative names
	NotBefore time.Time `json:"not_before,omitzero"`
	NotAfter  time.Time `json:"not_after,omitzero"`
	Error     string    `json:"error,omitempty"`
}

// Stale is what still runs code that was replaced on disk, sorted by process.
type Stale struct {
	Processes []StaleProcess `json:"processes"`
}

// StaleProcess is one or several processes of a name that map deleted files;
// Unit is what to restart.
type StaleProcess struct {
	Process string   `json:"process"`
	Unit    string   `json:"unit,omitempty"`
	Count   int      `json:"count"`
	Files   []string `json:"files"`
}

// SSHHostKeys are the public keys by which the server's sshd shows itself,
// sorted.
type SSHHostKeys struct {
	Keys []string `json:"keys"` // type and base64, as in ssh-ed25519 AAAA…, without a comment
}

// Package opsrepo reads the operations repository: files, positions,
// references, generations, and nothing of what the entries mean.
//
// A repository is a folder of YAML files. Any of them may hold any section, a
// section being a top-level key such as `servers:`; what lies under playbooks/
// belongs to Ansible and is never read, but for files named vigie.yaml. Each room describes its section once,
// as a Go type with struct tags, and gets it decoded with positions:
//
//	var Servers = opsrepo.NewList[Server]("servers", opsrepo.ListOptions[Server]{Kind: "server"})
//
//	generation, problems := opsrepo.Load(fsys, []opsrepo.Section{Servers})
//	servers := Servers.Of(generation)
//
// Load reports every mistake at once. A Follower follows a Source, applies a
// valid change as a whole in one transaction and keeps the last good one.
//
// Read on in load.go (what is read), decode.go (how entries become structs),
// tags.go (what a field may ask for) and follower.go.
package opsrepo

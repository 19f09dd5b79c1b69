package fleet

import (
	"maps"
	"slices"

	"github.com/vigie-ops/vigie/internal/opsrepo"
)

// Snapshot is the fleet of one generation. It never changes, so that it can be
// kept and asked by any number of goroutines.
type Snapshot struct {
	company   Company
	clients   index[Client]
	projects  index[Project]
	instances index[Instance]
	servers   index[Server]

	instancesOn map[string][]Instance // by server
	instancesOf map[string][]Instance // by client
	projectsOf  map[string][]Project  // by client
}

// index is a list sorted by slug with a way in by slug.
type index[T any] struct {
	all    []T
	bySlug map[string]T
}

func indexed[T any](entries []T, slug func(T) string) index[T] {
	bySlug := make(map[string]T, len(entries))
	for _, e := range entries {
		bySlug[slug(e)] = e
	}
	all := make([]T, 0, len(bySlug))
	for _, s := range slices.Sorted(maps.Keys(bySlug)) {
		all = append(all, bySlug[s])
	}
	return index[T]{all, bySlug}
}

// NewSnapshot returns the fleet of a generation; nil gives an empty one.
func NewSnapshot(g *opsrepo.Generation) *Snapshot {
	s := &Snapshot{
		clients:     indexed(Clients.Of(g), func(c Client) string { return c.Slug }),
		projects:    indexed(Projects.Of(g), func(p Project) string { return p.Slug }),
		instances:   indexed(Instances.Of(g), func(i Instance) string { return i.Slug }),
		servers:     indexed(named(Servers.Of(g)), func(s Server) string { return s.Slug }),
		instancesOn: map[string][]Instance{},
		instancesOf: map[string][]Instance{},
		projectsOf:  map[string][]Project{},
	}
	s.company, _ = TheCompany.Of(g)
	for _, i := range s.instances.all {
		s.instancesOf[i.Client] = append(s.instancesOf[i.Client], i)
		for _, server := range i.Servers {
			s.instancesOn[server] = append(s.instancesOn[server], i)
		}
	}
	for _, p := range s.projects.all {
		s.projectsOf[p.Client] = append(s.projectsOf[p.Client], p)
	}
	return s
}

// named gives servers without a name their slug as name.
func named(servers []Server) []Server {
	out := slices.Clone(servers)
	for i := range out {
		if out[i].Name == "" {
			out[i].Name = out[i].Slug
		}
	}
	return out
}

// Company returns who operates all this; zero before a first generation.
func (s *Snapshot) Company() Company { return s.company }

// Clients returns all clients, sorted by slug.
func (s *Snapshot) Clients() []Client { return slices.Clone(s.clients.all) }

// Projects returns all projects, sorted by slug.
func (s *Snapshot) Projects() []Project { return slices.Clone(s.projects.all) }

// Instances returns all instances, sorted by slug.
func (s *Snapshot) Instances() []Instance { return slices.Clone(s.instances.all) }

// Servers returns all servers and appliances, sorted by slug.
func (s *Snapshot) Servers() []Server { return slices.Clone(s.servers.all) }

// Client returns the client with that slug.
func (s *Snapshot) Client(slug string) (Client, bool) {
	v, ok := s.clients.bySlug[slug]
	return v, ok
}

// Project returns the project with that slug.
func (s *Snapshot) Project(slug string) (Project, bool) {
	v, ok := s.projects.bySlug[slug]
	return v, ok
}

// Instance returns the instance with that slug.
func (s *Snapshot) Instance(slug string) (Instance, bool) {
	v, ok := s.instances.bySlug[slug]
	return v, ok
}

// Server returns the server with that slug.
func (s *Snapshot) Server(slug string) (Server, bool) {
	v, ok := s.servers.bySlug[slug]
	return v, ok
}

// InstancesOn returns the instances that run on a server, sorted by slug.
func (s *Snapshot) InstancesOn(server string) []Instance {
	return slices.Clone(s.instancesOn[server])
}

// InstancesOf returns the instances of a client, sorted by slug.
func (s *Snapshot) InstancesOf(client string) []Instance {
	return slices.Clone(s.instancesOf[client])
}

// ProjectsOf returns the projects of a client, sorted by slug.
func (s *Snapshot) ProjectsOf(client string) []Project {
	return slices.Clone(s.projectsOf[client])
}

// ServersOf returns the servers an instance runs on, in the order its entry
// lists them.
func (s *Snapshot) ServersOf(instance string) []Server {
	i := s.instances.bySlug[instance]
	out := make([]Server, 0, len(i.Servers))
	for _, slug := range i.Servers {
		if server, ok := s.servers.bySlug[slug]; ok {
			out = append(out, server)
		}
	}
	return out
}

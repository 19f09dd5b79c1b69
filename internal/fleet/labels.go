package fleet

import "github.com/vigie-ops/vigie/internal/signal"

// LabelsOf returns the labels of what is observed on a server: server and
// ring. `instance` and `job` keep Prometheus's meaning and are not ours to set.
func LabelsOf(s Server) map[string]string {
	return map[string]string{signal.LabelServer: s.Slug, signal.LabelRing: string(s.Ring)}
}

// LabelsOfInstance returns the labels of what is observed of an instance:
// app_instance, client and, where it has one, project.
func LabelsOfInstance(i Instance) map[string]string {
	labels := map[string]string{signal.LabelAppInstance: i.Slug, signal.LabelClient: i.Client}
	if i.Project != "" {
		labels[signal.LabelProject] = i.Project
	}
	return labels
}

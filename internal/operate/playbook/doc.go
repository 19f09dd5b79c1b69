// Package playbook knows which playbooks there are and what a run of one takes:
// the catalogue that stands in vigie.yaml files beside them, their typed
// variables, the inventory that the fleet makes for Ansible, and the policies
// that say which commits may run and who must approve.
//
// Everything here is data and rules; package run does what they say.
package playbook

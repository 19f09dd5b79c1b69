// Package metricsagent observes the server an agent runs on and ships time
// series: node_exporter's collectors, containers by their control groups, disks
// by SMART, certificates on disk.
//
// Every interval it asks each observer once, writes what came as one remote
// write 2.0 request, and hands that over to be spooled. There is no scrape, no
// HTTP in between and no second copy of the samples. An observer that cannot
// run on this machine is listed with its reason; one that hangs or panics
// costs its own series and nothing else.
package metricsagent

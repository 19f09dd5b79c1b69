// Package logs is the room of log lines: it takes them in from agents and
// shippers, says whom each belongs to, keeps them as long as promised, and
// answers what is asked of them. The parts are packages of their own: record is
// a line, query what can be asked, ingest the ways in, logstore the store.
package logs

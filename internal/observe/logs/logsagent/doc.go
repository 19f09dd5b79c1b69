// Package logsagent ships the lines of a server's files and journal to a hub.
// It only reads: from where it left off, as fast as the hub takes them, so that
// the files themselves are what waits. What is sent twice because an answer was
// lost is known to the hub by its stream and offset, and kept once.
package logsagent

-- +goose Up
CREATE TABLE probe_outage (
	id           TEXT PRIMARY KEY,
	probe        TEXT NOT NULL,
	subject      TEXT NOT NULL,
	component    TEXT NOT NULL,
	started_at   TIMESTAMPTZ NOT NULL,
	confirmed_at TIMESTAMPTZ NOT NULL,
	ended_at     TIMESTAMPTZ,
	cause        TEXT NOT NULL,
	places       TEXT NOT NULL
);
CREATE INDEX probe_outage_subject ON probe_outage (subject, started_at);
CREATE INDEX probe_outage_probe ON probe_outage (probe, started_at);
CREATE UNIQUE INDEX probe_outage_open ON probe_outage (probe) WHERE ended_at IS NULL;

-- Since when a probe is watched, and until when it was.
CREATE TABLE probe_watch (
	probe      TEXT PRIMARY KEY,
	subject    TEXT NOT NULL,
	component  TEXT NOT NULL,
	started_at TIMESTAMPTZ NOT NULL,
	ended_at   TIMESTAMPTZ
);
CREATE INDEX probe_watch_subject ON probe_watch (subject);

-- When nobody looked; an empty probe means the whole hub.
CREATE TABLE probe_gap (
	id         TEXT PRIMARY KEY,
	probe      TEXT NOT NULL,
	started_at TIMESTAMPTZ NOT NULL,
	ended_at   TIMESTAMPTZ
);
CREATE INDEX probe_gap_probe ON probe_gap (probe, started_at);

-- One row: when the hub was last known to look.
CREATE TABLE probe_alive (
	id INTEGER PRIMARY KEY,
	at TIMESTAMPTZ NOT NULL
);

CREATE TABLE probe_heartbeat (
	probe      TEXT PRIMARY KEY,
	token_hash TEXT NOT NULL,
	created_at TIMESTAMPTZ NOT NULL,
	last_at    TIMESTAMPTZ
);

-- Signals that fire, and resolutions that nobody took over yet.
CREATE TABLE probe_signal (
	fingerprint TEXT PRIMARY KEY,
	probe       TEXT NOT NULL,
	body        TEXT NOT NULL,
	firing      BOOLEAN NOT NULL,
	pending     BOOLEAN NOT NULL
);

-- +goose Up

-- When the hub last heard of each server, by the hub's own clock, and what the
-- server said of itself.
CREATE TABLE fleet_heard (
	server    TEXT        NOT NULL PRIMARY KEY,
	at        TIMESTAMPTZ NOT NULL,
	heartbeat TEXT        NOT NULL
);

-- What agents know about their servers: what holds now, and below it the last
-- versions, of which the newest is the same again.
CREATE TABLE fleet_fact (
	server TEXT        NOT NULL,
	kind   TEXT        NOT NULL,
	hash   TEXT        NOT NULL,
	at     TIMESTAMPTZ NOT NULL,
	body   TEXT        NOT NULL,
	PRIMARY KEY (server, kind)
);

CREATE TABLE fleet_fact_version (
	server TEXT        NOT NULL,
	kind   TEXT        NOT NULL,
	hash   TEXT        NOT NULL,
	at     TIMESTAMPTZ NOT NULL,
	body   TEXT        NOT NULL,
	PRIMARY KEY (server, kind, at)
);

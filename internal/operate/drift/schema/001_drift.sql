-- +goose Up
CREATE TABLE drift_finding (
	id         TEXT PRIMARY KEY,
	server     TEXT NOT NULL,
	playbook   TEXT NOT NULL,
	ident      TEXT NOT NULL,
	task       TEXT NOT NULL,
	action     TEXT NOT NULL,
	path       TEXT NOT NULL,
	run        TEXT NOT NULL,
	first_seen TIMESTAMPTZ NOT NULL,
	last_seen  TIMESTAMPTZ NOT NULL,
	gone_at    TIMESTAMPTZ,
	gone_why   TEXT NOT NULL DEFAULT '',
	gone_run   TEXT NOT NULL DEFAULT '',
	diff       TEXT NOT NULL
);
CREATE UNIQUE INDEX drift_finding_open ON drift_finding (server, playbook, ident) WHERE gone_at IS NULL;
CREATE INDEX drift_finding_server ON drift_finding (server, id);
CREATE INDEX drift_finding_gone ON drift_finding (gone_at);

-- What a person said that does not matter; an empty server means all of them.
CREATE TABLE drift_ignore (
	id       TEXT PRIMARY KEY,
	server   TEXT NOT NULL,
	playbook TEXT NOT NULL,
	ident    TEXT NOT NULL,
	task     TEXT NOT NULL,
	reason   TEXT NOT NULL,
	who      TEXT NOT NULL,
	at       TIMESTAMPTZ NOT NULL,
	until_at TIMESTAMPTZ,
	ended_by TEXT NOT NULL DEFAULT '',
	ended_at TIMESTAMPTZ
);
CREATE INDEX drift_ignore_ident ON drift_ignore (playbook, ident);

-- When a check finished last on a server.
CREATE TABLE drift_looked (
	server   TEXT NOT NULL,
	playbook TEXT NOT NULL,
	run      TEXT NOT NULL,
	at       TIMESTAMPTZ NOT NULL,
	PRIMARY KEY (server, playbook)
);

-- The last look at the whole fleet by a playbook.
CREATE TABLE drift_look (
	playbook TEXT PRIMARY KEY,
	night    TEXT NOT NULL DEFAULT '',
	asked_at TIMESTAMPTZ,
	run      TEXT NOT NULL DEFAULT '',
	error    TEXT NOT NULL DEFAULT '',
	error_at TIMESTAMPTZ,
	ended    TEXT NOT NULL DEFAULT '',
	number   BIGINT NOT NULL DEFAULT 0,
	state    TEXT NOT NULL DEFAULT '',
	cause    TEXT NOT NULL DEFAULT '',
	ended_at TIMESTAMPTZ,
	servers  BIGINT NOT NULL DEFAULT 0,
	seen     BIGINT NOT NULL DEFAULT 0
);

-- One row: up to which place in the chain of records runs were worked in, and
-- since when drift is looked for.
CREATE TABLE drift_cursor (
	id       INTEGER PRIMARY KEY,
	seq      BIGINT NOT NULL,
	begun_at TIMESTAMPTZ NOT NULL
);

-- What the board of alerts was told last.
CREATE TABLE drift_told (
	subject TEXT PRIMARY KEY,
	digest  TEXT NOT NULL
);

-- +goose Up

-- What happened, for ever: rows are added and never changed. Each carries the
-- hash of the row before it.
CREATE TABLE audit_entry (
	seq          BIGINT      NOT NULL PRIMARY KEY,
	id           TEXT        NOT NULL UNIQUE,
	at           TIMESTAMPTZ NOT NULL,
	actor        TEXT        NOT NULL,
	via          TEXT        NOT NULL,
	verb         TEXT        NOT NULL,
	object       TEXT        NOT NULL,
	payload_hash TEXT        NOT NULL,
	prev_hash    TEXT        NOT NULL,
	hash         TEXT        NOT NULL
);
CREATE INDEX audit_entry_object ON audit_entry (object, seq);
CREATE INDEX audit_entry_actor ON audit_entry (actor, seq);

-- The words of an entry. They may hold what somebody has a right to see
-- erased, so they lie apart: a tombstone names the entry that erased them.
CREATE TABLE audit_payload (
	entry     TEXT NOT NULL PRIMARY KEY,
	salt      TEXT NOT NULL,
	reason    TEXT NOT NULL,
	details   TEXT NOT NULL,
	erased_by TEXT NOT NULL
);
CREATE INDEX audit_payload_erased ON audit_payload (erased_by);

-- The end of the chain. Whoever adds an entry updates this row first, so that
-- writers wait for each other, and a cut-off end is noticed.
CREATE TABLE audit_head (
	one  INTEGER NOT NULL PRIMARY KEY,
	seq  BIGINT  NOT NULL,
	hash TEXT    NOT NULL
);
INSERT INTO audit_head (one, seq, hash) VALUES (1, 0, '');

-- +goose Up

-- A generation that was applied. The newest archives are kept, so that the hub
-- starts with the last good one even when the repository is gone; older rows
-- are history.
CREATE TABLE opsrepo_generation (
	seq          BIGINT PRIMARY KEY,
	commit_hash  TEXT NOT NULL,
	author       TEXT NOT NULL,
	subject      TEXT NOT NULL,
	committed_at TIMESTAMPTZ,
	hash         TEXT NOT NULL,
	files        INTEGER NOT NULL,
	applied_at   TIMESTAMPTZ NOT NULL,
	archive      BYTEA
);

-- +goose Up
CREATE TABLE plan_schedule (
	slug TEXT PRIMARY KEY,
	definition TEXT NOT NULL,
	since TIMESTAMPTZ NOT NULL,
	due_at TIMESTAMPTZ,
	run TEXT NOT NULL,
	chain TEXT NOT NULL,
	problem TEXT NOT NULL
);

CREATE TABLE plan_chain (
	id TEXT PRIMARY KEY,
	slug TEXT NOT NULL,
	title TEXT NOT NULL,
	commit_hash TEXT NOT NULL,
	reason TEXT NOT NULL,
	started_by TEXT NOT NULL,
	role TEXT NOT NULL,
	origin TEXT NOT NULL,
	request_key TEXT NOT NULL,
	steps TEXT NOT NULL,
	step BIGINT NOT NULL,
	run TEXT NOT NULL,
	wait_until TIMESTAMPTZ,
	state TEXT NOT NULL,
	cause TEXT NOT NULL,
	started_at TIMESTAMPTZ NOT NULL,
	ended_at TIMESTAMPTZ
);
CREATE INDEX plan_chain_state ON plan_chain (state, id);
CREATE UNIQUE INDEX plan_chain_key ON plan_chain (request_key);

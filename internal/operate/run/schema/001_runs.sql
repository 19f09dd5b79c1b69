-- +goose Up
CREATE TABLE run_number (
	name TEXT PRIMARY KEY,
	value BIGINT NOT NULL
);
INSERT INTO run_number (name, value) VALUES ('run', 0);
INSERT INTO run_number (name, value) VALUES ('record', 0);

CREATE TABLE run_run (
	id TEXT PRIMARY KEY,
	number BIGINT NOT NULL UNIQUE,
	kind TEXT NOT NULL,
	playbook TEXT NOT NULL,
	title TEXT NOT NULL,
	path TEXT NOT NULL,
	commit_hash TEXT NOT NULL,
	content TEXT NOT NULL,
	host_limit TEXT NOT NULL,
	tags TEXT NOT NULL,
	variables TEXT NOT NULL,
	servers TEXT NOT NULL,
	reason TEXT NOT NULL,
	requested_by TEXT NOT NULL,
	requested_via TEXT NOT NULL,
	requested_at TIMESTAMPTZ NOT NULL,
	parent TEXT NOT NULL,
	accepted TEXT NOT NULL,
	break_glass TEXT NOT NULL,
	approval TEXT NOT NULL,
	expires_at TIMESTAMPTZ,
	state TEXT NOT NULL,
	cause TEXT NOT NULL,
	queued_at TIMESTAMPTZ,
	started_at TIMESTAMPTZ,
	ended_at TIMESTAMPTZ,
	cancel_by TEXT NOT NULL DEFAULT '',
	timeout_s BIGINT NOT NULL,
	forks BIGINT NOT NULL,
	worker TEXT NOT NULL DEFAULT '',
	ansible TEXT NOT NULL DEFAULT '',
	exit_code BIGINT NOT NULL DEFAULT 0,
	seq BIGINT NOT NULL DEFAULT 0,
	prev_hash TEXT NOT NULL DEFAULT '',
	hash TEXT NOT NULL DEFAULT '',
	words TEXT NOT NULL DEFAULT '',
	origin TEXT NOT NULL DEFAULT '',
	told BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE INDEX run_run_told ON run_run (told, seq);
CREATE INDEX run_run_state ON run_run (state, id);
CREATE INDEX run_run_playbook ON run_run (playbook, id);
CREATE INDEX run_run_seq ON run_run (seq);

CREATE TABLE run_key (
	request_key TEXT PRIMARY KEY,
	run TEXT NOT NULL
);

CREATE TABLE run_server (
	run TEXT NOT NULL,
	server TEXT NOT NULL,
	PRIMARY KEY (run, server)
);
CREATE INDEX run_server_server ON run_server (server, run);

CREATE TABLE run_task (
	run TEXT NOT NULL,
	n BIGINT NOT NULL,
	play TEXT NOT NULL,
	name TEXT NOT NULL,
	action TEXT NOT NULL,
	path TEXT NOT NULL,
	started_at TIMESTAMPTZ NOT NULL,
	ended_at TIMESTAMPTZ,
	ok BIGINT NOT NULL,
	changed BIGINT NOT NULL,
	failed BIGINT NOT NULL,
	unreachable BIGINT NOT NULL,
	skipped BIGINT NOT NULL,
	ignored BIGINT NOT NULL,
	PRIMARY KEY (run, n)
);

CREATE TABLE run_host (
	run TEXT NOT NULL,
	host TEXT NOT NULL,
	state TEXT NOT NULL,
	task BIGINT NOT NULL,
	ok BIGINT NOT NULL,
	changed BIGINT NOT NULL,
	failed BIGINT NOT NULL,
	unreachable BIGINT NOT NULL,
	skipped BIGINT NOT NULL,
	ignored BIGINT NOT NULL,
	updated_at TIMESTAMPTZ NOT NULL,
	PRIMARY KEY (run, host)
);
CREATE INDEX run_host_host ON run_host (host, run);

CREATE TABLE run_result (
	run TEXT NOT NULL,
	task BIGINT NOT NULL,
	host TEXT NOT NULL,
	status TEXT NOT NULL,
	changed BOOLEAN NOT NULL,
	ms BIGINT NOT NULL,
	message TEXT NOT NULL,
	diff TEXT NOT NULL,
	at TIMESTAMPTZ NOT NULL,
	PRIMARY KEY (run, task, host)
);
CREATE INDEX run_result_host ON run_result (run, host, task);

CREATE TABLE run_log (
	run TEXT NOT NULL,
	seq BIGINT NOT NULL,
	text TEXT NOT NULL,
	PRIMARY KEY (run, seq)
);

CREATE TABLE run_lock (
	subject TEXT PRIMARY KEY,
	run TEXT NOT NULL
);
CREATE INDEX run_lock_run ON run_lock (run);

CREATE TABLE run_review (
	commit_hash TEXT PRIMARY KEY,
	content TEXT NOT NULL,
	method TEXT NOT NULL,
	who TEXT NOT NULL,
	note TEXT NOT NULL,
	at TIMESTAMPTZ NOT NULL
);
CREATE INDEX run_review_at ON run_review (at);

CREATE TABLE run_host_key (
	server TEXT PRIMARY KEY,
	host_keys TEXT NOT NULL,
	accepted_by TEXT NOT NULL,
	at TIMESTAMPTZ NOT NULL
);

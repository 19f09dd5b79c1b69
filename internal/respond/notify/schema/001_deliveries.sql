-- +goose Up
CREATE TABLE notify_delivery (
	id TEXT PRIMARY KEY,
	event TEXT NOT NULL,
	group_key TEXT NOT NULL,
	issue TEXT NOT NULL,
	channel TEXT NOT NULL,
	person TEXT NOT NULL,
	address TEXT NOT NULL,
	kind TEXT NOT NULL,
	subject TEXT NOT NULL,
	message TEXT NOT NULL,
	alerts TEXT NOT NULL,
	message_id TEXT NOT NULL,
	state TEXT NOT NULL,
	attempts INTEGER NOT NULL DEFAULT 0,
	last_error TEXT NOT NULL DEFAULT '',
	created_at TIMESTAMPTZ NOT NULL,
	retry_by TIMESTAMPTZ NOT NULL,
	sent_at TIMESTAMPTZ
);
-- Whatever goes wrong, one event reaches one address of a channel once.
CREATE UNIQUE INDEX notify_delivery_once ON notify_delivery (event, channel, address);
CREATE INDEX notify_delivery_state ON notify_delivery (state, retry_by);
CREATE INDEX notify_delivery_issue ON notify_delivery (issue, id);

CREATE TABLE notify_channel (
	channel TEXT PRIMARY KEY,
	failing_since TIMESTAMPTZ,
	failures INTEGER NOT NULL,
	last_error TEXT NOT NULL,
	last_error_at TIMESTAMPTZ,
	last_sent_at TIMESTAMPTZ,
	reported BOOLEAN NOT NULL
);

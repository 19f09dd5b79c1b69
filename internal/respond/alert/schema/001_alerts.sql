-- +goose Up
CREATE TABLE alert_alert (
	id TEXT PRIMARY KEY,
	fingerprint TEXT NOT NULL,
	detector TEXT NOT NULL,
	name TEXT NOT NULL,
	severity TEXT NOT NULL,
	subject TEXT NOT NULL,
	server TEXT NOT NULL,
	app_instance TEXT NOT NULL,
	client TEXT NOT NULL,
	labels TEXT NOT NULL,
	annotations TEXT NOT NULL,
	words TEXT NOT NULL,
	votes TEXT NOT NULL,
	state TEXT NOT NULL,
	started_at TIMESTAMPTZ NOT NULL,
	changed_at TIMESTAMPTZ NOT NULL,
	resolved_at TIMESTAMPTZ,
	last_reported_at TIMESTAMPTZ NOT NULL,
	acknowledged_by TEXT NOT NULL DEFAULT '',
	acknowledged_at TIMESTAMPTZ,
	acknowledged_reason TEXT NOT NULL DEFAULT '',
	acknowledged_until TIMESTAMPTZ,
	to_review BOOLEAN NOT NULL DEFAULT FALSE,
	reviewed_by TEXT NOT NULL DEFAULT '',
	reviewed_at TIMESTAMPTZ,
	reviewed_word TEXT NOT NULL DEFAULT '',
	silenced_by TEXT NOT NULL DEFAULT '[]',
	inhibited_by TEXT NOT NULL DEFAULT '[]',
	group_key TEXT NOT NULL,
	flaps INTEGER NOT NULL DEFAULT 0,
	issue TEXT NOT NULL DEFAULT '',
	told TEXT NOT NULL DEFAULT '',
	told_severity TEXT NOT NULL DEFAULT '',
	told_at TIMESTAMPTZ
);
-- One open alert for each thing that is observed, whatever the program believes.
CREATE UNIQUE INDEX alert_alert_open ON alert_alert (fingerprint) WHERE state = 'firing';
CREATE INDEX alert_alert_fingerprint ON alert_alert (fingerprint, resolved_at);
CREATE INDEX alert_alert_state ON alert_alert (state, id);
CREATE INDEX alert_alert_group ON alert_alert (group_key, state, told);
CREATE INDEX alert_alert_review ON alert_alert (to_review, id);
CREATE INDEX alert_alert_issue ON alert_alert (issue);

CREATE TABLE alert_group (
	key TEXT PRIMARY KEY,
	labels TEXT NOT NULL,
	next_flush_at TIMESTAMPTZ,
	last_flushed_at TIMESTAMPTZ,
	last_notified_at TIMESTAMPTZ
);
CREATE INDEX alert_group_due ON alert_group (next_flush_at);

CREATE TABLE alert_silence (
	id TEXT PRIMARY KEY,
	matchers TEXT NOT NULL,
	reason TEXT NOT NULL,
	created_by TEXT NOT NULL,
	starts_at TIMESTAMPTZ NOT NULL,
	ends_at TIMESTAMPTZ NOT NULL,
	created_at TIMESTAMPTZ NOT NULL,
	updated_at TIMESTAMPTZ NOT NULL,
	expired_by TEXT NOT NULL DEFAULT ''
);
CREATE INDEX alert_silence_ends ON alert_silence (ends_at);

CREATE TABLE alert_change (
	id TEXT PRIMARY KEY,
	alert TEXT NOT NULL,
	at TIMESTAMPTZ NOT NULL,
	kind TEXT NOT NULL,
	actor TEXT NOT NULL,
	text TEXT NOT NULL
);
CREATE INDEX alert_change_alert ON alert_change (alert, id);

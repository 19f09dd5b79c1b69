-- +goose Up
CREATE TABLE logbook_number (
	name TEXT PRIMARY KEY,
	value BIGINT NOT NULL
);
INSERT INTO logbook_number (name, value) VALUES ('issue', 0);

CREATE TABLE logbook_issue (
	id TEXT PRIMARY KEY,
	number BIGINT NOT NULL UNIQUE,
	title TEXT NOT NULL,
	severity TEXT NOT NULL,
	state TEXT NOT NULL,
	opened_at TIMESTAMPTZ NOT NULL,
	opened_by TEXT NOT NULL,
	resolved_at TIMESTAMPTZ,
	closed_at TIMESTAMPTZ,
	closed_by TEXT NOT NULL DEFAULT '',
	taken_by TEXT NOT NULL DEFAULT '',
	taken_at TIMESTAMPTZ,
	group_key TEXT NOT NULL,
	suggestion TEXT NOT NULL,
	updated_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX logbook_issue_group ON logbook_issue (group_key, id);
CREATE INDEX logbook_issue_state ON logbook_issue (state, id);

CREATE TABLE logbook_about (
	issue TEXT NOT NULL,
	kind TEXT NOT NULL,
	slug TEXT NOT NULL,
	PRIMARY KEY (issue, kind, slug)
);
CREATE INDEX logbook_about_subject ON logbook_about (kind, slug);

CREATE TABLE logbook_alert (
	issue TEXT NOT NULL,
	alert TEXT NOT NULL,
	firing BOOLEAN NOT NULL,
	PRIMARY KEY (issue, alert)
);
CREATE INDEX logbook_alert_alert ON logbook_alert (alert);

CREATE TABLE logbook_answer (
	issue TEXT NOT NULL,
	question TEXT NOT NULL,
	text TEXT NOT NULL,
	author TEXT NOT NULL,
	at TIMESTAMPTZ NOT NULL,
	PRIMARY KEY (issue, question)
);

CREATE TABLE logbook_entry (
	id TEXT PRIMARY KEY,
	issue TEXT NOT NULL,
	at TIMESTAMPTZ NOT NULL,
	kind TEXT NOT NULL,
	actor TEXT NOT NULL,
	text TEXT NOT NULL,
	ref TEXT NOT NULL,
	link TEXT NOT NULL
);
CREATE INDEX logbook_entry_issue ON logbook_entry (issue, id);
CREATE INDEX logbook_entry_ref ON logbook_entry (ref);

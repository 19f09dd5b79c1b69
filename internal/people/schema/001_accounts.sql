-- +goose Up

-- Passwords, as argon2id in PHC form.
CREATE TABLE people_password (
	person TEXT        NOT NULL PRIMARY KEY,
	phc    TEXT        NOT NULL,
	set_at TIMESTAMPTZ NOT NULL
);

-- Administrators made by the set-up link while the operations repository
-- names none.
CREATE TABLE people_local (
	slug       TEXT        NOT NULL PRIMARY KEY,
	name       TEXT        NOT NULL,
	email      TEXT        NOT NULL,
	created_at TIMESTAMPTZ NOT NULL
);

-- Who is signed in. Only the hash of what the browser holds is kept.
CREATE TABLE people_session (
	id         TEXT        NOT NULL PRIMARY KEY,
	hash       TEXT        NOT NULL UNIQUE,
	person     TEXT        NOT NULL,
	how        TEXT        NOT NULL,
	created_at TIMESTAMPTZ NOT NULL,
	seen_at    TIMESTAMPTZ NOT NULL,
	expires_at TIMESTAMPTZ NOT NULL,
	remote     TEXT        NOT NULL,
	browser    TEXT        NOT NULL
);
CREATE INDEX people_session_person ON people_session (person);

-- Links that work once. Only the hash of what stands in them is kept.
CREATE TABLE people_link (
	hash       TEXT        NOT NULL PRIMARY KEY,
	kind       TEXT        NOT NULL,
	person     TEXT        NOT NULL,
	created_at TIMESTAMPTZ NOT NULL,
	expires_at TIMESTAMPTZ NOT NULL
);

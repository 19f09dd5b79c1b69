-- +goose Up

-- Tokens that let a server enrol once. Only the hash of the secret is kept.
CREATE TABLE enrol_token (
	hash       TEXT        NOT NULL PRIMARY KEY,
	server     TEXT        NOT NULL,
	created_at TIMESTAMPTZ NOT NULL,
	created_by TEXT        NOT NULL,
	expires_at TIMESTAMPTZ NOT NULL,
	used_at    TIMESTAMPTZ,
	serial     TEXT        NOT NULL
);

-- Every certificate that the hub's CA gave to an agent.
CREATE TABLE enrol_certificate (
	serial     TEXT        NOT NULL PRIMARY KEY,
	server     TEXT        NOT NULL,
	issued_at  TIMESTAMPTZ NOT NULL,
	not_after  TIMESTAMPTZ NOT NULL,
	how        TEXT        NOT NULL,
	revoked_at TIMESTAMPTZ,
	revoked_by TEXT        NOT NULL,
	reason     TEXT        NOT NULL
);
CREATE INDEX enrol_certificate_server ON enrol_certificate (server, issued_at);
CREATE INDEX enrol_certificate_revoked ON enrol_certificate (revoked_at);

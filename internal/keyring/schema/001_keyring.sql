-- +goose Up

-- The master key itself is never stored: what is here turns it into the key
-- that seals, and tells a wrong one apart.
CREATE TABLE keyring_master (
	one         INTEGER     NOT NULL PRIMARY KEY,
	id          TEXT        NOT NULL,
	kdf         TEXT        NOT NULL,
	salt        TEXT        NOT NULL,
	sample      TEXT        NOT NULL,
	created_at  TIMESTAMPTZ NOT NULL
);

-- Keys the hub made, sealed under the master key of that id.
CREATE TABLE keyring_key (
	name       TEXT        NOT NULL,
	version    INTEGER     NOT NULL,
	sealed     TEXT        NOT NULL,
	master_id  TEXT        NOT NULL,
	created_at TIMESTAMPTZ NOT NULL,
	PRIMARY KEY (name, version)
);

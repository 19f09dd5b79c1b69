-- +goose Up

-- Documents that programs which search logs keep for themselves, such as what
-- ElastAlert remembers. They are few, and change.
CREATE TABLE log_document (
	index_name TEXT        NOT NULL,
	id         TEXT        NOT NULL,
	seq        BIGINT      NOT NULL,
	version    BIGINT      NOT NULL,
	at         TIMESTAMPTZ NOT NULL,
	body       TEXT        NOT NULL,
	PRIMARY KEY (index_name, id)
);
CREATE UNIQUE INDEX log_document_seq ON log_document (seq);

-- Searches that people gave a name, for everybody.
CREATE TABLE log_search (
	id      TEXT        NOT NULL PRIMARY KEY,
	name    TEXT        NOT NULL UNIQUE,
	address TEXT        NOT NULL,
	by_whom TEXT        NOT NULL,
	at      TIMESTAMPTZ NOT NULL
);

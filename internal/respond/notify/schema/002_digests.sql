-- +goose Up
-- The delivery in whose message this one is told, itself where it carries the
-- others; empty for a message of its own.
ALTER TABLE notify_delivery ADD COLUMN digest TEXT NOT NULL DEFAULT '';
ALTER TABLE notify_delivery ADD COLUMN folded_at TIMESTAMPTZ;
-- The rank of the worst severity it tells: what is urgent goes first.
ALTER TABLE notify_delivery ADD COLUMN urgency INTEGER NOT NULL DEFAULT 0;
CREATE INDEX notify_delivery_address ON notify_delivery (channel, address, created_at);
CREATE INDEX notify_delivery_folded ON notify_delivery (channel, address, folded_at);
CREATE INDEX notify_delivery_digest ON notify_delivery (digest, id);

-- +goose Up
-- Whether its last error blames the channel itself, such as its password.
ALTER TABLE notify_channel ADD COLUMN broken BOOLEAN NOT NULL DEFAULT FALSE;

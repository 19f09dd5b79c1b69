-- +goose Up
ALTER TABLE run_run ADD COLUMN cancel_reason TEXT NOT NULL DEFAULT '';

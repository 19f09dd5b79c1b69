-- +goose Up
-- Whether an alert could ever be seen: what a silence or another alert hid for
-- its whole life needs no person's word.
ALTER TABLE alert_alert ADD COLUMN shown BOOLEAN NOT NULL DEFAULT TRUE;
-- The history of one server, and of one instance, newest first.
CREATE INDEX alert_alert_server ON alert_alert (server, id);
CREATE INDEX alert_alert_instance ON alert_alert (app_instance, id);

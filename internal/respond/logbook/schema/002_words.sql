-- +goose Up
-- What free text is looked for in: lower case of every alphabet, which not
-- every database can make. The program writes it; here is what SQL can do.
ALTER TABLE logbook_issue ADD COLUMN words TEXT NOT NULL DEFAULT '';
ALTER TABLE logbook_answer ADD COLUMN words TEXT NOT NULL DEFAULT '';
UPDATE logbook_issue SET words = LOWER(title);
UPDATE logbook_answer SET words = LOWER(text);

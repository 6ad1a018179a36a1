-- The mark that tells a store of ours from any other SQLite file: "strp", see
-- ours.go. Stores with schema 1 to 4 were made without it.
PRAGMA application_id = 0x73747270;

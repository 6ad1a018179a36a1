-- The run that later ones of a plan are compared with, and who said so.
CREATE TABLE load_baseline (
	plan  TEXT    PRIMARY KEY,
	run   TEXT    NOT NULL REFERENCES load_run (id),
	actor TEXT    NOT NULL,
	at    INTEGER NOT NULL -- Unix microseconds
) STRICT, WITHOUT ROWID;

-- What a search for the knee of a plan's target has found; run is the look that confirmed
-- it, and summary the whole of it.
CREATE TABLE load_knee (
	run     TEXT PRIMARY KEY REFERENCES load_run (id),
	plan    TEXT NOT NULL,
	at      INTEGER NOT NULL, -- Unix microseconds
	summary TEXT NOT NULL CHECK (json_valid(summary))
) STRICT;
CREATE INDEX load_knee_by_plan ON load_knee (plan, at);

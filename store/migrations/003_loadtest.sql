-- Load runs. The summary is the result in JSON without its rows; times are
-- microseconds since the epoch.
CREATE TABLE load_run (
	id      TEXT    PRIMARY KEY,
	started INTEGER NOT NULL,
	summary TEXT    NOT NULL CHECK (json_valid(summary))
) STRICT;
CREATE INDEX load_run_by_start ON load_run (started);

-- One second of one stage. The histograms are HDR V2 payloads: rows add up
-- exactly, within a run and over several.
CREATE TABLE load_row (
	run      TEXT    NOT NULL REFERENCES load_run (id),
	second   INTEGER NOT NULL,
	stage    INTEGER NOT NULL,
	warmup   INTEGER NOT NULL,
	requests INTEGER NOT NULL,
	errors   INTEGER NOT NULL,
	response BLOB    NOT NULL,
	service  BLOB    NOT NULL,
	lag      BLOB    NOT NULL,
	PRIMARY KEY (run, second, stage, warmup)
) STRICT, WITHOUT ROWID;

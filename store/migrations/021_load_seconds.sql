-- What the generator did in a second of a load run. Errors is JSON, of its classes, or
-- empty. Beside it stand its rows.
CREATE TABLE load_second (
	run         TEXT    NOT NULL REFERENCES load_run (id),
	second      INTEGER NOT NULL,
	requested   REAL    NOT NULL,
	sent        INTEGER NOT NULL,
	in_flight   INTEGER NOT NULL,
	connections INTEGER NOT NULL,
	errors      TEXT    NOT NULL CHECK (errors = '' OR json_valid(errors)),
	PRIMARY KEY (run, second)
) STRICT, WITHOUT ROWID;

-- Rows again, with rowids: without them what is longer than a quarter of a page takes a
-- page of its own. No service histogram says that it is the response histogram.
CREATE TABLE load_row_again (
	run      TEXT    NOT NULL REFERENCES load_run (id),
	second   INTEGER NOT NULL,
	stage    INTEGER NOT NULL,
	warmup   INTEGER NOT NULL,
	requests INTEGER NOT NULL,
	errors   INTEGER NOT NULL,
	response BLOB    NOT NULL,
	service  BLOB,
	lag      BLOB    NOT NULL,
	UNIQUE (run, second, stage, warmup)
) STRICT;
INSERT INTO load_row_again SELECT run, second, stage, warmup, requests, errors, response, nullif(service, response), lag FROM load_row;
DROP TABLE load_row;
ALTER TABLE load_row_again RENAME TO load_row;

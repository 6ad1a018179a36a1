-- Events of service level objectives: what was good and bad between start and
-- start+width, in Unix seconds. The key says what is measured, not how good it has
-- to be.
CREATE TABLE slo (
	number INTEGER PRIMARY KEY,
	key    TEXT    NOT NULL UNIQUE
) STRICT;
CREATE TABLE slo_slot (
	slo   INTEGER NOT NULL REFERENCES slo (number),
	start INTEGER NOT NULL,
	width INTEGER NOT NULL,
	bad   REAL    NOT NULL,
	total REAL    NOT NULL,
	PRIMARY KEY (slo, start)
) STRICT, WITHOUT ROWID;

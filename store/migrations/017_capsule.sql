-- Samples that sitrep scraped itself during an incident, as bytes that package
-- query/embedded reads: a row a stretch of time, one after the other. seq is the
-- evidence.recorded event that tells of them.
CREATE TABLE capsule (
	number  INTEGER PRIMARY KEY,
	seq     INTEGER NOT NULL REFERENCES event (seq),
	since   INTEGER NOT NULL,
	until   INTEGER NOT NULL,
	series  INTEGER NOT NULL,
	samples INTEGER NOT NULL,
	chunks  BLOB    NOT NULL
) STRICT;
CREATE INDEX capsule_by_seq ON capsule (seq);

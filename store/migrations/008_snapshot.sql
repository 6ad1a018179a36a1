-- What the boards showed at a moment of an incident: the series as bytes that
-- package query reads. seq is the evidence.captured event that tells of it, event the
-- ID of the one at which it was taken.
CREATE TABLE snapshot (
	number  INTEGER PRIMARY KEY,
	seq     INTEGER NOT NULL REFERENCES event (seq),
	event   TEXT    NOT NULL,
	board   TEXT    NOT NULL,
	since   INTEGER NOT NULL,
	until   INTEGER NOT NULL,
	thinned INTEGER NOT NULL CHECK (thinned IN (0, 1)),
	series  BLOB    NOT NULL
) STRICT;
CREATE INDEX snapshot_by_seq ON snapshot (seq);
CREATE INDEX snapshot_by_event ON snapshot (event);

-- Whether the policy has taken the spark lines away.
ALTER TABLE evidence ADD COLUMN thinned INTEGER NOT NULL DEFAULT 0 CHECK (thinned IN (0, 1));

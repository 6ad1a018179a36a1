-- The timeline: appended to, never updated, never deleted from.
-- Times are microseconds since the epoch.
CREATE TABLE event (
	seq      INTEGER PRIMARY KEY,
	id       TEXT    NOT NULL UNIQUE,
	incident TEXT    NOT NULL,
	at       INTEGER NOT NULL,
	recorded INTEGER NOT NULL,
	kind     TEXT    NOT NULL,
	actor    TEXT    NOT NULL,
	source   TEXT    NOT NULL,
	text     TEXT    NOT NULL,
	data     TEXT    CHECK (data IS NULL OR json_valid(data)),
	once     TEXT    UNIQUE
) STRICT;
CREATE INDEX event_by_incident ON event (incident, seq);
CREATE INDEX event_by_kind ON event (kind, seq);

-- The signals' values at the moment of an event; may be compacted one day.
CREATE TABLE evidence (
	seq  INTEGER PRIMARY KEY REFERENCES event (seq),
	body TEXT NOT NULL CHECK (json_valid(body))
) STRICT;

-- A cache of the fold, which `sitrep store check` can rebuild from the events.
CREATE TABLE incident (
	number INTEGER PRIMARY KEY,
	id     TEXT    NOT NULL UNIQUE,
	over   INTEGER NOT NULL,
	state  TEXT    NOT NULL CHECK (json_valid(state))
) STRICT;

CREATE TABLE counter (
	name TEXT    PRIMARY KEY,
	n    INTEGER NOT NULL
) STRICT;

-- Facts about this file: `install`, eight characters that tell two stores apart.
CREATE TABLE meta (
	name  TEXT PRIMARY KEY,
	value TEXT NOT NULL
) STRICT;

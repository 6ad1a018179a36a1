-- Post-mortems: one an incident, every version of it kept.
CREATE TABLE postmortem (
	number   INTEGER PRIMARY KEY,
	id       TEXT    NOT NULL UNIQUE,
	incident TEXT    NOT NULL UNIQUE
) STRICT;

-- The newest version is the one that is shown. The primary key is what lets
-- only one of two writers follow a version.
CREATE TABLE postmortem_revision (
	postmortem TEXT    NOT NULL REFERENCES postmortem (id),
	version    INTEGER NOT NULL,
	at         INTEGER NOT NULL,
	author     TEXT    NOT NULL,
	body       TEXT    NOT NULL CHECK (json_valid(body)),
	PRIMARY KEY (postmortem, version)
) STRICT;

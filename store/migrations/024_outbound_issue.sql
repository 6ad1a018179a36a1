-- Action items that stand as issues elsewhere. A row is written before the issue is
-- asked for: one without a number says that it may have been made, and is looked for.
-- States are what was seen last, to tell which side has changed.
CREATE TABLE outbound_issue (
	postmortem TEXT    NOT NULL REFERENCES postmortem (id),
	item       TEXT    NOT NULL,
	forge      TEXT    NOT NULL,
	place      TEXT    NOT NULL,
	at         INTEGER NOT NULL,
	number     INTEGER NOT NULL DEFAULT 0,
	url        TEXT    NOT NULL DEFAULT '',
	closed     INTEGER NOT NULL DEFAULT 0 CHECK (closed IN (0, 1)),
	UNIQUE (postmortem, item, forge, place)
) STRICT;

-- What is to be told to whom: queued in the transaction that decided on it,
-- and updated as attempts end. seq orders the messages of a stream.
CREATE TABLE message (
	seq             INTEGER PRIMARY KEY,
	id              TEXT    NOT NULL UNIQUE,
	incident        TEXT    NOT NULL,
	stream          TEXT    NOT NULL,
	sink            TEXT    NOT NULL,
	operation       TEXT    NOT NULL,
	level           TEXT    NOT NULL,
	round           INTEGER NOT NULL,
	dedup_key       TEXT    NOT NULL,
	payload         TEXT    NOT NULL CHECK (json_valid(payload)),
	state           TEXT    NOT NULL,
	open            INTEGER NOT NULL, -- still to be sent: it holds up its stream
	attempts        INTEGER NOT NULL,
	queued_at       INTEGER NOT NULL,
	not_before      INTEGER NOT NULL,
	first_try_at    INTEGER NOT NULL,
	last_try_at     INTEGER NOT NULL,
	accepted_at     INTEGER NOT NULL,
	acknowledged_at INTEGER NOT NULL,
	ref             TEXT    NOT NULL,
	error           TEXT    NOT NULL,
	murky           INTEGER NOT NULL,
	epoch           INTEGER NOT NULL
) STRICT;
CREATE INDEX message_by_incident ON message (incident, seq);
CREATE INDEX message_open ON message (stream, seq) WHERE open;
-- No page is opened twice, whatever any process believes.
CREATE UNIQUE INDEX message_trigger ON message (dedup_key) WHERE operation = 'trigger';

-- How far the ladder has dealt with the events of an incident.
CREATE TABLE watch (
	incident TEXT    PRIMARY KEY,
	told     INTEGER NOT NULL, -- seq of the last event that was dealt with
	quiet    INTEGER NOT NULL  -- nothing more to do until another event
) STRICT;

-- Who decides and sends. The epoch grows with every taking.
CREATE TABLE lease (
	id      INTEGER PRIMARY KEY CHECK (id = 1),
	owner   TEXT    NOT NULL,
	epoch   INTEGER NOT NULL,
	expires INTEGER NOT NULL
) STRICT;

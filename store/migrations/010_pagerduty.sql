-- What was learnt from outside and is wanted when outside does not answer, such as
-- who is on call: only the newest answer to each question. Telephone numbers stand
-- here, so nothing of it is exported.
CREATE TABLE answer (
	name TEXT    PRIMARY KEY,
	at   INTEGER NOT NULL,
	body TEXT    NOT NULL CHECK (json_valid(body))
) STRICT;

-- How far the log of an incident elsewhere has been read for one of ours, a page of
-- which opened it. What was read stands on the timeline, once: this only spares
-- asking again, and says which are ours.
CREATE TABLE heard (
	id       TEXT    NOT NULL,
	incident TEXT    NOT NULL,
	at       INTEGER NOT NULL,
	PRIMARY KEY (id, incident)
) STRICT;

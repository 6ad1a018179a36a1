-- When the ladder must look at an incident again (0: not before something happens),
-- so that a look costs what is due and not what is open. 1 is long ago: every
-- incident of before is looked at once.
ALTER TABLE watch ADD COLUMN next INTEGER NOT NULL DEFAULT 1;
ALTER TABLE watch DROP COLUMN quiet;
CREATE INDEX watch_next ON watch (next) WHERE next > 0;

-- Seq of the last event that the cached state holds.
ALTER TABLE incident ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;

-- How the sinks have been doing: how fast they may be asked, and until when they
-- are to be left alone.
CREATE TABLE sink (
	name     TEXT    PRIMARY KEY, -- 'pagerduty:primary'
	tokens   REAL    NOT NULL,    -- at refilled
	refilled INTEGER NOT NULL,
	until    INTEGER NOT NULL,
	failures INTEGER NOT NULL,
	broken   INTEGER NOT NULL,
	why      TEXT    NOT NULL
) STRICT;

-- What a process that died was sending.
CREATE INDEX message_sending ON message (epoch, incident) WHERE state = 'sending';

-- What can be searched for: an event's text, and those words in its data that
-- its text does not repeat (a title, a resolution, what was done: it does).
-- Labels and annotations stand as they are written, names and all: FTS5 reads the
-- view by itself, and lets no function that makes rows take part in it.
CREATE VIEW searchable (seq, text, more) AS
SELECT seq, text, CASE WHEN data IS NULL THEN '' ELSE
	ltrim(coalesce(' ' || (data ->> '$.service'), '')
	|| coalesce(' ' || (data ->> '$.owner'), '')
	|| coalesce(' ' || (data ->> '$.reason'), '')
	|| coalesce(' ' || (data ->> '$.link'), '')
	|| replace(coalesce(' ' || (data ->> '$.labels'), '') || coalesce(' ' || (data ->> '$.annotations'), ''), '\n', ' '))
END FROM event;

-- The index, without a copy of the words, of all events up to the one that
-- searched names. The store takes events in a thousand at a time, and the rest
-- before it searches. There is no trigger for it: inside a statement with one FTS5
-- writes its pending words out each time, which halves the rate of events that are
-- recorded together. Nothing is ranked, so no sizes are kept.
CREATE VIRTUAL TABLE search USING fts5 (
	text, more,
	content = 'searchable', content_rowid = 'seq', columnsize = 0,
	tokenize = 'unicode61 remove_diacritics 2'
);
INSERT INTO search (search) VALUES ('rebuild');

CREATE TABLE searched (
	only INTEGER PRIMARY KEY CHECK (only = 1),
	seq  INTEGER NOT NULL
) STRICT;
INSERT INTO searched SELECT 1, coalesce(max(seq), 0) FROM event;

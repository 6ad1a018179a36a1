package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/sitrep-dev/sitrep/incident"
)

// ErrNoWords says that there is nothing to look for in what a person gave.
var ErrNoWords = errors.New("there is no word to look for")

// Hit is an event that was found, and the part of it that matches.
type Hit struct {
	incident.Event
	Match []Piece `json:"match"`
}

// Piece is a part of a match; those with Hit are what was looked for.
type Piece struct {
	Text string `json:"text"`
	Hit  bool   `json:"hit,omitempty"`
}

// Around a hit, in what SQLite returns. They are no characters, so no text of
// anybody's has a reason to hold them; one that does moves a mark, no more.
const hitBegins, hitEnds = "\ufdd0", "\ufdd1"

// Search is up to limit events that hold everything that is looked for, of all
// incidents and outside them, those recorded last first. Case and accents do
// not matter. Each of looked is what a person typed: words, each of which must
// be there; word* is the beginning of one, "two words" are looked for as they
// stand, and so are two words in one argument without quotes. No sign in it
// means anything else. ErrNoWords if there is no letter or digit in it.
func (db *DB) Search(ctx context.Context, looked []string, limit int) (hits []Hit, err error) {
	match := matching(looked)
	if match == "" {
		return nil, fmt.Errorf("%q: %w", strings.Join(looked, " "), ErrNoWords)
	}
	if err := db.searchable(ctx); err != nil {
		return nil, err
	}
	// Newest first is the order of the index itself: only what is shown is read.
	rows, err := db.readers.QueryContext(ctx, `SELECT `+columns+`, found.part FROM (
			SELECT rowid, snippet(search, -1, ?, ?, '…', 24) AS part FROM search WHERE search MATCH ? ORDER BY rowid DESC LIMIT ?
		) AS found JOIN event e ON e.seq = found.rowid LEFT JOIN evidence v ON v.seq = e.seq ORDER BY e.seq DESC`,
		hitBegins, hitEnds, match, limit)
	if err != nil {
		return nil, explain(db.path, err)
	}
	return collect(rows, func(rows *sql.Rows) (h Hit, err error) {
		var part string
		h.Event, err = scanEventAnd(rows, &part)
		h.Match = pieces(part)
		return h, err
	})
}

// indexEvery is after how many events the index takes them in. One by one they
// cost a quarter to a third of the rate: each transaction writes a piece of index
// that later ones have to merge (BenchmarkAppend has a loop that does so).
const indexEvery = 1024

// indexRest takes into the index what any process has recorded since it was
// last done, an older sitrep that knows of no index included.
func (db *DB) indexRest(tx *sql.Tx) error {
	_, err := tx.Exec(`INSERT INTO search (rowid, text, more) SELECT seq, text, more FROM searchable WHERE seq > (SELECT seq FROM searched) ORDER BY seq;
		UPDATE searched SET seq = (SELECT coalesce(max(seq), 0) FROM event)`)
	if err != nil {
		return explain(db.path, fmt.Errorf("index: %w", err))
	}
	return nil
}

// tooCommon is in how many events a word may be that still tells incidents apart.
const tooCommon = 2000

// Spoken is the incidents in whose titles, notes, actions, updates and resolutions
// each of words is used. A word that very many events hold says nothing, and has
// none.
func (db *DB) Spoken(ctx context.Context, words []string) (map[string][]incident.ID, error) {
	if err := db.searchable(ctx); err != nil {
		return nil, err
	}
	in := map[string][]incident.ID{}
	for _, w := range words {
		ids, err := db.spoken(ctx, w)
		if err != nil {
			return nil, err
		}
		in[w] = ids
	}
	return in, nil
}

func (db *DB) spoken(ctx context.Context, word string) ([]incident.ID, error) {
	match := matching([]string{strings.ReplaceAll(word, `"`, " ")})
	if match == "" {
		return nil, nil
	}
	rows, err := db.readers.QueryContext(ctx, `SELECT e.incident, e.kind FROM (SELECT rowid FROM search WHERE search MATCH ? ORDER BY rowid DESC LIMIT ?) AS found
		JOIN event e ON e.seq = found.rowid`, "text : "+match, tooCommon+1)
	if err != nil {
		return nil, explain(db.path, err)
	}
	count := 0
	list, err := collect(rows, func(rows *sql.Rows) (id incident.ID, err error) {
		count++
		var kind incident.Kind
		if err = rows.Scan(&id, &kind); !kind.Spoken() {
			id = ""
		}
		return id, err
	})
	if err != nil || count > tooCommon {
		return nil, err
	}
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(id incident.ID) bool { return id == "" }), nil
}

// searchable has the index hold every event; on a full disk the newest may be
// missing, all others are found.
func (db *DB) searchable(ctx context.Context) error {
	if err := db.catchUp(ctx); err != nil && !isNoRoom(err) {
		return err
	}
	return nil
}

// catchUp takes in the events that are too few yet for an append to have done it.
func (db *DB) catchUp(ctx context.Context) error {
	var behind bool
	err := db.readers.QueryRowContext(ctx, `SELECT (SELECT max(seq) FROM event) > (SELECT seq FROM searched)`).Scan(&behind)
	if err != nil || !behind {
		return explain(db.path, err)
	}
	return db.write(ctx, db.indexRest)
}

// pieces takes a match apart at its marks.
func pieces(part string) []Piece {
	var all []Piece
	add := func(text string, hit bool) {
		if text != "" {
			all = append(all, Piece{text, hit})
		}
	}
	for part != "" {
		before, rest, _ := strings.Cut(part, hitBegins)
		hit, after, _ := strings.Cut(rest, hitEnds)
		add(before, false)
		add(hit, true)
		part = after
	}
	return all
}

// matching is what FTS5 is asked for: everything that a person typed in quotes,
// where no sign has a meaning. It is empty if there is no word.
func matching(looked []string) string {
	var terms []string
	for _, text := range looked {
		text = strings.ReplaceAll(strings.ToValidUTF8(text, " "), "\x00", " ")
		if !strings.Contains(text, `"`) && strings.ContainsFunc(strings.TrimSpace(text), unicode.IsSpace) {
			text = `"` + text + `"` // the shell took the quotes
		}
		for text != "" {
			var term string
			term, text = nextTerm(text)
			if word, prefix := strings.CutSuffix(term, "*"); strings.ContainsFunc(word, inWord) {
				term = `"` + word + `"`
				if prefix {
					term += " *"
				}
				terms = append(terms, term)
			}
		}
	}
	return strings.Join(terms, " ")
}

// nextTerm cuts the first word or quoted text off, without its quotes, and with
// the star that follows it.
func nextTerm(text string) (term, rest string) {
	text = strings.TrimLeftFunc(text, unicode.IsSpace)
	if quoted, ok := strings.CutPrefix(text, `"`); ok {
		term, rest, _ = strings.Cut(quoted, `"`)
		term = strings.TrimRight(term, "*")
		if after, star := strings.CutPrefix(rest, "*"); star {
			return term + "*", after
		}
		return term, rest
	}
	end := strings.IndexFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == '"' })
	if end < 0 {
		return text, ""
	}
	return text[:end], text[end:]
}

// inWord is what the index makes words of; everything else parts them.
func inWord(r rune) bool { return unicode.In(r, unicode.L, unicode.N, unicode.Co) }

package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
)

// Postmortems are the post-mortems of a store. It is a postmortem.Shelf, and
// safe for concurrent use, by several processes too.
type Postmortems struct{ db *DB }

// Postmortems is the store's shelf of post-mortems.
func (db *DB) Postmortems() *Postmortems { return &Postmortems{db} }

const newestPostmortem = `SELECT r.body FROM postmortem p
	JOIN postmortem_revision r ON r.postmortem = p.id AND r.version = (SELECT max(version) FROM postmortem_revision WHERE postmortem = p.id)`

// Load is postmortem.Shelf's.
func (p *Postmortems) Load(ctx context.Context, id incident.ID) (postmortem.Stored, error) {
	return p.newest(ctx, p.db.readers, id)
}

// List is postmortem.Shelf's.
func (p *Postmortems) List(ctx context.Context) ([]postmortem.Stored, error) {
	return p.read(ctx, newestPostmortem+` ORDER BY CAST(substr(p.incident, 5) AS INTEGER) DESC`)
}

// Revisions is every version of an incident's post-mortem, the newest first.
func (p *Postmortems) Revisions(ctx context.Context, id incident.ID) ([]postmortem.Stored, error) {
	return p.read(ctx, `SELECT r.body FROM postmortem p JOIN postmortem_revision r ON r.postmortem = p.id
		WHERE p.incident = ? ORDER BY r.version DESC`, string(id))
}

// Version is one version of an incident's post-mortem.
func (p *Postmortems) Version(ctx context.Context, id incident.ID, version int) (postmortem.Stored, error) {
	found, err := p.read(ctx, `SELECT r.body FROM postmortem p JOIN postmortem_revision r ON r.postmortem = p.id
		WHERE p.incident = ? AND r.version = ?`, string(id), version)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("the post-mortem of %s has no version %d (sitrep postmortem log %s lists them)", id, version, id)
	}
	if err != nil {
		return postmortem.Stored{}, err
	}
	return found[0], nil
}

// EditRoom is the folder beside the store for texts that are being edited: they
// outlive whoever edits them, and belong to this store and no other.
func (p *Postmortems) EditRoom() (string, error) {
	folder := p.db.path + ".edits"
	if _, err := makeFolder(p.db.path, folder); err != nil {
		return "", fmt.Errorf("find a place for what is edited: %w", err)
	}
	return folder, nil
}

// Save is postmortem.Shelf's. That no version is written twice is held by the
// primary key of the revisions.
func (p *Postmortems) Save(ctx context.Context, s postmortem.Stored, version int) (kept postmortem.Stored, err error) {
	err = p.db.write(ctx, func(tx *sql.Tx) error {
		inc, err := p.db.foldTx(tx, s.Incident)
		if err != nil {
			return fmt.Errorf("save the post-mortem: %w", err)
		}
		before, err := p.newest(ctx, tx, s.Incident)
		if err != nil && !errors.Is(err, postmortem.ErrNone) {
			return err
		}
		if before.Version != version {
			return fmt.Errorf("save the post-mortem of %s: %w: it is at version %d, this was written over %d", s.Incident, postmortem.ErrConflict, before.Version, version)
		}
		s.ID, s.Version, s.At = before.ID, version+1, toMicro(s.At)
		if version == 0 {
			if s.ID, err = p.number(ctx, tx, s.Incident); err != nil {
				return err
			}
		}
		e, changed := postmortem.Saved(before, s)
		if !changed {
			kept = before
			return nil
		}
		if err := p.insert(ctx, tx, s); err != nil {
			return err
		}
		kept = s
		_, _, err = p.db.appendTx(ctx, tx, inc, []incident.Event{e})
		return err
	})
	if err != nil {
		return postmortem.Stored{}, err
	}
	return kept, nil
}

// number gives an incident's post-mortem its ID. None is ever deleted, so none
// is given twice.
func (p *Postmortems) number(ctx context.Context, tx *sql.Tx, inc incident.ID) (id string, err error) {
	err = tx.QueryRowContext(ctx, `INSERT INTO postmortem (number, id, incident)
		SELECT n, 'PM-' || n, ? FROM (SELECT coalesce(max(number), 0) + 1 AS n FROM postmortem) RETURNING id`, string(inc)).Scan(&id)
	return id, explain(p.db.path, err)
}

func (p *Postmortems) insert(ctx context.Context, tx *sql.Tx, s postmortem.Stored) error {
	body, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("save %s: %w", s.ID, err)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO postmortem_revision (postmortem, version, at, author, body) VALUES (?, ?, ?, ?, ?)`,
		s.ID, s.Version, s.At.UnixMicro(), string(s.Author), string(body))
	return explain(p.db.path, err)
}

func (p *Postmortems) newest(ctx context.Context, q queryer, id incident.ID) (s postmortem.Stored, err error) {
	var body string
	err = q.QueryRowContext(ctx, newestPostmortem+` WHERE p.incident = ?`, string(id)).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return s, fmt.Errorf("%s: %w (sitrep postmortem draft %s makes one)", id, postmortem.ErrNone, id)
	}
	if err != nil {
		return s, explain(p.db.path, err)
	}
	return decodePostmortem(body)
}

func (p *Postmortems) read(ctx context.Context, query string, args ...any) ([]postmortem.Stored, error) {
	rows, err := p.db.readers.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, explain(p.db.path, err)
	}
	return collect(rows, func(rows *sql.Rows) (s postmortem.Stored, err error) {
		var body string
		if err := rows.Scan(&body); err != nil {
			return s, err
		}
		return decodePostmortem(body)
	})
}

func decodePostmortem(body string) (s postmortem.Stored, err error) {
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		return s, fmt.Errorf("a stored post-mortem cannot be read: %w", err)
	}
	return s, nil
}

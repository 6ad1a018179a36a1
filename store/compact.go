package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
)

// Retention is how long evidence is kept in full, and how long at all; 0 is for
// ever. Both count from when an incident was over and its post-mortem was last
// written on, whichever is later.
type Retention struct {
	CompactAfter, DropAfter time.Duration

	// Thin makes the series of a board fewer; it may answer with what it was given.
	Thin func(series []byte) ([]byte, error)
}

// Freed is what Compact took away, or would. Events are not in it: none is ever
// touched.
type Freed struct {
	Incidents int   `json:"incidents"` // that had something to take
	Sparks    int   `json:"spark_lines_thinned"`
	Thinned   int   `json:"snapshots_thinned"`
	Dropped   int   `json:"snapshots_dropped"`
	Evidence  int   `json:"evidence_dropped"`
	Capsules  int   `json:"capsules_dropped"` // stretches of what was recorded
	Bytes     int64 `json:"bytes"`
}

// rowsAtOnce is how many rows one transaction of Compact changes at most: others
// write between them.
const rowsAtOnce = 100

// markCompacted is the mark of the moment at which Compact came to its end.
const markCompacted = "compacted"

// Compact takes away what the policy says is old enough: first the spark lines of
// most events, of which the least and the largest value stay, and of the series all
// but their peaks, then everything that is evidence. What was kept at a declaration
// and at a resolution is only ever dropped, and so are capsules. Incidents that are open, and those that
// go on as or come from an open one, are left alone. With dry nothing is written.
// After an error what was done is done, and the rest is done by the next one.
func (db *DB) Compact(ctx context.Context, r Retention, now time.Time, dry bool) (Freed, error) {
	c := compaction{db: db, retention: r, now: now, dry: dry}
	err := c.run(ctx)
	if err == nil && !dry {
		err = db.SetMark(ctx, markCompacted, now.UTC().Format(time.RFC3339))
	}
	return c.freed, err
}

// Compacted is when Compact came to its end last; zero for never.
func (db *DB) Compacted(ctx context.Context) (time.Time, error) {
	text, err := db.Mark(ctx, markCompacted)
	if err != nil || text == "" {
		return time.Time{}, err
	}
	return time.Parse(time.RFC3339, text)
}

// Vacuum gives the free pages back to the disk. It writes the file anew, for which
// it needs as much room again, and nobody else writes meanwhile.
func (db *DB) Vacuum(ctx context.Context) error {
	for _, statement := range []string{`VACUUM`, `PRAGMA wal_checkpoint(TRUNCATE)`} {
		if _, err := db.writer.ExecContext(ctx, statement); err != nil {
			return explain(db.path, err)
		}
	}
	return nil
}

type compaction struct {
	db        *DB
	retention Retention
	now       time.Time
	dry       bool
	freed     Freed
}

func (c *compaction) run(ctx context.Context) error {
	all, err := c.db.Incidents(ctx, false, 0)
	if err != nil {
		return err
	}
	// Changes, alerts and runs outside of incidents are read with those that were
	// open around them.
	busy, oldest := map[incident.ID]bool{}, c.now
	for _, inc := range all {
		if inc.Status.Over() {
			continue
		}
		busy[inc.ID], busy[inc.SplitFrom] = true, true
		for _, id := range inc.Merged {
			busy[id] = true
		}
		if from := inc.Clocks.Detected.Add(-24 * time.Hour); from.Before(oldest) {
			oldest = from
		}
	}
	for _, inc := range all {
		if busy[inc.ID] || !inc.Status.Over() {
			continue
		}
		last, err := c.db.lastTouched(ctx, inc)
		if err != nil {
			return err
		}
		if err := c.age(ctx, inc.ID, last); err != nil {
			return err
		}
	}
	return c.age(ctx, "", oldest)
}

// lastTouched is when an incident ended, or when its post-mortem was written on.
func (db *DB) lastTouched(ctx context.Context, inc incident.Incident) (time.Time, error) {
	last := inc.Clocks.Resolved
	if inc.Clocks.Closed.After(last) {
		last = inc.Clocks.Closed
	}
	s, err := db.Postmortems().Load(ctx, inc.ID)
	if err != nil && !errors.Is(err, postmortem.ErrNone) {
		return last, err
	}
	if s.At.After(last) {
		last = s.At
	}
	return last, nil
}

// age does what is due to the evidence of an incident that was touched last then.
// Outside of incidents every event has its own age, and those after last are left.
func (c *compaction) age(ctx context.Context, id incident.ID, last time.Time) error {
	before := c.freed
	due := func(after time.Duration) (until time.Time, is bool) {
		cut := c.now.Add(-after)
		switch {
		case after <= 0:
			return cut, false
		case id != "":
			return time.UnixMicro(math.MaxInt64), !last.After(cut)
		case last.Before(cut):
			return last, true
		}
		return cut, true
	}
	until, drop := due(c.retention.DropAfter)
	if drop {
		if err := c.drop(ctx, id, until); err != nil {
			return err
		}
	}
	if until, is := due(c.retention.CompactAfter); is && (id == "" || !drop) {
		if err := c.thin(ctx, id, until); err != nil {
			return err
		}
	}
	if id != "" && c.freed != before {
		c.freed.Incidents++
	}
	return nil
}

// write changes rows in a transaction, unless the incident has been opened again.
func (c *compaction) write(ctx context.Context, id incident.ID, fn func(*sql.Tx) error) error {
	if c.dry {
		return nil
	}
	return c.db.write(ctx, func(tx *sql.Tx) error {
		if id != "" {
			if inc, err := c.db.foldTx(tx, id); err != nil || !inc.Status.Over() {
				return err
			}
		}
		return explain(c.db.path, fn(tx))
	})
}

// item is a row of evidence or of series.
type item struct {
	row  int64 // its key
	body []byte
}

// batch is up to rowsAtOnce rows of a query that asks for keys above the last one.
func (c *compaction) batch(ctx context.Context, query string, args ...any) ([]item, error) {
	rows, err := c.db.readers.QueryContext(ctx, query+` LIMIT `+strconv.Itoa(rowsAtOnce), args...)
	if err != nil {
		return nil, explain(c.db.path, err)
	}
	return collect(rows, func(rows *sql.Rows) (i item, err error) { return i, rows.Scan(&i.row, &i.body) })
}

// drop takes away all evidence of events before a moment.
func (c *compaction) drop(ctx context.Context, id incident.ID, before time.Time) error {
	for table, n := range map[string]*int{"snapshot": &c.freed.Dropped, "evidence": &c.freed.Evidence, "capsule": &c.freed.Capsules} {
		key, size := "number", "length(series)"
		switch table {
		case "evidence":
			key, size = "seq", "length(body)"
		case "capsule":
			size = "length(chunks)"
		}
		for last := int64(0); ; {
			list, err := c.batch(ctx, `SELECT v.`+key+`, CAST(`+size+` AS TEXT) FROM event e JOIN `+table+` v ON v.seq = e.seq
				WHERE e.incident = ? AND e.at < ? AND v.`+key+` > ? ORDER BY v.`+key, string(id), before.UnixMicro(), last)
			if err != nil {
				return err
			}
			if len(list) == 0 {
				break
			}
			err = c.write(ctx, id, func(tx *sql.Tx) error {
				for _, i := range list {
					if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE `+key+` = ?`, i.row); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
			for _, i := range list {
				bytes, err := strconv.ParseInt(string(i.body), 10, 64)
				if err != nil {
					return err
				}
				*n, c.freed.Bytes, last = *n+1, c.freed.Bytes+bytes, i.row
			}
		}
	}
	return nil
}

// thin makes the evidence of events before a moment less.
func (c *compaction) thin(ctx context.Context, id incident.ID, before time.Time) error {
	if err := c.thinSparks(ctx, id, before); err != nil || c.retention.Thin == nil || id == "" {
		return err
	}
	for last := int64(0); ; {
		list, err := c.batch(ctx, `SELECT s.number, s.series FROM event e JOIN snapshot s ON s.seq = e.seq
			WHERE e.incident = ? AND s.thinned = 0 AND coalesce(e.data ->> '$.kind', '') NOT IN (?, ?) AND s.number > ? ORDER BY s.number`,
			string(id), string(incident.Declared), string(incident.Resolved), last)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, i := range list { // one a transaction: they are large
			last = i.row
			thinned, err := c.retention.Thin(i.body)
			if err != nil || len(thinned) >= len(i.body) {
				thinned = i.body // what a newer sitrep wrote is left as it is
			}
			if err := c.write(ctx, id, func(tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, `UPDATE snapshot SET series = ?, thinned = 1 WHERE number = ?`, thinned, i.row)
				return err
			}); err != nil {
				return err
			}
			c.freed.Thinned++
			c.freed.Bytes += int64(len(i.body) - len(thinned))
		}
	}
}

func (c *compaction) thinSparks(ctx context.Context, id incident.ID, before time.Time) error {
	for last := int64(0); ; {
		list, err := c.batch(ctx, `SELECT v.seq, v.body FROM event e JOIN evidence v ON v.seq = e.seq
			WHERE e.incident = ? AND e.at < ? AND v.thinned = 0 AND e.kind NOT IN (?, ?) AND v.seq > ? ORDER BY v.seq`,
			string(id), before.UnixMicro(), string(incident.Declared), string(incident.Resolved), last)
		if err != nil || len(list) == 0 {
			return err
		}
		thinned := make([][]byte, len(list))
		for i := range list {
			thinned[i] = withoutSparks(list[i].body)
		}
		if err := c.write(ctx, id, func(tx *sql.Tx) error {
			for i := range list {
				if _, err := tx.ExecContext(ctx, `UPDATE evidence SET body = ?, thinned = 1 WHERE seq = ?`, string(thinned[i]), list[i].row); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
		for i := range list {
			last = list[i].row
			if n := len(list[i].body) - len(thinned[i]); n > 0 {
				c.freed.Sparks++
				c.freed.Bytes += int64(n)
			}
		}
	}
}

// withoutSparks is the signals of an event without their spark lines, of which the
// least and the largest value stay as spark_range. Anything else is left as it is.
func withoutSparks(body []byte) []byte {
	var signals []map[string]json.RawMessage
	if json.Unmarshal(body, &signals) != nil {
		return body
	}
	for _, s := range signals {
		var spark []json.RawMessage
		if json.Unmarshal(s["spark"], &spark) != nil {
			continue
		}
		lo, hi := math.Inf(1), math.Inf(-1)
		for _, raw := range spark {
			var v *float64
			if json.Unmarshal(raw, &v) == nil && v != nil {
				lo, hi = min(lo, *v), max(hi, *v)
			}
		}
		delete(s, "spark")
		if lo <= hi {
			s["spark_range"] = fmt.Appendf(nil, "[%s,%s]", strconv.FormatFloat(lo, 'g', -1, 64), strconv.FormatFloat(hi, 'g', -1, 64))
		}
	}
	thinned, err := json.Marshal(signals)
	if err != nil || len(thinned) >= len(body) {
		return body
	}
	return thinned
}

package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/sitrep-dev/sitrep/escalation"
)

// Lease is who runs the ladder; the zero Lease if nobody ever did.
func (db *DB) Lease(ctx context.Context) (escalation.Lease, error) {
	return db.lease(ctx, db.readers)
}

func (db *DB) lease(ctx context.Context, q queryer) (l escalation.Lease, err error) {
	var expires int64
	err = q.QueryRowContext(ctx, `SELECT owner, epoch, expires FROM lease`).Scan(&l.Owner, &l.Epoch, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return escalation.Lease{}, nil
	}
	l.Expires = fromMicro(expires)
	return l, explain(db.path, err)
}

// Take is escalation.Leases'.
func (db *DB) Take(ctx context.Context, owner string, now time.Time, ttl time.Duration) (taken escalation.Lease, err error) {
	err = db.write(ctx, func(tx *sql.Tx) error {
		held, err := db.lease(ctx, tx)
		if err != nil {
			return err
		}
		if held.Held(now, ttl) && !dead(db.path, held) {
			return &escalation.HeldError{Lease: held}
		}
		taken = escalation.Lease{Owner: owner, Epoch: held.Epoch + 1, Expires: toMicro(now.Add(ttl))}
		db.pulse.start(db.path, taken) // before anybody can see the lease
		return db.putLease(ctx, tx, taken)
	})
	return taken, err
}

// Renew is escalation.Leases'.
func (db *DB) Renew(ctx context.Context, l escalation.Lease, now time.Time, ttl time.Duration) (escalation.Lease, error) {
	err := db.write(ctx, func(tx *sql.Tx) error {
		if err := db.holds(ctx, tx, l, now); err != nil {
			return err
		}
		l.Expires = toMicro(now.Add(ttl))
		return db.putLease(ctx, tx, l)
	})
	return l, err
}

// Release is escalation.Leases'.
func (db *DB) Release(ctx context.Context, l escalation.Lease) error {
	defer db.pulse.stop()
	return db.write(ctx, func(tx *sql.Tx) error {
		held, err := db.lease(ctx, tx)
		if err != nil || held.Owner != l.Owner || held.Epoch != l.Epoch {
			return err
		}
		l.Owner, l.Expires = "", time.Time{}
		return db.putLease(ctx, tx, l)
	})
}

// holds says whether a lease is the store's at now.
func (db *DB) holds(ctx context.Context, tx *sql.Tx, l escalation.Lease, now time.Time) error {
	held, err := db.lease(ctx, tx)
	if err != nil {
		return err
	}
	if held.Owner != l.Owner || held.Epoch != l.Epoch || !held.Live(now) {
		return escalation.ErrLeaseLost
	}
	return nil
}

func (db *DB) putLease(ctx context.Context, tx *sql.Tx, l escalation.Lease) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO lease (id, owner, epoch, expires) VALUES (1, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, epoch = excluded.epoch, expires = excluded.expires`,
		l.Owner, l.Epoch, micro(l.Expires))
	return explain(db.path, err)
}

// micro is a time as the outbox keeps it, 0 for none.
func micro(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicro(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

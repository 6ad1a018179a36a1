package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/store"
)

// everything is a store with a row in every table, every kind of event, and text
// that is hard to carry.
func everything(t *testing.T, events int) *store.DB {
	t.Helper()
	ctx := t.Context()
	db := open(t, filepath.Join(t.TempDir(), "s.db"))
	_, err := db.Install(ctx)
	require.NoError(t, err)
	_, err = db.NextRun(ctx, "CH")
	require.NoError(t, err)
	desk := incident.NewDesk(db)
	by := incident.By{Actor: "ana", Source: "cli", At: time.Date(2026, 11, 24, 3, 0, 0, 123456000, time.UTC), Evidence: json.RawMessage(`[{"name": "p99", "value": 0.25}]`)}
	inc, err := desk.Declare(ctx, by, "alert:1", incident.Declaration{Title: "Checkout <5xx> & \"quotes\"", Severity: incident.Sev1, Service: "checkout", Policy: escalation.Default().Frozen("checkout")})
	require.NoError(t, err)
	for _, text := range []string{"line\nbreak", "nul\x00byte", "broken \xff\xfe utf-8", "é🔥 \u2028", strings.Repeat("long ", 4000)} {
		_, err = db.Append(ctx, incident.Event{Incident: inc.ID, Kind: incident.NoteAdded, Actor: "bob", Source: "cli", Text: text, Data: json.RawMessage(`{"n": 12345678901234567890, "s": "<\u0000>", "a": [ 1 , 2.50 ]}`)})
		require.NoError(t, err)
	}
	source, err := os.ReadFile(filepath.Join("..", "incident", "event.go"))
	require.NoError(t, err)
	kinds := regexp.MustCompile(`Kind = "([a-z_.]+)"`).FindAllStringSubmatch(string(source), -1)
	require.Greater(t, len(kinds), 30)
	for _, kind := range kinds {
		_, err = db.Append(ctx, incident.Event{Kind: incident.Kind(kind[1]), Actor: incident.Sitrep, Source: "test", Text: kind[1]})
		require.NoError(t, err)
	}
	_, err = db.Keep(ctx, incident.Event{
		Incident: inc.ID, Kind: incident.EvidenceCaptured, Actor: incident.Sitrep, Source: "evidence", Text: "kept", Once: "captured/" + inc.Key,
		Data: incident.Payload(incident.Capture{Event: inc.Key, Kind: incident.Declared}),
	}, []incident.Frozen{{Board: "shop", From: by.At.Add(-time.Hour), To: by.At, Series: []byte("SRS\x01\x00\xff{}\"")}, {Board: "edge", From: by.At, To: by.At, Series: []byte{}}})
	require.NoError(t, err)
	for i := range events {
		var evidence json.RawMessage
		if i%2 == 0 {
			evidence = json.RawMessage(`[1]`)
		}
		_, err = db.Append(ctx, incident.Event{Incident: inc.ID, Kind: incident.NoteAdded, Actor: "ana", Source: "cli", Text: fmt.Sprintf("note %d %s", i, strings.Repeat("x", 200)), Evidence: evidence})
		require.NoError(t, err)
	}
	require.NoError(t, db.SaveRun(ctx, loadtest.Result{
		Run: "LT-1", StartedAt: by.At, Rows: []loadtest.Row{{Second: 1, Requests: 3, Response: []byte{0, 1, 255}, Service: []byte{2}, Lag: []byte{}}},
		Seconds: []loadtest.Second{{Second: 1, Requested: 2.5, Sent: 3, ErrorsByClass: map[loadtest.Class]loadtest.ErrorCount{"5xx": {Count: 1, Sample: "<&>"}}}},
	}))
	_, err = db.Postmortems().Save(ctx, postmortem.Merge(postmortem.Stored{Incident: inc.ID, Author: "ana", At: by.At}, postmortem.Draft(inc, nil, by.At)), 0)
	require.NoError(t, err)
	_, err = db.Postmortems().Intend(ctx, postmortem.Outbound{Postmortem: "PM-1", Item: "AI-1", Forge: "github", Place: "acme/shop", At: by.At})
	require.NoError(t, err)
	accept := senderFunc(func(context.Context, escalation.Message) escalation.Outcome {
		return escalation.Outcome{Class: escalation.Done}
	})
	require.NoError(t, engineOn(db, "ana", accept).Deliver(ctx, 10*time.Second))
	return db
}

func export(t *testing.T, db *store.DB) string {
	t.Helper()
	var b bytes.Buffer
	_, err := db.Export(t.Context(), &b)
	require.NoError(t, err)
	return b.String()
}

// An export of an import of an export is the export, byte for byte.
func TestExportImportExport(t *testing.T) {
	t.Parallel()
	db := everything(t, 20)
	first := export(t, db)
	for _, table := range []string{"meta", "counter", "event", "evidence", "snapshot", "message", "watch", "load_run", "load_row", "load_second", "postmortem", "postmortem_revision", "outbound_issue"} {
		require.Contains(t, first, `{"table":"`+table+`"`)
	}
	path := filepath.Join(t.TempDir(), "new", "s.db")
	n, err := store.Import(t.Context(), path, strings.NewReader(first))
	require.NoError(t, err)
	require.Equal(t, store.Imported{Rows: strings.Count(first, "\n") - 2}, n, "all lines but head and foot")
	again := open(t, path)
	require.Equal(t, first, export(t, again))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	for _, f := range left {
		require.True(t, strings.HasPrefix(f.Name(), "s.db"), "nothing is left: %s", f.Name())
	}
	for _, id := range []incident.ID{"INC-1"} { // what is folded is the same too
		want, err := db.Incident(t.Context(), id)
		require.NoError(t, err)
		got, err := again.Incident(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	r, err := store.Check(t.Context(), path)
	require.NoError(t, err)
	require.Empty(t, r.Findings)
	_, err = store.Import(t.Context(), path, strings.NewReader(first))
	require.ErrorContains(t, err, "the file exists; an import makes a new store")
}

func TestImportRefuses(t *testing.T) {
	t.Parallel()
	whole := export(t, everything(t, 2))
	lines := strings.SplitAfter(strings.TrimSuffix(whole, "\n"), "\n")
	event := 0
	for i, l := range lines {
		if strings.HasPrefix(l, `{"table":"event"`) && !strings.Contains(l, `"kind":"incident.`) {
			event = i // the last one has no evidence
		}
	}
	without := func(i int) string { return strings.Join(append(append([]string{}, lines[:i]...), lines[i+1:]...), "") }
	with := func(i int, l string) string {
		return strings.Join(append(append([]string{}, lines[:i]...), append([]string{l}, lines[i+1:]...)...), "")
	}
	for _, c := range []struct{ text, want string }{
		{"", "line 1: this is no export"},
		{"hello\n", "line 1: this is no export"},
		{strings.Repeat("x", 70<<20), "line 1: it is longer than 67108864 bytes"},
		{with(0, `{"sitrep":"store","format":1,"schema":999}`+"\n"), "written by a newer sitrep"},
		{with(0, `{"sitrep":"store","format":9,"schema":5}`+"\n"), "written by a newer sitrep"},
		{with(0, `{"sitrep":"store"}`+"\n"), "none that any sitrep wrote"},
		{strings.Join(lines[:len(lines)-1], ""), "the export ends without its last line"},
		{strings.Join(lines[:event], "") + lines[event][:10], "not JSON"},
		{without(event), "rows, and"},
		{with(event, lines[event]+lines[event]), fmt.Sprintf("line %d: table event", event+2)},
		{with(event, strings.Replace(lines[event], `"kind":`, `"knd":`, 1)), fmt.Sprintf("line %d: table event: the column kind is missing", event+1)},
		{with(event, strings.Replace(lines[event], `"row":{`, `"row":{"extra":1,`, 1)), fmt.Sprintf("line %d: table event has no column \"extra\"", event+1)},
		{with(event, strings.Replace(lines[event], `"table":"event"`, `"table":"sqlite_schema"`, 1)), "there is no table \"sqlite_schema\""},
		{with(event, strings.Replace(lines[event], `"seq":`, `"seq":[],"x":`, 1)), "column seq: [] is no value"},
	} {
		path := filepath.Join(t.TempDir(), "s.db")
		_, err := store.Import(t.Context(), path, strings.NewReader(c.text))
		require.ErrorContains(t, err, c.want)
		left, err := os.ReadDir(filepath.Dir(path))
		require.NoError(t, err)
		require.Empty(t, left, "nothing is left of an import that failed: %s", c.want)
	}
}

// A copy that is made while others write is one moment of the store: the events
// up to some one, and nothing of the later ones.
func TestBackupWhileOthersWrite(t *testing.T) {
	t.Parallel()
	db := everything(t, 5)
	other := open(t, db.Path())
	ctx, stop := context.WithCancel(t.Context())
	var writers errgroup.Group
	for range 2 {
		writers.Go(func() error {
			for ctx.Err() == nil {
				if _, err := other.Append(context.Background(), incident.Event{Kind: incident.ChangeRecorded, Actor: "ci", Source: "cli", Text: "deploy"}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for i := range 5 {
		path := filepath.Join(t.TempDir(), fmt.Sprintf("copy-%d.db", i))
		require.NoError(t, db.Backup(t.Context(), path))
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode())
		r, err := store.Check(t.Context(), path)
		require.NoError(t, err)
		require.Empty(t, r.Findings)
		last, err := open(t, path).Last(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, r.Events, last, "no gap")
		require.ErrorContains(t, db.Backup(t.Context(), path), "exists: give the copy another name")
		left, err := filepath.Glob(path + ".part*")
		require.NoError(t, err)
		require.Empty(t, left)
	}
	stop()
	require.NoError(t, writers.Wait())
	require.ErrorContains(t, db.Backup(t.Context(), filepath.Join(t.TempDir(), "nowhere", "c.db")), "no such file or directory")
}

// damaged is a closed copy of a store, in which damage changes something.
func damaged(t *testing.T, db *store.DB, damage func(path string)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "damaged.db")
	require.NoError(t, db.Backup(t.Context(), path))
	damage(path)
	return path
}

// overwrite fills the page of a table's tree in which row lies with noise.
func overwrite(t *testing.T, path, table string, leaf int) {
	t.Helper()
	raw, err := sql.Open("sqlite", "file:"+path)
	require.NoError(t, err)
	defer raw.Close()
	var page, size int64
	require.NoError(t, raw.QueryRow(`SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY pageno LIMIT 1 OFFSET ?`, table, leaf).Scan(&page))
	require.NoError(t, raw.QueryRow(`PRAGMA page_size`).Scan(&size))
	require.NoError(t, raw.Close())
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = f.WriteAt(bytes.Repeat([]byte{0xa5}, int(size)), (page-1)*size)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// leaves is how many leaves a table's tree has.
func leaves(t *testing.T, path, table string) (n int) {
	t.Helper()
	raw, err := sql.Open("sqlite", "file:"+path)
	require.NoError(t, err)
	defer raw.Close()
	require.NoError(t, raw.QueryRow(`SELECT count(*) FROM dbstat WHERE name = ? AND pagetype = 'leaf'`, table).Scan(&n))
	return n
}

func rawExec(t *testing.T, path, statement string) {
	t.Helper()
	raw, err := sql.Open("sqlite", "file:"+path+"?_pragma=ignore_check_constraints(1)")
	require.NoError(t, err)
	_, err = raw.Exec(statement)
	require.NoError(t, err)
	require.NoError(t, raw.Close())
}

func TestCheckNamesTheDamage(t *testing.T) {
	t.Parallel()
	db := everything(t, 200)
	for _, c := range []struct {
		name   string
		damage func(path string)
		where  string
		what   string
		do     string
	}{
		{"a page", func(p string) { overwrite(t, p, "event", 3) }, "table event", "page", "--salvage"},
		{"an index", func(p string) { overwrite(t, p, "event_by_kind", 1) }, "index event_by_kind", "page", "--salvage"},
		{"a state", func(p string) {
			rawExec(t, p, `UPDATE incident SET state = json_set(state, '$.title', 'other') WHERE id = 'INC-1'`)
		}, "INC-1", "its cached state is not what its events make", "--rebuild"},
		{"no state", func(p string) { rawExec(t, p, `DELETE FROM incident`) }, "INC-1", "its events declare it, and it is not cached", "--rebuild"},
		{"too many states", func(p string) { rawExec(t, p, `INSERT INTO incident VALUES (9, 'INC-9', 0, '{}', 0)`) }, "INC-9", "no event declares it", "--rebuild"},
		{"an orphan", func(p string) {
			rawExec(t, p, `PRAGMA foreign_keys = 0; INSERT INTO evidence (seq, body) VALUES (99999, '[]')`)
		}, "table evidence", "belongs to a row of event that is not there", "--salvage"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := damaged(t, db, c.damage)
			before, err := os.ReadFile(path)
			require.NoError(t, err)
			r, err := store.Check(t.Context(), path)
			require.NoError(t, err)
			found := false
			for _, f := range r.Findings {
				found = found || f.Where == c.where && strings.Contains(f.Problem, c.what) && strings.Contains(f.Do, c.do)
			}
			require.True(t, found, "%+v", r.Findings)
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, before, after, "a check changes nothing")
		})
	}
	_, err := store.Check(t.Context(), filepath.Join(t.TempDir(), "none.db"))
	require.ErrorContains(t, err, "no such file")
}

func TestRebuild(t *testing.T) {
	t.Parallel()
	db := everything(t, 3)
	path := damaged(t, db, func(p string) {
		rawExec(t, p, `UPDATE incident SET state = json_set(state, '$.title', 'other'); INSERT INTO incident VALUES (9, 'INC-9', 0, '{}', 0)`)
	})
	mended := open(t, path)
	n, err := mended.Rebuild(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	r, err := store.Check(t.Context(), path)
	require.NoError(t, err)
	require.Empty(t, r.Findings)
}

// Whatever page is gone, the rest comes out, says what is missing, and makes a
// store that is sound.
func TestSalvage(t *testing.T) {
	t.Parallel()
	db := everything(t, 300)
	whole := export(t, db)
	all := strings.Count(whole, `{"table":"event"`)
	for _, c := range []struct {
		table string
		leaf  int
		least float64 // of the events
	}{{"event", 0, 0.9}, {"event", 4, 0.9}, {"event_by_incident", 0, 1}, {"evidence", 0, 1}, {"meta", 0, 1}, {"postmortem", 0, 1}} {
		t.Run(fmt.Sprintf("%s/%d", c.table, c.leaf), func(t *testing.T) {
			path := damaged(t, db, func(p string) { overwrite(t, p, c.table, c.leaf) })
			var b bytes.Buffer
			n, lost, err := store.Salvage(t.Context(), path, &b)
			require.NoError(t, err)
			got := strings.Count(b.String(), `{"table":"event"`)
			require.GreaterOrEqual(t, float64(got), c.least*float64(all))
			if isTable := !strings.Contains(c.table, "_by_"); isTable {
				require.NotEmpty(t, lost)
				require.Equal(t, "table "+c.table, lost[0].Where)
				require.Less(t, n, strings.Count(whole, "\n")-2)
			} else {
				require.Empty(t, lost, "an index holds nothing of its own")
				require.Equal(t, whole, strings.Replace(b.String(), `,"salvaged":true`, "", 1))
			}
			fresh := filepath.Join(t.TempDir(), "new.db")
			_, err = store.Import(t.Context(), fresh, &b)
			require.NoError(t, err)
			r, err := store.Check(t.Context(), fresh)
			require.NoError(t, err)
			require.Empty(t, r.Findings)
		})
	}
}

// What a damaged page has in the place of a row is left out of the store that is
// made of it, and told; in an export of a sound store it is an error.
func TestImportOfWhatFitsNowhere(t *testing.T) {
	t.Parallel()
	whole := export(t, everything(t, 2))
	row := regexp.MustCompile(`(?m)^{"table":"message".*$`).FindString(whole)
	unfit := strings.Replace(whole, row, regexp.MustCompile(`"sink":"[^"]*"`).ReplaceAllString(row, `"sink":null`), 1)
	path := filepath.Join(t.TempDir(), "s.db")
	_, err := store.Import(t.Context(), path, strings.NewReader(unfit))
	require.ErrorContains(t, err, "NOT NULL constraint failed: message.sink")
	done, err := store.Import(t.Context(), path, strings.NewReader(strings.Replace(unfit, `"format":1,`, `"format":1,"salvaged":true,`, 1)))
	require.NoError(t, err)
	require.Len(t, done.LeftOut, 1)
	require.Contains(t, done.LeftOut[0], "table message: constraint failed: NOT NULL")
	require.Equal(t, strings.Count(whole, "\n")-3, done.Rows)
}

// A damaged index of the search keeps nothing off the record.
func TestADamagedSearchIndex(t *testing.T) {
	t.Parallel()
	db := everything(t, 200)
	_, err := db.Search(t.Context(), []string{"note"}, 10)
	require.NoError(t, err)
	path := damaged(t, db, func(p string) {
		for leaf := leaves(t, p, "search_data") - 1; leaf >= 0; leaf-- { // one that is hurt is not counted any more
			overwrite(t, p, "search_data", leaf)
		}
	})
	hurt := open(t, path)
	before, err := hurt.Last(t.Context())
	require.NoError(t, err)
	batch := make([]incident.Event, 300)
	for i := range batch {
		batch[i] = incident.Event{Kind: incident.ChangeRecorded, Actor: "ci", Source: "test", Text: "deploy"}
	}
	for range 8 { // past two of the points at which the index is brought up to date
		_, err := hurt.Append(t.Context(), batch...)
		require.NoError(t, err)
	}
	last, err := hurt.Last(t.Context())
	require.NoError(t, err)
	require.Equal(t, before+8*300, last)
	_, err = hurt.Search(t.Context(), []string{"deploy"}, 10)
	require.ErrorContains(t, err, "damaged")
	r, err := store.Check(t.Context(), path)
	require.NoError(t, err)
	require.NotEmpty(t, r.Findings)
}

// An index that is whole but does not hold what it should is found out, and mended.
func TestAnIndexThatMissesEvents(t *testing.T) {
	t.Parallel()
	for name, sql := range map[string]string{
		"it does not find":       `INSERT INTO search (search) VALUES ('delete-all')`,
		"the index says that it": `UPDATE searched SET seq = seq + 1000`,
		"up to -1":               `DELETE FROM searched`,
	} {
		db := everything(t, 200)
		_, err := db.Search(t.Context(), []string{"note"}, 10) // takes in the rest
		require.NoError(t, err)
		r, err := store.Check(t.Context(), db.Path())
		require.NoError(t, err)
		require.Empty(t, r.Findings)
		path := db.Path()
		require.NoError(t, db.Close())
		sqlite(t, path, sql)
		r, err = store.Check(t.Context(), path)
		require.NoError(t, err)
		require.Len(t, r.Findings, 1)
		require.Equal(t, "table search", r.Findings[0].Where)
		require.Contains(t, r.Findings[0].Problem, name)
		require.Contains(t, r.Findings[0].Do, "--rebuild")
		_, err = open(t, path).Rebuild(t.Context())
		require.NoError(t, err)
		r, err = store.Check(t.Context(), path)
		require.NoError(t, err)
		require.Empty(t, r.Findings)
	}
}

// A store of an older schema is copied before it is changed, and the copy is whole.
func TestTheCopyBeforeAMigration(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.db")
	const old = 4
	unmarked(t, path)
	sqlite(t, path, `INSERT INTO event VALUES (1, 'a', '', 1, 1, 'change.recorded', 'ci', 'cli', 'deploy', NULL, NULL);`)
	before := open(t, path)
	last, err := before.Last(t.Context())
	require.NoError(t, err)
	copies, err := filepath.Glob(fmt.Sprintf("%s.schema-%d.*", path, old))
	require.NoError(t, err)
	require.Len(t, copies, 1)
	r, err := store.Check(t.Context(), copies[0])
	require.NoError(t, err)
	require.Equal(t, old, r.Schema)
	require.EqualValues(t, last, r.Events)
	require.NoError(t, before.Close())
	open(t, path)
	copies, err = filepath.Glob(path + ".schema-*")
	require.NoError(t, err)
	require.Len(t, copies, 1, "one copy for one change")
}

// A store that another state of the sources made cannot be changed: it is left as it
// was, however often that is tried, and who made it is said.
func TestAMigrationThatFailsLeavesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	unmarked(t, path)
	sqlite(t, path, `CREATE INDEX event_by_kind_at ON event (kind, at)`)
	for range 2 {
		_, err := store.Open(t.Context(), path)
		require.ErrorContains(t, err, "016_alerts.sql")
		require.ErrorContains(t, err, "it was left as it was: a sitrep built from other sources may have made it, and still opens it")
	}
	copies, err := filepath.Glob(path + ".schema-*")
	require.NoError(t, err)
	require.Empty(t, copies)
	sqlite(t, path, `DROP INDEX event_by_kind_at`)
	open(t, path)
}

// A store counts the migrations that it has had: one that is put in before others, or
// changed afterwards in its order, would never reach the stores that exist.
func TestMigrationsAreOnlyAppended(t *testing.T) {
	landed := []string{
		"001_timeline", "002_outbox", "003_loadtest", "004_postmortem", "005_application_id", "006_actor_claimed", "007_search", "008_snapshot",
		"009_runbook", "010_pagerduty", "011_message_ref", "013_due", "015_joins", "016_alerts", "017_capsule", "020_slo",
		"021_load_seconds", "022_load_baseline", "023_review",
	}
	names, err := filepath.Glob("migrations/*.sql")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(names), len(landed))
	for i, name := range landed {
		require.Equal(t, "migrations/"+name+".sql", names[i])
	}
}

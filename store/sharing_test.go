package store_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// crowd is a directory as an administrator makes it for a group, and the users
// who work there: with root's help three of different user ids, who have the
// group beside a first group of their own; else the one who runs the tests,
// three times over.
type crowd struct {
	binary string // the test binary, where all of them reach it
	dir    string
	gid    int
	users  map[string]*syscall.Credential // nil: as we are
}

func asRoot() bool { return os.Geteuid() == 0 }

func newCrowd(t *testing.T) *crowd {
	t.Helper()
	base, err := os.MkdirTemp("/tmp", "sitrep-shared-") // others cannot pass t.TempDir's
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(base)) })
	base = real(t, base)
	require.NoError(t, os.Chmod(base, 0o755))
	c := &crowd{
		binary: filepath.Join(base, "member"), dir: filepath.Join(base, "var"), gid: os.Getegid(),
		users: map[string]*syscall.Credential{"root": nil, "ana": nil, "bob": nil, "carol": nil},
	}
	if asRoot() {
		c.gid = 61100
		for name, id := range map[string]uint32{"ana": 61001, "bob": 61002, "carol": 61003} {
			c.users[name] = &syscall.Credential{Uid: id, Gid: id, Groups: []uint32{61100}}
		}
		c.users["mallory"] = &syscall.Credential{Uid: 61004, Gid: 61004}
	}
	c.share(t)
	return c
}

// share makes the directory anew.
func (c *crowd) share(t *testing.T) {
	t.Helper()
	require.NoError(t, os.RemoveAll(c.dir))
	require.NoError(t, os.Mkdir(c.dir, 0o700))
	require.NoError(t, os.Chown(c.dir, os.Getuid(), c.gid))
	require.NoError(t, os.Chmod(c.dir, 0o770|os.ModeSetgid))
}

func real(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.EvalSymlinks(path)
	require.NoError(t, err)
	return path
}

func (c *crowd) store() string { return filepath.Join(c.dir, "s.db") }

// theirs requires every file of the store to be the group's and nobody else's.
func (c *crowd) theirs(t *testing.T, suffixes ...string) {
	t.Helper()
	for _, suffix := range suffixes {
		info, err := os.Stat(c.store() + suffix)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o660), info.Mode().Perm(), suffix)
		require.Equal(t, uint32(c.gid), info.Sys().(*syscall.Stat_t).Gid, suffix)
	}
}

// member is a process of one of them, which does what it is told.
type member struct {
	t     *testing.T
	cmd   *exec.Cmd
	tell  io.WriteCloser
	lines *bufio.Scanner
}

func (c *crowd) member(t *testing.T, user, umask string) *member {
	t.Helper()
	who, known := c.users[user]
	require.True(t, known, user)
	if _, err := os.Stat(c.binary); err != nil {
		program, err := os.ReadFile(os.Args[0])
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(c.binary, program, 0o700))
		require.NoError(t, os.Chmod(c.binary, 0o755))
	}
	cmd := exec.Command(c.binary)
	cmd.Dir, cmd.Stderr = "/", os.Stderr
	cmd.Env = append(os.Environ(), "SITREP_TEST_MEMBER="+c.store(), "SITREP_TEST_UMASK="+umask)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	m := &member{t, cmd, in, bufio.NewScanner(out)}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // where the test did not come to its end
	return m
}

func (m *member) order(words ...any) {
	m.t.Helper()
	_, err := fmt.Fprintln(m.tell, words...)
	require.NoError(m.t, err)
}

func (m *member) answers(want string) {
	m.t.Helper()
	require.True(m.t, m.lines.Scan(), "the process has ended; wanted %q", want)
	require.Equal(m.t, want, m.lines.Text())
}

func (m *member) leaves() {
	m.t.Helper()
	require.NoError(m.t, m.tell.Close())
	require.NoError(m.t, m.cmd.Wait())
}

// obey is the body of a member's process.
func obey(path string) int {
	umask, err := strconv.ParseInt(os.Getenv("SITREP_TEST_UMASK"), 8, 32)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	syscall.Umask(int(umask))
	var db *store.DB
	var peer *sql.DB
	ctx := context.Background()
	write := func(text string) error {
		_, err := db.Append(ctx, incident.Event{Kind: incident.ChangeRecorded, Actor: "w", Source: "test", Text: text})
		return err
	}
	for orders := bufio.NewScanner(os.Stdin); orders.Scan(); {
		verb, rest, _ := strings.Cut(orders.Text(), " ")
		var err error
		switch verb {
		case "open":
			if db, err = store.Open(ctx, path); err == nil && syscall.Umask(int(umask)) != int(umask) {
				err = fmt.Errorf("the umask is another one")
			}
		case "append":
			err = write(rest)
		case "see": // the event of that number
			var seq int64
			if seq, err = strconv.ParseInt(rest, 10, 64); err == nil {
				err = db.Wait(ctx, seq-1)
			}
		case "write": // for ever
			for n := 0; err == nil; n++ {
				if err = write(fmt.Sprint("flood ", n)); err == nil {
					fmt.Println("flood", n)
				}
			}
		case "peer": // a reader and nothing else, as another program is one
			u := url.URL{Scheme: "file", Path: path, RawQuery: "mode=ro"}
			if peer, err = sql.Open("sqlite", u.String()); err == nil {
				var n int
				err = peer.QueryRowContext(ctx, "SELECT count(*) FROM event").Scan(&n)
			}
		case "close":
			if db != nil {
				err = db.Close()
			} else {
				err = peer.Close()
			}
		}
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(verb, "done")
	}
	return 0
}

// Three users write, wait for each other, and one is killed in mid-write; nothing
// that was recorded is lost and nobody is locked out, whoever made the files and
// whatever their umask. A reader that cannot write is the last to leave.
func TestThreeUsersShareAStore(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	for _, first := range []string{"root", "ana"} {
		t.Run("made by "+first, func(t *testing.T) {
			c.share(t)
			maker := c.member(t, first, "077")
			maker.order("open")
			maker.answers("open done")
			c.theirs(t, "", "-wal", "-shm")
			maker.order("append", "made")
			maker.answers("append done")
			maker.order("close")
			maker.answers("close done")
			maker.leaves()
			require.NoFileExists(t, c.store()+"-wal")

			ana, bob, carol := c.member(t, "ana", "077"), c.member(t, "bob", "022"), c.member(t, "carol", "000")
			all := []*member{ana, bob, carol}
			for _, m := range all {
				m.order("open")
				m.answers("open done")
				c.theirs(t, "", "-wal", "-shm")
			}
			for i, m := range all { // event 1 is the maker's
				for _, waiting := range all {
					waiting.order("see", i+2)
				}
				// One who waits does nothing else; another one of the same user writes.
				m.with(c, t, "append", "hello")
				for _, waiting := range all {
					waiting.answers("see done")
				}
			}

			bob.order("write")
			written := 0
			for written < 40 && bob.lines.Scan() {
				if written++; written%8 == 0 {
					carol.order("append", "between")
					carol.answers("append done")
				}
			}
			require.NoError(t, bob.cmd.Process.Kill())
			for bob.lines.Scan() {
				written++
			}
			require.Error(t, bob.cmd.Wait())
			c.theirs(t, "", "-wal", "-shm")

			for _, m := range []*member{ana, carol} {
				m.order("append", "going on")
				m.answers("append done")
			}
			peer := c.member(t, "carol", "077")
			peer.order("peer")
			peer.answers("peer done")
			for _, m := range []*member{ana, carol, peer} {
				m.order("close")
				m.answers("close done")
				m.leaves()
			}
			c.theirs(t, "", "-wal", "-shm") // a reader cannot take them away

			again := c.member(t, "bob", "077")
			again.order("open")
			again.answers("open done")
			again.order("append", "the next day")
			again.answers("append done")
			c.theirs(t, "", "-wal", "-shm")

			events, err := open(t, c.store()).After(t.Context(), 0, 1<<20)
			require.NoError(t, err)
			again.order("close")
			again.answers("close done")
			again.leaves()
			told := map[string]int{}
			for i, e := range events {
				require.Equal(t, int64(i+1), e.Seq)
				what, _, _ := strings.Cut(e.Text, " ")
				told[what]++
			}
			require.GreaterOrEqual(t, told["flood"], written, "what was told to be recorded is there")
			require.LessOrEqual(t, told["flood"], written+1, "one may have been killed between the commit and its telling")
			delete(told, "flood")
			require.Equal(t, map[string]int{"made": 1, "hello": 3, "between": 5, "going": 2, "the": 1}, told)
		})
	}
}

// with is a short process of the same user beside m.
func (m *member) with(c *crowd, t *testing.T, words ...any) {
	t.Helper()
	other := c.member(t, m.user(c), "027")
	other.order("open")
	other.answers("open done")
	other.order(words...)
	other.answers(fmt.Sprint(words[0], " done"))
	other.order("close")
	other.answers("close done")
	other.leaves()
}

func (m *member) user(c *crowd) string {
	for name, who := range c.users {
		if who == m.cmd.SysProcAttr.Credential {
			return name
		}
	}
	return ""
}

// Of three who find no store, each at the same moment, one makes it for all.
func TestThreeUsersMakeAStoreAtOnce(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	for range 5 {
		c.share(t)
		all := []*member{c.member(t, "ana", "077"), c.member(t, "bob", "022"), c.member(t, "carol", "000")}
		var g errgroup.Group
		for _, m := range all {
			g.Go(func() error {
				for _, order := range []string{"open", "append at once", "see 3"} {
					fmt.Fprintln(m.tell, order)
					if verb, _, _ := strings.Cut(order, " "); !m.lines.Scan() || m.lines.Text() != verb+" done" {
						for _, waiting := range all { // for an event that will not come
							_ = waiting.cmd.Process.Kill()
						}
						return fmt.Errorf("%s: %s", order, m.lines.Text())
					}
				}
				return nil
			})
		}
		require.NoError(t, g.Wait())
		c.theirs(t, "", "-wal", "-shm")
		for _, m := range all {
			m.order("close")
			m.answers("close done")
			m.leaves()
		}
	}
}

func TestSharingIsNamed(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	own := open(t, filepath.Join(t.TempDir(), "s.db"))
	sharing, err := own.Sharing()
	require.NoError(t, err)
	require.Equal(t, "private", sharing)
	sharing, err = open(t, c.store()).Sharing()
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(sharing, "shared by group "), sharing)
}

// Who may not have a store is told why, and what would mend it. Only root can
// be somebody else.
func TestWhoMayNotOpenIsTold(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	open(t, c.store())
	if !asRoot() {
		require.NotContains(t, c.users, "mallory")
		require.Error(t, os.Chown(c.store(), 61001, -1), "who is not root gives no file away, and needs no such test")
		return
	}
	says := func(user, want string) {
		t.Helper()
		m := c.member(t, user, "022")
		m.order("open")
		m.answers("open store " + c.store() + ": " + want)
		m.leaves()
	}
	says("mallory", "it is shared by group 61100, and you are not a member (or were not when you logged in); have yourself added to the group and log in again, or give another file with --db")
	require.NoError(t, os.Chmod(c.store(), 0o600))
	says("ana", "it belongs to root alone (mode 0600), though its directory is shared by group 61100; have root run: chmod 660 "+c.store())
	require.NoError(t, os.Chmod(c.dir, 0o755))
	says("ana", "it cannot be written to; give another file with --db, or mend its permissions")
}

// Files and directories that more people may open than a store is for are
// refused with the command that mends it; that command does mend it, and nothing
// is changed before it is run.
func TestOpenRefusesWideModes(t *testing.T) {
	t.Parallel()
	type change func(t *testing.T, dir, db string)
	chmod := func(mode os.FileMode, names ...string) change {
		return func(t *testing.T, dir, db string) {
			for _, name := range names {
				require.NoError(t, os.Chmod(strings.NewReplacer("DIR", dir, "DB", db).Replace(name), mode))
			}
		}
	}
	chown := func(uid, gid int, name string) change {
		return func(t *testing.T, dir, db string) {
			require.NoError(t, os.Chown(strings.ReplaceAll(name, "DB", db), uid, gid))
		}
	}
	type refused struct {
		shared bool
		do     change
		want   string // DIR and DB stand for the paths
	}
	cases := map[string]refused{
		"a file for everybody":            {false, chmod(0o644, "DB"), "everybody on this host may read or write it (mode 0644); run: chmod 600 DB"},
		"a shared file for everybody":     {true, chmod(0o666, "DB"), "everybody on this host may read or write it (mode 0666); run: chmod 660 DB"},
		"a file for a group":              {false, chmod(0o660, "DB"), "it is open to a group (mode 0660), but its directory is not, so that the journal beside it would be another group's; to keep it to its owner run: chmod 600 DB; to share it run: chgrp GROUP DIR && chmod 2770 DIR"},
		"a journal for everybody":         {false, chmod(0o644, "DB-wal"), "DB-wal has mode 0644, the store 0600; run: chmod 600 DB-wal"},
		"an index that others cannot use": {true, chmod(0o600, "DB-shm"), "DB-shm has mode 0600, the store 0660; run: chmod 660 DB-shm"},
		"a directory for everybody":       {false, chmod(0o777, "DIR"), "everybody on this host may replace files in its directory (mode 0777); run: chmod o-w DIR"},
		"a shared one for everybody":      {true, chmod(0o777|os.ModeSetgid, "DIR"), "everybody on this host may replace files in its directory (mode 2777); run: chmod o-w DIR"},
		"a sticky directory":              {true, chmod(0o770|os.ModeSetgid|os.ModeSticky, "DIR"), "in its directory (mode 3770) members of the group may not remove each other's files, which the store needs; run: chmod -t DIR"},
	}
	if asRoot() {
		cases["a file of another group"] = refused{true, chown(-1, 61101, "DB"), "it belongs to group 61101, its directory to group 61100, and so would the journal; run: chgrp 61100 DB"}
		cases["a journal of another group"] = refused{true, chown(-1, 61101, "DB-wal"), "DB-wal belongs to group 61101, the store to group 61100; run: chgrp 61100 DB-wal"}
		cases["a journal that somebody put there"] = refused{false, chown(61004, -1, "DB-wal"), "DB-wal belongs to 61004, the store to root; if it came with the store run: chown root DB-wal, else take it away"}
	}
	for name, r := range cases {
		t.Run(name, func(t *testing.T) {
			dir := real(t, t.TempDir())
			if r.shared {
				dir = newCrowd(t).dir
			}
			path := filepath.Join(dir, "s.db")
			live, err := store.Open(t.Context(), path) // so that the journal and the index stand beside it
			require.NoError(t, err)
			defer func() { require.NoError(t, live.Close()) }()
			_, err = live.Append(t.Context(), incident.Event{Kind: incident.ChangeRecorded, Actor: "ci", Source: "cli", Text: "deploy"})
			require.NoError(t, err)
			r.do(t, dir, path)
			before := modes(t, dir, path)

			_, err = store.Open(t.Context(), path)
			require.Error(t, err)
			require.Equal(t, before, modes(t, dir, path), "nothing is mended in silence")
			group := strconv.Itoa(os.Getegid())
			if g, err := user.LookupGroupId(group); err == nil {
				group = g.Name
			}
			want := strings.NewReplacer("DIR", dir, "DB", path, "GROUP", group).Replace(r.want)
			require.EqualError(t, err, "open store "+path+": "+want)

			_, command, _ := strings.Cut(want, "run: ")
			command, _, _ = strings.Cut(command, "; ") // the first of two ways
			command, _, _ = strings.Cut(command, ", else ")
			out, err := exec.Command("sh", "-c", command).CombinedOutput()
			require.NoError(t, err, "%s: %s", command, out)
			open(t, path)
		})
	}
}

// The command can be given to a shell whatever the file is called.
func TestAPathIsQuotedForTheShell(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "it's $HERE; rm", "s.db")
	db, err := store.Open(t.Context(), path)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	require.NoError(t, os.Chmod(path, 0o604))
	_, err = store.Open(t.Context(), path)
	_, command, _ := strings.Cut(err.Error(), "run: ")
	out, err := exec.Command("sh", "-c", command).CombinedOutput()
	require.NoError(t, err, "%s: %s", command, out)
	open(t, path)
}

func modes(t *testing.T, dir, path string) (all []string) {
	t.Helper()
	for _, name := range []string{dir, path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(name)
		require.NoError(t, err)
		all = append(all, info.Mode().String())
	}
	return all
}

// A directory where everybody may make files of his own, as /tmp is, is fine.
// Where a link leads to the file, it is the file's directory that counts.
func TestPlacesThatAreFine(t *testing.T) {
	t.Parallel()
	tmp := filepath.Join(t.TempDir(), "tmp")
	require.NoError(t, os.Mkdir(tmp, 0o700))
	require.NoError(t, os.Chmod(tmp, 0o777|os.ModeSticky))
	c := newCrowd(t)
	link := filepath.Join(tmp, "link.db")
	require.NoError(t, os.Symlink(c.store(), link))
	open(t, filepath.Join(tmp, "s.db"))
	open(t, link)
	c.theirs(t, "", "-wal", "-shm")
	around := filepath.Join(tmp, "around.db")
	require.NoError(t, os.Symlink("around.db", around))
	_, err := store.Open(t.Context(), around)
	require.ErrorContains(t, err, "open store "+around+": ")
	require.ErrorContains(t, err, "too many")
}

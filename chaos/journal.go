package chaos

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	journalRoom = 256 << 10 // reserved on disk for a run
	journalMost = 16 << 20  // read at most
	journalExt  = ".wal"
)

// Journal is the append-only record of one run. Every record is on the disk
// before Append returns. One that is closed is sealed: nothing may write to it
// any more, and lists read no more of it than its last line. It may be used from several
// goroutines, and runner, undertaker and recovery may append to one file from
// their own processes.
type Journal struct {
	path string
	by   string
	mute bool // it can only be read: nothing is recorded, see joinMute
	mu   sync.Mutex
	file *os.File
}

// createJournal makes the file of a new run: reserves its room, locks it as
// being in use, writes its head, and only then gives it the name by which others
// find it, durably. The caller holds the lock of the directory.
func createJournal(dir string, head Opened, at time.Time) (*Journal, error) {
	draft, path := filepath.Join(dir, head.ID+".new"), filepath.Join(dir, head.ID+journalExt)
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("create journal %s: %w", path, os.ErrExist), err)
	}
	f, err := os.OpenFile(draft, os.O_RDWR|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create journal: %w", err)
	}
	j := &Journal{path: path, file: f}
	for _, step := range []func() error{
		func() error { return preallocate(f, journalRoom) },
		func() error { return flock(f, lockShared) },
		func() error { return j.Append(Record{Rec: recOpened, At: at, Opened: &head}) },
		func() error { return os.Rename(draft, path) },
		func() error { return syncDir(dir) },
	} {
		if err := step(); err != nil {
			return nil, errors.Join(fmt.Errorf("create journal %s: %w", path, err), f.Close(), os.Remove(draft))
		}
	}
	return j, nil
}

// joinJournal opens an existing journal for appending under a lock: lockShared
// beside its runner, lockExclusive only if nobody is using it.
func joinJournal(path, by string, how int) (*Journal, error) {
	return joinAs(os.O_RDWR|os.O_APPEND, path, by, how)
}

// joinMute opens a journal that may not be written: what it leaves open can be undone all
// the same, and nobody can record that.
func joinMute(path string, how int) (*Journal, error) {
	j, err := joinAs(os.O_RDONLY, path, "", how)
	if err != nil {
		return nil, err
	}
	j.mute = true
	return j, nil
}

// unwritable says whether an error means that a file may not be written, though perhaps read.
func unwritable(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

func joinAs(access int, path, by string, how int) (*Journal, error) {
	f, err := os.OpenFile(path, access|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	if err := trustJournal(f, os.Geteuid()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := flock(f, how); err != nil {
		return nil, errors.Join(fmt.Errorf("lock journal %s: %w", path, err), f.Close())
	}
	return &Journal{path: path, by: by, file: f}, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Append writes one record and waits until it is on the disk.
func (j *Journal) Append(r Record) error {
	if err := j.note(r); err != nil || j.mute {
		return err
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("journal %s: %w", j.path, err)
	}
	return nil
}

// note writes one record and does not wait for the disk, which may take its time
// just when an undo is due: for what other processes should see and a power cut
// may take. The newline comes first, so that a line torn by a crash spoils
// nothing that follows it.
func (j *Journal) note(r Record) error {
	if j.mute {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	r.By = j.by
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if _, err := j.file.Write(slices.Concat([]byte("\n"), summed(line), []byte("\n"))); err != nil {
		return fmt.Errorf("journal %s: %w", j.path, err)
	}
	return nil
}

// close gives the lock back and, once the run is closed, seals the file and gives
// the reserved room back too: until then somebody else may have to append, even
// to a full disk, or may be appending now and would lose a record to a
// truncation.
func (j *Journal) close() error {
	l, err := j.log()
	j.mu.Lock()
	defer j.mu.Unlock()
	if err == nil && l.Closed && !j.mute {
		err = errors.Join(j.giveRoomBack(), j.file.Chmod(0o400))
	}
	return errors.Join(err, flock(j.file, unlocked), j.file.Close())
}

func (j *Journal) giveRoomBack() error {
	st, err := j.file.Stat()
	if err != nil {
		return err
	}
	return j.file.Truncate(st.Size())
}

// log reads the journal as it is on the disk now, whether or not it still has its name.
func (j *Journal) log() (Log, error) { return readLog(j.file, j.path) }

// lost says that the file has its name no more: somebody has removed or moved the
// directory, and nobody who looks there finds the run, nor can a HALT there end it.
func (j *Journal) lost() bool {
	named, err := os.Lstat(j.path)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
	}
	ours, err := j.file.Stat()
	return err == nil && !os.SameFile(named, ours)
}

// ReadLog folds the journal at path. A line that a crash has cut off is counted
// and skipped: what it would have announced was never begun. What no crash leaves
// behind is in Log.Damage.
func ReadLog(path string) (Log, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a FIFO would keep whoever looks for ever
	if errors.Is(err, fs.ErrPermission) {
		return Log{}, fmt.Errorf("read journal: %w: nobody can say whether its run is undone; chmod u+rw it, then sitrep chaos recover", err)
	}
	if err != nil {
		return Log{}, fmt.Errorf("read journal: %w", err)
	}
	defer f.Close()
	return readLog(f, path)
}

func readLog(f *os.File, path string) (Log, error) {
	l, err := foldLog(io.NewSectionReader(f, 0, journalMost))
	l.Path = path
	if err != nil {
		return l, fmt.Errorf("read journal %s: %w", path, err)
	}
	if st, err := f.Stat(); err == nil && st.Size() > journalMost {
		l.damage("it is longer than %d MiB, and the rest was not read", journalMost>>20)
	}
	return l, nil
}

func foldLog(r io.Reader) (Log, error) {
	var f folding
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := in.ReadBytes('\n')
		f.at++
		if line = bytes.Trim(line, "\x00\r\n "); len(line) > 0 {
			f.take(line)
		}
		if errors.Is(err, io.EOF) {
			return f.end(), nil
		}
		if err != nil {
			return f.end(), err
		}
	}
}

// folding is a journal while its lines are read.
type folding struct {
	log Log
	at  int // the line, counted from 1
	cut int // the last line that was cut off; 0 = none
}

// take folds one line. One that is cut off is what a writer leaves that dies in
// the middle: nothing may follow it but what others write who clean up. What is
// damaged is not believed, but an intent in it is still worth an undo.
func (f *folding) take(line []byte) {
	var rec Record
	err := json.Unmarshal(line, &rec)
	switch {
	case err != nil && cutOff(line):
		f.log.Torn++
		f.cut = f.at
		return
	case err != nil || rec.Rec == "":
		f.log.Torn++
		f.log.damage("line %d cannot be read", f.at)
		return
	case !intact(line):
		f.log.damage("line %d is not as it was written", f.at)
		if rec.Rec != recIntent {
			return
		}
	case f.cut != 0 && rec.By == "":
		f.log.damage("line %d breaks off, and its writer went on", f.cut)
	}
	if rec.ofFault() && rec.Rec != recIntent && f.log.entry(rec.Entry) == nil {
		f.log.damage("line %d is about fault %s, and what that was cannot be read", f.at, rec.Entry)
	}
	f.log.apply(rec)
}

// end is the whole. A journal has its head before it has its name, so that one
// without a head, even an empty one, has lost what was in it.
func (f *folding) end() Log {
	if f.log.OpenedAt.IsZero() {
		f.log.damage("its head is missing")
	}
	return f.log
}

// cutOff says whether a line is the beginning of a record and nothing else.
func cutOff(line []byte) bool {
	var v json.RawMessage
	return line[0] == '{' && errors.Is(json.NewDecoder(bytes.NewReader(line)).Decode(&v), io.ErrUnexpectedEOF)
}

// sumKey is where the checksum of a line begins. It cannot be in a text: quotes
// are escaped there.
const sumKey = `,"sum":"`

// summed is a line of JSON with its own checksum as the last field.
func summed(line []byte) []byte {
	return fmt.Appendf(line[:len(line)-1:len(line)-1], sumKey+`%08x"}`, crc32.ChecksumIEEE(line))
}

// intact says whether a line has the checksum that it was written with. One
// without, of an earlier sitrep, is taken for it.
func intact(line []byte) bool {
	i := bytes.LastIndex(line, []byte(sumKey))
	return i < 0 || bytes.Equal(line, summed(slices.Concat(line[:i], []byte("}"))))
}

// journals lists the journals of a directory that are not sealed, oldest first (a
// ULID sorts by time). A directory that does not exist has none. One that may not be
// written is sealed only if its last line says that it is closed.
func journals(dir string) ([]string, error) {
	names, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, n := range names {
		if !strings.HasSuffix(n.Name(), journalExt) || n.IsDir() {
			continue
		}
		path := filepath.Join(dir, n.Name())
		if info, err := n.Info(); err != nil || !info.Mode().IsRegular() || info.Mode()&0o200 != 0 || !endsClosed(path) { // reading it will tell what is wrong
			paths = append(paths, path)
		}
	}
	return paths, nil
}

// endsClosed says whether the last line of a journal closes it, by a look at its end
// alone: sealed ones pile up, and every command asks.
func endsClosed(path string) bool {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return false
	}
	end := make([]byte, min(st.Size(), 4096)) // a longer line is read with the whole
	if _, err := f.ReadAt(end, st.Size()-int64(len(end))); err != nil {
		return false
	}
	end = bytes.TrimRight(end, "\x00\r\n ")
	line := end[bytes.LastIndexByte(end, '\n')+1:]
	var r Record
	return json.Unmarshal(line, &r) == nil && r.Rec == recClosed && intact(line)
}

// appendNow is Append for what has already happened: the error is returned for
// telling, the caller goes on.
func (j *Journal) appendNow(rec, entry, text string) error {
	return j.Append(Record{Rec: rec, At: time.Now(), Entry: entry, Text: text})
}

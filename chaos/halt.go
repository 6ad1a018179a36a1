package chaos

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// lookEvery is how often runner and undertaker look for the HALT file.
const lookEvery = 250 * time.Millisecond

func haltPath(stateDir string) string { return filepath.Join(stateDir, "HALT") }

// Halt ends and undoes every run that uses stateDir, in whatever process, within
// a second, and forbids new ones until ClearHalt. It works as long as the
// directory can be written, whoever hangs. who does it, and why (which may be empty), is
// in the file, for refusals and verdicts; one that is there already stays, and another
// reason is added to it.
func Halt(stateDir, who, why string) error {
	text := "halted at " + time.Now().UTC().Format(time.RFC3339)
	if who != "" {
		text += " by " + oneLine(who)
	}
	if why != "" {
		text += ": " + oneLine(why)
	}
	err := raise(stateDir, text)
	if errors.Is(err, os.ErrExist) {
		return addReason(stateDir, who, why)
	}
	return err
}

// EndAll is Halt by somebody who ends what runs and forbids nothing: who must ClearHalt
// once that is over. The verdicts say who ended them, and by what. A HALT that is there
// already ends them too, and stays as it is.
func EndAll(stateDir, by string) error {
	err := raise(stateDir, endedAt+time.Now().UTC().Format(time.RFC3339)+endedBy+oneLine(by))
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	return err
}

// What stands in the HALT file of EndAll.
const (
	endedAt = "runs ended at "
	endedBy = " by "
)

// HaltReason is why a run ends that finds a HALT file with this text.
func HaltReason(text string) string {
	if rest, is := strings.CutPrefix(text, endedAt); is {
		if at, by, said := strings.Cut(rest, endedBy); said {
			return fmt.Sprintf("ended by %s (HALT of %s)", by, at)
		}
	}
	return "HALT: " + text
}

// raise makes the HALT file, with its text in it from the first: a run that sees it in
// between would end and could not say by whom. The error is os.ErrExist where there is one.
func raise(stateDir, text string) error {
	if err := os.MkdirAll(stateDir, 0o700); err != nil {
		return fmt.Errorf("halt: %w", err)
	}
	draft, err := os.CreateTemp(stateDir, "HALT.*")
	if err == nil {
		_, err = draft.WriteString(text + "\n")
		if err = errors.Join(err, draft.Close()); err == nil {
			err = os.Link(draft.Name(), haltPath(stateDir))
		}
		_ = os.Remove(draft.Name()) // nobody looks for it
	}
	if err == nil || errors.Is(err, os.ErrExist) {
		return err
	}
	// On a full disk, or where a file has one name only, a HALT that says nothing ends runs too.
	f, err := os.OpenFile(haltPath(stateDir), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return err
	}
	if err == nil {
		_, err = f.WriteString(text + "\n")
		err = errors.Join(err, f.Close())
	}
	if _, is := Halted(stateDir); is && err != nil {
		return nil // on a full disk it says nothing, and it is there
	}
	if err != nil {
		return fmt.Errorf("halt: %w", err)
	}
	return nil
}

// addReason writes down why there is a HALT that was there already: whoever ends a run in
// haste says it later. What stands there stays.
func addReason(stateDir, who, why string) error {
	said, _ := Halted(stateDir)
	if why == "" || len(said) > 400 {
		return nil
	}
	f, err := os.OpenFile(haltPath(stateDir), os.O_WRONLY|os.O_APPEND|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil // it is there, whatever it is
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	_, err = fmt.Fprintf(f, "%s: %s\n", oneLine(who), oneLine(why))
	return err
}

// oneLine is a text on one line, cut so that it fits into what is read of a HALT file.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	const most = 200
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}

// ClearHalt allows runs again. Without a HALT file it does nothing.
func ClearHalt(stateDir string) error {
	if err := os.Remove(haltPath(stateDir)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("clear halt: %w", err)
	}
	return nil
}

// Halted says whether there is a HALT file, and what it says. A file that cannot
// be looked at counts as one.
func Halted(stateDir string) (string, bool) {
	lines, _, is := haltLines(stateDir)
	return strings.Join(lines, "; "), is
}

// HaltFile is what a HALT file says. One that somebody has put there by hand may say
// nothing of who and why.
type HaltFile struct {
	By    string
	Why   string    // all that it says where it was not written by Halt
	Since time.Time // zero where nobody can tell
}

// ReadHalt is Halted, taken apart.
func ReadHalt(stateDir string) (HaltFile, bool) {
	lines, written, is := haltLines(stateDir)
	if !is {
		return HaltFile{}, false
	}
	h := HaltFile{Since: written, Why: strings.Join(lines, "; ")}
	rest, ours := strings.CutPrefix(lines[0], "halted at ")
	at, rest, _ := strings.Cut(rest, " ")
	since, err := time.Parse(time.RFC3339, strings.TrimSuffix(at, ":"))
	if !ours || err != nil {
		return h, true
	}
	h.Since, h.Why = since, rest
	if by, named := strings.CutPrefix(rest, "by "); named {
		h.By, h.Why, _ = strings.Cut(by, ": ")
	}
	more := lines[1:]
	if h.Why != "" {
		more = append([]string{h.Why}, more...)
	}
	h.Why = strings.Join(more, "; ")
	return h, true
}

// haltLines are the lines of the HALT file, at least one, and when it was written.
func haltLines(stateDir string) (lines []string, written time.Time, is bool) {
	info, err := os.Lstat(haltPath(stateDir))
	if errors.Is(err, os.ErrNotExist) {
		return nil, time.Time{}, false
	}
	if err == nil {
		written = info.ModTime()
	}
	if err == nil && !info.Mode().IsRegular() { // a FIFO would keep whoever looks for ever
		return []string{"HALT is no file"}, written, true
	}
	var f *os.File
	if err == nil {
		f, err = os.OpenFile(haltPath(stateDir), os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	}
	if errors.Is(err, os.ErrNotExist) { // it was cleared meanwhile
		return nil, time.Time{}, false
	}
	if err != nil {
		return []string{err.Error()}, written, true
	}
	defer f.Close()
	b, _ := io.ReadAll(io.LimitReader(f, 512))
	return strings.Split(strings.ToValidUTF8(strings.TrimSpace(string(b)), "?"), "\n"), written, true
}

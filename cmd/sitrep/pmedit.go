package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
	"github.com/sitrep-dev/sitrep/store"
)

func (a *app) editCommand() *cobra.Command {
	var from string
	c := a.about("edit ID", "edit it in $EDITOR; every word is kept", func(ctx context.Context, db *store.DB, id incident.ID) error {
		if from != "" {
			return a.keepFile(ctx, db, id, from)
		}
		return a.editPostmortem(ctx, db, id)
	})
	c.Long = "Edit the post-mortem in $VISUAL or $EDITOR. Comments mark its sections; whatever becomes of them, of the line ends or of\n" +
		"the encoding, what you wrote is kept. If somebody else saved meanwhile both edits are merged, and where you changed the same\n" +
		"words both wordings stand between <<<<<<< and >>>>>>>. If sitrep or the editor is killed, the next edit takes in what was saved."
	c.Flags().StringVar(&from, "from", "", "take the text from this `file` (- is standard input) in the place of an editor")
	return c
}

// editPostmortem hands the text to an editor and takes it back.
func (a *app) editPostmortem(ctx context.Context, db *store.DB, id incident.ID) error {
	by, err := a.by(nil)
	if err != nil {
		return err
	}
	b, err := newBench(db)
	if err != nil {
		return err
	}
	handed, err := b.shelf.Load(ctx, id)
	if err != nil {
		return err
	}
	says, err := b.takeUp(ctx, handed, by)
	if _, werr := fmt.Fprint(a.stderr, sanitise(strings.Join(append(says, ""), "\n"))); err != nil || werr != nil {
		return errors.Join(err, werr)
	}
	if handed, err = b.shelf.Load(ctx, id); err != nil {
		return err
	}
	s, err := b.begin(handed)
	if err != nil {
		return err
	}
	// A signal ends the editor, if it is meant to; what that saved is still kept.
	ctx = context.WithoutCancel(ctx)
	text, err := a.throughEditor(ctx, s, handed)
	if err != nil || text == handed.EditForm() {
		if err == nil {
			_, err = fmt.Fprintf(a.stdout, "%s: nothing was changed\n", handed.ID)
		}
		return errors.Join(err, s.done())
	}
	if by, err = a.by(nil); err != nil { // it is another hour
		return err
	}
	kept, err := postmortem.Keep(ctx, b.shelf, handed, text, by)
	if errors.Is(err, postmortem.ErrEmpty) {
		return errors.Join(err, s.done())
	}
	if err != nil {
		return errors.Join(fmt.Errorf("%w; your text is in %s, and the next sitrep postmortem edit %s takes it in", err, s.file, id), s.lock.Close())
	}
	return errors.Join(a.printKept(handed, kept), s.done())
}

// keepFile takes the text from a file, or from standard input.
func (a *app) keepFile(ctx context.Context, db *store.DB, id incident.ID, name string) error {
	by, err := a.by(nil)
	if err != nil {
		return err
	}
	shelf := db.Postmortems()
	handed, err := shelf.Load(ctx, id)
	if err != nil {
		return err
	}
	text, err := a.readText(name)
	if err != nil {
		return fmt.Errorf("edit %s: %w", handed.ID, err)
	}
	form, err := postmortem.ParseEdited(text)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	switch {
	case form.Of == handed.ID && form.Version > 0 && form.Version != handed.Version:
		if handed, err = shelf.Version(ctx, id, form.Version); err != nil {
			return err
		}
	case form.Of != "" && form.Of != handed.ID:
		return usage("%s is a text of %s, not of %s", name, form.Of, handed.ID)
	}
	kept, err := postmortem.Keep(ctx, shelf, handed, text, by)
	if err != nil {
		return err
	}
	return a.printKept(handed, kept)
}

// readText reads a file, or standard input, up to what a post-mortem may have.
func (a *app) readText(name string) (string, error) {
	in := a.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, postmortem.MaxEdited+1))
	return string(text), err
}

// printKept says what became of an edit.
func (a *app) printKept(handed, kept postmortem.Stored) error {
	if kept.Version == handed.Version {
		_, err := fmt.Fprintf(a.stdout, "%s: nothing was changed\n", kept.ID)
		return err
	}
	_, err := fmt.Fprintf(a.stdout, "%s version %d kept\n", kept.ID, kept.Version)
	if n := kept.Conflicts(); err == nil && n > 0 {
		_, err = fmt.Fprintln(a.stderr, conflictLine(kept, n))
	}
	return err
}

func conflictLine(s postmortem.Stored, n int) string {
	return fmt.Sprintf("%s: in %s two people changed the same words; both stand, between <<<<<<< and >>>>>>> (sitrep postmortem edit %s)", s.ID, count(n, "place"), s.Incident)
}

// throughEditor lets a person's editor work on a sheet. An editor that fails has
// changed nothing; what it had saved is set aside.
func (a *app) throughEditor(ctx context.Context, s *sheet, handed postmortem.Stored) (string, error) {
	words := strings.Fields(editor())
	cmd := exec.CommandContext(ctx, words[0], append(words[1:], s.file)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.stdin, a.stdout, a.stderr
	cmd.ExtraFiles = []*os.File{s.lock} // it is edited as long as the editor lives
	failed := cmd.Run()
	text, err := os.ReadFile(s.file)
	switch {
	case failed == nil && err == nil:
		return string(text), nil
	case err != nil && failed == nil:
		return "", fmt.Errorf("read what %s saved: %w; nothing was changed", words[0], err)
	case err != nil || string(text) == handed.EditForm():
		return "", fmt.Errorf("editor %s: %w; nothing was changed (set EDITOR to another)", words[0], failed)
	}
	file, err := s.setAside()
	return "", errors.Join(fmt.Errorf("editor %s: %w; nothing was kept, and what it had saved is in %s (sitrep postmortem edit %s --from FILE takes it)", words[0], failed, file, handed.Incident), err)
}

// editor is what the person edits with.
func editor() string {
	for _, name := range []string{"VISUAL", "EDITOR"} {
		if e := strings.TrimSpace(os.Getenv(name)); e != "" {
			return e
		}
	}
	return "vi"
}

package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

func (a *app) searchCommand() *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use: "search TEXT...", Short: "find events of all incidents by their words, newest first",
		Long: `Search finds the events, of all incidents and outside them, that hold every word
given, those recorded last first. Case and accents do not matter; word* finds
words that begin so, and what is quoted is found as it stands. No other sign has
a meaning. What is searched is the text of events, and service, owner, reason,
link, labels and annotations in their data.`,
		Example: "  sitrep incident search rollback payments\n  sitrep incident search \"connection refused\" pay*",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 1 {
				return usage("search: --limit %d: give 1 or more", limit)
			}
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				hits, err := db.Search(cmd.Context(), args, limit)
				if errors.Is(err, store.ErrNoWords) {
					return usage("search %w: give at least one letter or digit", err)
				}
				if err != nil {
					return err
				}
				return a.printHits(args, hits)
			})
		},
	}
	c.Flags().IntVar(&limit, "limit", 20, "at most `N` events")
	c.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%w (%s --help lists the flags; put -- before a text that begins with a minus)", err, cmd.CommandPath())
	})
	return c
}

func (a *app) printHits(looked []string, hits []store.Hit) error {
	if a.flags.json {
		if hits == nil {
			hits = []store.Hit{}
		}
		return a.print(hits)
	}
	if len(hits) == 0 {
		hint := ""
		if strings.ContainsAny(strings.Join(looked, ""), " \"") {
			hint = "; what is quoted is looked for as it stands"
		}
		_, err := fmt.Fprintf(a.stdout, "nothing holds %s%s\n", sanitise(strings.Join(looked, " ")), hint)
		return err
	}
	width, marks := terminalOf(a.stdout)
	ids, kinds, numbers := 1, 1, 1
	for _, h := range hits {
		numbers = max(numbers, len(strconv.FormatInt(h.Seq, 10)))
		ids, kinds = max(ids, len(h.Incident)), max(kinds, safe.New(string(h.Kind), maxLine).Width())
	}
	for _, h := range hits {
		kind := safe.New(string(h.Kind), maxLine)
		head := fmt.Sprintf("%*d  %-*s  %s  %s%s  ", numbers, h.Seq, ids, orDash(string(h.Incident)), stamp(h.At), kind, strings.Repeat(" ", kinds-kind.Width()))
		if _, err := fmt.Fprintln(a.stdout, strings.TrimRight(head+matchLine(withText(h), max(20, width-safe.New(head, maxLine).Width()), marks), " ")); err != nil {
			return err
		}
	}
	return nil
}

// withText is the match; where it is not of the event's text, that stands before
// it.
func withText(h store.Hit) []store.Piece {
	var all strings.Builder
	for _, p := range h.Match {
		all.WriteString(p.Text)
	}
	if strings.Contains(h.Text, strings.Trim(all.String(), "…")) {
		return h.Match
	}
	return append([]store.Piece{{Text: h.Text + ": "}}, h.Match...)
}

// terminalOf is the width of the terminal that text goes to, and whether it can
// mark some of it; no terminal is as wide as any line.
func terminalOf(out any) (width int, marks bool) {
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return maxLine, false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width < 1 {
		width = maxLine
	}
	name := os.Getenv("TERM")
	return width, name != "" && name != "dumb"
}

// matchLine is a match on one line of at most width cells, in which the first
// hit is seen: where there is no room for all that precedes it, its end is shown.
func matchLine(match []store.Piece, width int, marks bool) string {
	var b strings.Builder
	left := width
	for i, p := range match {
		text := safe.New(p.Text, maxLine)
		if i == 0 && !p.Hit && len(match) > 1 {
			hit := safe.New(match[1].Text, maxLine).Width()
			text = endOf(text, max(width/3, width-hit-1))
		}
		if text = text.Fit(left); text.Width() == 0 {
			break
		}
		left -= text.Width()
		if p.Hit && marks {
			b.WriteString("\x1b[1;4m" + text.String() + "\x1b[0m")
			continue
		}
		b.WriteString(text.String())
	}
	return b.String()
}

// endOf cuts to at most max cells, the first of which is … when something was cut.
func endOf(text safe.Text, max int) safe.Text {
	if text.Width() <= max {
		return text
	}
	_, end := text.Split(text.Width() - max + 1)
	return safe.Concat(safe.Const("…"), end)
}

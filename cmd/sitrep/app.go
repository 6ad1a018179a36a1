package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query/embedded"
	"github.com/sitrep-dev/sitrep/store"
)

// app is one invocation: its flags, its streams, and what it has opened.
type app struct {
	flags  globals
	stdin  *os.File
	stdout io.Writer
	stderr io.Writer
	cfg    *config
	once   *scraper         // of a command that does not stay
	deputy *embedded.Once   // of one whose server does not answer
	alone  bool             // it stands in for a screen whose terminal is gone
	hungUp <-chan os.Signal // has a hang-up of the terminal, if there was one
	args   []string         // it was started with
	begun  func(run string) // told that a load run which was detached sends
}

type globals struct {
	config, db, prometheus, as, context, confirm string
	write                                        string
	json                                         bool
	boards, scrape, rules                        []string
	scrapeConfig                                 string
}

// commands lists every command; each file of this package makes one group.
func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{
		a.demoCommand(), a.daemonCommand(), a.keepLadderCommand(),
		a.incidentCommand(), a.itemCommand(), a.statsCommand(), a.learnCommand(), a.changeCommand(), a.pagesCommand(), a.policyCommand(), a.whoCommand(), a.healthCommand(), a.pagerdutyCommand(),
		a.queryCommand(), a.scrapeCommand(), a.boardCommand(), a.alertCommand(), a.sloCommand(), a.capacityCommand(), a.scorecardCommand(), a.routineCommand(), a.runbookCommand(),
		a.chaosCommand(), a.loadCommand(), a.gamedayCommand(), a.postmortemCommand(), a.storeCommand(), a.doctorCommand(), a.exampleCommand(),
	}
}

// config is the effective configuration: file, then flags.
func (a *app) config() (*config, error) {
	if a.cfg != nil {
		return a.cfg, nil
	}
	file, err := findConfig(a.flags.config)
	if err != nil {
		return nil, err
	}
	c, err := loadConfig(file)
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	if a.flags.prometheus != "" {
		if err := checkURL(a.flags.prometheus); err != nil {
			return nil, usage("--prometheus: %w", err)
		}
		c.Prometheus.URL = a.flags.prometheus
	}
	if err := a.scrapeFlags(c); err != nil {
		return nil, err
	}
	a.cfg = c
	return c, nil
}

// stateDir is where sitrep keeps what must outlive it.
func stateDir() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "sitrep"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find a place for the store: %w; set XDG_STATE_HOME or give --db FILE", err)
	}
	return filepath.Join(home, ".local", "state", "sitrep"), nil
}

// storePath is the file of the store that this invocation works on.
func (a *app) storePath() (string, error) {
	if a.flags.db != "" {
		return a.flags.db, nil
	}
	dir, err := stateDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "sitrep.db"), nil
}

// open opens the store that this invocation works on.
func (a *app) open(ctx context.Context) (*store.DB, error) {
	path, err := a.storePath()
	if err != nil {
		return nil, err
	}
	return store.Open(ctx, path)
}

// withStore runs fn on the store and closes it whatever happens.
func (a *app) withStore(ctx context.Context, fn func(*store.DB) error) error {
	db, err := a.open(ctx)
	if err != nil {
		return err
	}
	return errors.Join(fn(db), db.Close())
}

// actor is who acts, by name.
func (a *app) actor() (incident.Person, error) {
	by, err := a.by(nil)
	return by.Actor, err
}

// by is the stamp of a command's events.
func (a *app) by(evidence json.RawMessage) (incident.By, error) {
	by, err := identify(a.flags.as, os.Getenv("SUDO_USER"), os.Getenv("USER"), os.Getuid(), lookUser)
	by.Source, by.At, by.Evidence = "cli", time.Now(), evidence
	return by, err
}

// print writes v as indented JSON. What JSON allows and a terminal obeys, or a
// reader does not see, is written as an escape.
func (a *app) print(v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	var out strings.Builder
	for _, r := range b.String() {
		if r >= 0x7f && r <= 0x9f || unicode.Is(unicode.Cf, r) && r <= 0xffff {
			fmt.Fprintf(&out, "\\u%04x", r)
			continue
		}
		out.WriteRune(r)
	}
	_, err := io.WriteString(a.stdout, out.String())
	return err
}

package external

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/loadtest"
)

// ErrNotInstalled is wrapped by the error about an engine that is not there.
var ErrNotInstalled = errors.New("not installed")

// Engine is a program that makes load, as it is installed.
type Engine struct {
	Name    string // k6 or JMeter
	Version string // such as v1.8.1; empty if it does not say

	Properties map[string]string // for a plan of JMeter that asks for them

	program string
	kind    kind
}

// kind is what differs between engines.
type kind interface {
	// prepare says how to run file, with what it needs in dir.
	prepare(e Engine, file, dir string) (session, error)
}

// session is one run of an engine.
type session interface {
	args() []string
	env() []string
	drop() // if it cannot be started
	// read gives all that the engine tells to the tally, until over is closed and what was
	// told before is read.
	read(t *tally, over <-chan struct{}) error
	// stop lets what is under way end.
	stop(c *child)
	// into adds what else is known: said is the end of what the program said. It says whether
	// the program itself has ended early.
	into(r *loadtest.Result, code int, said string) (aborted bool)
}

// Of is the engine that runs a file, by its ending; empty for one that none does.
func Of(file string) string {
	switch strings.ToLower(filepath.Ext(file)) {
	case ".js", ".mjs", ".ts":
		return "k6"
	case ".jmx":
		return "JMeter"
	}
	return ""
}

// lookPatience bounds what an engine is asked before it runs.
const lookPatience = 30 * time.Second

var versionForm = regexp.MustCompile(`\bv?(\d+)\.\d+(\.\d+)?\b`)

// Find is the engine of Of(file), if it is installed and can run today's files.
func Find(ctx context.Context, file string) (Engine, error) {
	e := Engine{Name: Of(file)}
	var ask, get string
	oldest := 0
	switch e.Name {
	case "k6":
		e.program, ask, e.kind = "k6", "version", k6{}
		get = "grafana.com/docs/k6 says how to install it"
	case "JMeter":
		e.program, ask, e.kind, oldest = "jmeter", "--version", jmeter{}, 3
		get = "jmeter.apache.org has it (Debian's package, 2.13, reads no plan of today). `sitrep load import` makes a plan that needs no JMeter"
	default:
		return e, fmt.Errorf("no engine is known that runs %s", file)
	}
	path, err := exec.LookPath(e.program)
	if err != nil {
		return e, fmt.Errorf("%s runs %s, and is %w: there is no %s in PATH; %s", e.Name, file, ErrNotInstalled, e.program, get)
	}
	e.program = path
	ctx, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, ask).CombinedOutput()
	if err != nil {
		return e, fmt.Errorf("%s %s: %w: %.300s", path, ask, err, bytes.TrimSpace(out))
	}
	if m := versionForm.FindSubmatch(out); m != nil {
		e.Version = string(m[0])
		if major, _ := strconv.Atoi(string(m[1])); major < oldest {
			return e, fmt.Errorf("%s is %s %s, which reads no plan of today; %s", path, e.Name, e.Version, get)
		}
	}
	return e, nil
}

// String is the engine with its version.
func (e Engine) String() string { return strings.TrimSpace(e.Name + " " + e.Version) }

// Head is what is kept of a run of file when it begins, but for its ID and time; see
// loadtest.Result.Unfinished.
func (e Engine) Head(file string) (loadtest.Result, error) {
	src, err := os.ReadFile(file)
	if err != nil {
		return loadtest.Result{}, err
	}
	sum := sha256.Sum256(append([]byte(e.Name+"\x00"), src...))
	r := head(e.String(), PlanName(file))
	r.PlanHash = hex.EncodeToString(sum[:])
	return r, nil
}

// PlanName is what runs of a file are called.
func PlanName(file string) string {
	base := filepath.Base(file)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

const (
	closeAfter = time.Second // until a second is closed: k6 writes five times a second, JMeter at every sample
	lookEvery  = time.Second // at what was counted
)

// Run runs file to its end. When ctx ends the engine is asked to end, and has m.Drain for
// it; when m.Cut is closed, or the engine is not done by then, it is killed with all that it
// has started. Of m, Keep and Progress are used too. An error says why nothing was sent.
func (e Engine) Run(ctx context.Context, file string, m loadtest.Means) (loadtest.Result, error) {
	dir, err := os.MkdirTemp("", "sitrep-load-")
	if err != nil {
		return loadtest.Result{}, err
	}
	defer os.RemoveAll(dir)
	began := time.Now()
	r, err := e.Head(file)
	if err != nil {
		return r, err
	}
	if file, err = filepath.Abs(file); err != nil {
		return r, err
	}
	s, err := e.kind.prepare(e, file, dir)
	if err != nil {
		return r, err
	}
	var seconds []loadtest.Second
	var rows []loadtest.Row
	t := newTally(func(s loadtest.Second, of []loadtest.Row) {
		if m.Keep != nil {
			m.Keep(s, of)
			return
		}
		seconds, rows = append(seconds, s), append(rows, of...)
	})
	c, err := start(dir, e.program, s.args(), append(environment(), s.env()...))
	if err != nil {
		s.drop()
		return r, err
	}
	read := make(chan error, 1)
	go func() { read <- s.read(t, c.over) }()
	stopped, bad := e.watch(ctx, m, s, c, t, read, began)
	t.finish()
	r = t.into(r)
	r.Seconds, r.Rows = seconds, rows
	if r.Requests == 0 {
		r.StartedAt = began.UTC()
	}
	code := c.code
	if stopped {
		code = 0 // by whatever it ended then
	}
	ended := s.into(&r, code, c.said.last())
	switch {
	case bad != nil && r.Requests == 0:
		return r, fmt.Errorf("%s: %w", e.Name, bad)
	case bad != nil:
		blame(&r, "%s was ended, because what it told cannot be read: %v", e.Name, bad)
	case r.Requests == 0 && code != 0:
		return r, fmt.Errorf("%s ended with code %d before it had sent anything: %s", e.Name, code, c.said.last())
	}
	if m.Progress != nil {
		m.Progress(t.progress(time.Since(began)))
	}
	return r.Judged(stopped || ended), nil
}

// watch looks after a run until the program has ended and all that it told is read.
// Stopped says that somebody wanted it to end.
func (e Engine) watch(ctx context.Context, m loadtest.Means, s session, c *child, t *tally, read <-chan error, began time.Time) (stopped bool, bad error) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	cancelled, cut, late := ctx.Done(), m.Cut, (<-chan time.Time)(nil)
	for {
		select {
		case now := <-ticker.C:
			t.close(now.Add(-closeAfter))
			if m.Progress != nil {
				m.Progress(t.progress(now.Sub(began)))
			}
		case <-cancelled:
			cancelled, stopped = nil, true
			s.stop(c)
			late = time.After(m.Drain)
		case <-late:
			c.kill()
		case <-cut:
			cut, stopped = nil, true
			c.kill()
		case bad = <-read: // before the program has ended only if it told what cannot be read
			c.kill()
			<-c.over
			return stopped, bad
		}
	}
}

// environment is ours, without the proxies: load does not leave this machine by one.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return strings.HasSuffix(strings.ToLower(name), "_proxy")
	})
}

// followed reads a file that a program writes, as it grows, until over is closed.
type followed struct {
	f    *os.File
	over <-chan struct{}
	tick *time.Ticker
	last bool // all that comes now is there already
}

func (f *followed) Read(p []byte) (int, error) {
	for {
		n, err := f.f.Read(p)
		if n > 0 || err != nil && !errors.Is(err, io.EOF) || f.last {
			return n, err
		}
		select {
		case <-f.over:
			f.last = true
		case <-f.tick.C:
		}
	}
}

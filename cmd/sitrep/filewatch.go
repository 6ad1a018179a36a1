package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/tui"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// fileWatch shows what can be started: the experiments, plans and game days of the
// configuration, as their files are now.
type fileWatch struct {
	centre  *centre
	mailbox *tui.Mailbox
	known   string // how the files were when they were read last
	trouble complaint
}

func newFileWatch(c *centre, m *tui.Mailbox) *fileWatch {
	return &fileWatch{centre: c, mailbox: m, trouble: c.news.complaint()}
}

// fileLook is how often somebody looks: a file that was just written is there before one
// has found the key for it.
const fileLook = 2 * time.Second

// Run looks until ctx ends.
func (w *fileWatch) Run(ctx context.Context) error {
	tick := time.NewTicker(fileLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			w.look()
		}
	}
}

// look reads the files if one came, went or is another now. What is wrong with all of them
// together leaves what there was.
func (w *fileWatch) look() {
	if w.state() == w.known {
		return
	}
	if err := w.read(); err != nil {
		w.trouble.say(fmt.Sprintf("what can be started is as it was: %v", err))
		return
	}
	w.trouble.say("")
}

// state is names, sizes and times of the files, without a look into them.
func (w *fileWatch) state() string {
	c, err := w.centre.app.config()
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, section := range []struct {
		name     string
		patterns []string
	}{{"experiments", c.Experiments}, {"plans", c.Plans}, {"gamedays", c.Gamedays}} {
		files, err := c.files(section.name, section.patterns)
		if err != nil {
			fmt.Fprintln(&b, section.name, err)
		}
		for _, f := range files {
			if info, err := os.Stat(f); err == nil {
				fmt.Fprintln(&b, section.name, f, info.Size(), info.ModTime().UnixNano())
			}
		}
	}
	return b.String()
}

// read reads the files and shows them.
func (w *fileWatch) read() error {
	w.known = w.state()
	days, broken, parts, err := w.centre.app.gamedays()
	if err != nil {
		return err
	}
	ready := parts.prepared
	ready.days = days
	w.centre.files.Store(&ready)
	w.mailbox.Update(func(world *pane.World) {
		world.Load.Plans, world.Chaos.Experiments = ready.plans, nil
		for _, e := range ready.experiments {
			world.Chaos.Experiments = append(world.Chaos.Experiments, e.Experiment)
		}
		world.Chaos.Broken, world.Gamedays.Broken = unreadable(ready.broken), unreadable(broken)
		world.Gamedays.Days = preparedDays(days, parts.known)
	})
	return nil
}

func unreadable(list []brokenExperiment) (out []pane.BrokenExperiment) {
	for _, b := range list {
		out = append(out, pane.BrokenExperiment{Name: b.name, Error: b.brief()})
	}
	return out
}

package main

import (
	"os"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/tui/theme"
)

// zone is the time zone that the screen changes to from UTC; nil is the host's.
func (c *config) zone() (*time.Location, error) {
	name := c.UI.Timezone
	if name == "" || name == "UTC" {
		return nil, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, usage("%s: ui.timezone: %w; write for example Europe/Berlin", c.file, err)
	}
	return zone, nil
}

// theme is the configured one on this terminal.
func (c *config) theme() (*theme.Theme, error) {
	o := theme.FromEnv(os.Getenv)
	o.Name = c.UI.Theme
	t, err := theme.New(o)
	if err != nil {
		return nil, usage("%s: ui.theme: %q is none of %s", c.file, c.UI.Theme, strings.Join(theme.Names(), ", "))
	}
	return t, nil
}

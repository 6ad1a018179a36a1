package tui

import (
	"slices"
	"strconv"
	"strings"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// present says who else looks at incident id, or, with "", who else is here and
// what at.
func (m *model) present(id incident.ID) []piece {
	var names []string
	for _, p := range m.world.Present {
		name := safe.New(string(p.Name), 24).String()
		switch {
		case p.Name == m.o.Actor:
			name = "you, once more"
		case id == "" && p.Incident != "":
			name += " on " + safe.New(string(p.Incident), 20).String()
		}
		if id != "" && p.Incident != id || slices.Contains(names, name) {
			continue
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	all := "also here: " + strings.Join(names, ", ")
	first := "also here: " + names[0]
	if len(names) > 1 {
		first += " +" + strconv.Itoa(len(names)-1)
	}
	return []piece{say(6, theme.Plain, safe.New(all, 120), safe.New(first, 60), safe.Sprintf("%d here", len(names)+1))}
}

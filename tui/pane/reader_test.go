package pane

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

// reader is a person in front of one view.
type reader struct {
	t    *testing.T
	view View
	s    *Screen
	w, h int
	said Effect // what the last key did
}

func newReader(t *testing.T, view int, w *World, id incident.ID, width, height int) *reader {
	r := &reader{t: t, view: Views()[view], s: screenOf(w, id), w: width, h: height}
	r.sees()
	return r
}

// press presses keys, with the screen drawn in between.
func (r *reader) press(actions ...keys.Action) Effect {
	for _, a := range actions {
		r.said = r.view.Press(a, r.s)
		r.sees()
	}
	return r.said
}

// sees draws, and holds that the texts are in the picture.
func (r *reader) sees(texts ...string) string {
	r.t.Helper()
	got := picture(r.view, r.s, r.w, r.h).Plain()
	for _, text := range texts {
		require.Contains(r.t, got, text)
	}
	return got
}

func (r *reader) seesNot(texts ...string) {
	r.t.Helper()
	got := r.sees()
	for _, text := range texts {
		require.NotContains(r.t, got, text)
	}
}

// reads holds that the last key opened a text with these parts.
func (r *reader) reads(texts ...string) {
	r.t.Helper()
	require.NotNil(r.t, r.said.Read)
	whole := r.said.Read.Title + "\n" + text(r.said.Read.Lines)
	for _, part := range texts {
		require.Contains(r.t, whole, part)
	}
}

func text(lines []safe.Text) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.String() + "\n")
	}
	return b.String()
}

// with is the world after something happened.
func with(w *World, change func(*World)) *World {
	next := *w
	change(&next)
	return &next
}

func more(w *World, id incident.ID, e incident.Event) *World {
	return with(w, func(w *World) {
		all := map[incident.ID][]incident.Event{}
		for k, v := range w.Events {
			all[k] = v
		}
		e.Incident = id
		all[id] = append(all[id][:len(all[id]):len(all[id])], e)
		w.Events = all
	})
}

package pane

import (
	"cmp"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// clearHalt is what allows runs again.
const clearHalt = "sitrep chaos halt --clear"

// haltRows say that runs are forbidden, by whom, why, and what ends that.
func haltRows(h *chaos.HaltFile, s *Screen) []chaosRow {
	var out []chaosRow
	row := func(label string, style theme.Style, text string) {
		if text == "" {
			return
		}
		out = append(out, chaosRow{
			id: "halt " + label, draw: func(f *frame.Frame) { drawLabelled(f, label, style, text) },
			open: func(s *Screen) Effect { return readHalt(h, s) },
		})
	}
	row("HALT", theme.Crit, "no experiment starts")
	row("who", theme.Plain, haltedBy(h, s))
	row("why", theme.Plain, h.Why)
	row("ends", theme.Plain, "once it is safe: "+clearHalt)
	return out
}

// haltedBy says who has forbidden runs, and since when.
func haltedBy(h *chaos.HaltFile, s *Screen) string {
	text := cmp.Or(h.By, "its file does not say who")
	if !h.Since.IsZero() {
		text += ", since " + stamp(h.Since, s.Now, s.Zone) + ", " + Ago(s.Now.Sub(h.Since)) + " ago"
	}
	return text
}

// haltNote is the same in the heading of a section that may be folded.
func haltNote(h *chaos.HaltFile, s *Screen) safe.Text {
	text := safe.Const("HALT")
	if h.By != "" {
		text = safe.Sprintf("%s by %s", text, safe.New(h.By, 24))
	}
	if !h.Since.IsZero() {
		text = safe.Sprintf("%s, %s", text, Ago(s.Now.Sub(h.Since)))
	}
	return safe.Sprintf("%s: none starts", text)
}

func readHalt(h *chaos.HaltFile, s *Screen) Effect {
	var p page
	p.labelled("HALT", "no experiment starts")
	p.labelled("who", haltedBy(h, s))
	p.labelled("why", h.Why)
	p.text(" ")
	p.text("Somebody has ended and undone every run that keeps its journal here, and allows no new one. Nothing is injected.")
	p.text("Load is not concerned. Ask whoever it was whether it is safe; then: " + clearHalt)
	return p.reading("HALT")
}

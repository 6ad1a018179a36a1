package pane

import (
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query"
)

// The orders of the line that PromQL is asked from, and of what leads from a chart
// to elsewhere. None of them reaches people or targets.
type (
	// Suggest asks for the words that may stand at a spot, Warm for what every
	// suggestion needs.
	Suggest struct {
		At       query.Spot
		Incident incident.ID // see Find
	}
	Warm struct{}

	// Find asks a question, Explain takes its expression apart. A newer one ends
	// one that is still asked. Turn comes back with the answer. With an incident it
	// is asked of what was recorded with it, and of no server.
	Find struct {
		Turn     int
		Question query.Question
		Incident incident.ID
	}
	Explain struct {
		Turn     int
		Question query.Question
		Incident incident.ID
	}

	// Pin puts a question onto the board that is shown, and into the file that the
	// configuration names for it.
	Pin struct{ Title, Expr string }

	// FindLinks fills addresses from a place on a chart. An exemplar is asked for
	// only if one of them wants it.
	FindLinks struct {
		Place query.LinkPlace
		Links []query.Link // of the panel and its board; those of the configuration come to them
	}

	// KeepBoard keeps what a board shows as evidence of an incident.
	KeepBoard struct {
		Snapshot *query.Snapshot
		Incident string
		Text     string // why, in a person's words; may be empty
	}

	// ExportPanel writes a panel of a board to a new file: its values, or a picture.
	ExportPanel struct {
		Snapshot *query.Snapshot
		Panel    string // its title
		Path     string // ends in .csv, .json or .png
		Mark     time.Time
	}
)

func (Suggest) order()     {}
func (Warm) order()        {}
func (Find) order()        {}
func (Explain) order()     {}
func (Pin) order()         {}
func (FindLinks) order()   {}
func (KeepBoard) order()   {}
func (ExportPanel) order() {}

// FilledLink is an address that can be opened.
type FilledLink struct{ Title, URL string }

package postmortem

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/sitrep-dev/sitrep/incident"
)

// The reasons for which a shelf refuses.
var (
	// ErrNone says that an incident has no post-mortem yet.
	ErrNone = errors.New("no post-mortem yet")
	// ErrConflict says that somebody else saved a version in between.
	ErrConflict = errors.New("somebody else saved it in between")
)

// Shelf is where post-mortems are kept, one an incident, with every version.
type Shelf interface {
	// Load is the newest version; an error that is ErrNone if there is none.
	Load(ctx context.Context, id incident.ID) (Stored, error)
	// Save keeps s as the version after version (0: the first one), with its
	// author and time, and puts the event that Saved makes on the timeline in
	// the same transaction. It answers with what it kept: ID and Version are
	// the shelf's to give. A version that is not the newest is ErrConflict;
	// one that changes nothing is answered and not kept again.
	Save(ctx context.Context, s Stored, version int) (Stored, error)
	// List is the newest version of each, the latest incident first.
	List(ctx context.Context) ([]Stored, error)
}

// attempts is how often an edit is merged into what others saved meanwhile.
const attempts = 5

// Refresh drafts the post-mortem of inc anew and keeps it on the shelf, with
// all that people wrote. It is for a person's request or for the moment of
// resolution, not for every turn of a screen: while an incident is open each
// draft differs by the time that has passed.
func Refresh(ctx context.Context, shelf Shelf, inc incident.Incident, events []incident.Event, by incident.By) (Stored, error) {
	return RefreshIn(ctx, shelf, inc, events, by, nil)
}

// RefreshIn is Refresh in another template from now on; nil is the one that it has.
func RefreshIn(ctx context.Context, shelf Shelf, inc incident.Incident, events []incident.Event, by incident.By, chosen *Choice) (Stored, error) {
	return again(func() (Stored, error) {
		s, err := shelf.Load(ctx, inc.ID)
		if err != nil && !errors.Is(err, ErrNone) {
			return Stored{}, err
		}
		if chosen != nil {
			s.Template = chosen
		}
		fresh := s.Template.template().Draft(inc, events, by.At)
		return shelf.Save(ctx, Merge(s, fresh).signed(by), s.Version)
	})
}

// Keep takes back the edit form of handed from an editor. If others saved
// meanwhile the edit is merged into theirs.
func Keep(ctx context.Context, shelf Shelf, handed Stored, text string, by incident.By) (Stored, error) {
	form, err := ParseEdited(text)
	if err != nil {
		return Stored{}, err
	}
	return again(func() (Stored, error) {
		s, err := shelf.Load(ctx, handed.Incident)
		if err != nil {
			return Stored{}, err
		}
		return shelf.Save(ctx, s.Edit(handed, form, by), s.Version)
	})
}

func again(try func() (Stored, error)) (s Stored, err error) {
	for range attempts {
		if s, err = try(); !errors.Is(err, ErrConflict) {
			return s, err
		}
	}
	return s, err
}

// Saved is the event of saving after over before; false if they say the same.
// Before is the zero value for the first version.
func Saved(before, after Stored) (incident.Event, bool) {
	if before.Version > 0 && sameContent(before, after) {
		return incident.Event{}, false
	}
	var edited []string
	for _, k := range after.Sections {
		old, _ := before.Section(k.Key)
		if k.Text() != old.Text() && (k.EditedAt != old.EditedAt || k.EditedBy != old.EditedBy || k.Edited() != old.Edited()) {
			edited = append(edited, k.Key)
		}
	}
	e := incident.Event{
		Incident: after.Incident, At: after.At, Kind: incident.PostmortemDrafted,
		Actor: after.Author, Claimed: after.Claimed, Via: after.Via, Source: "postmortem", Text: after.ID + " drafted",
	}
	switch {
	case len(edited) > 0:
		e.Kind, e.Text = incident.PostmortemEdited, fmt.Sprintf("%s edited: %s", after.ID, strings.Join(edited, ", "))
	case before.Version > 0:
		e.Text = after.ID + " drafted again"
	}
	e.Data = incident.Payload(struct {
		ID       string   `json:"postmortem"`
		Version  int      `json:"version"`
		Sections []string `json:"sections,omitempty"`
	}{after.ID, after.Version, edited})
	return e, true
}

// sameContent compares all but version, author and time.
func sameContent(a, b Stored) bool {
	text := func(s Stored) string {
		s.Version, s.ID = 0, ""
		s = s.signed(incident.By{At: a.At})
		j, err := json.Marshal(s)
		if err != nil {
			return err.Error()
		}
		return string(j)
	}
	return text(a) == text(b)
}

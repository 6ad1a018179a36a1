package alert

import "time"

// The states of a silence.
const (
	SilenceActive  = "active"
	SilencePending = "pending" // begins later
	SilenceExpired = "expired"
)

// Silence hides the alerts that its matchers match, for a while: they go on
// firing, and nobody is told.
type Silence struct {
	ID        string // empty: a new one
	Matchers  Matchers
	StartsAt  time.Time
	EndsAt    time.Time
	CreatedBy string
	Comment   string
	UpdatedAt time.Time
	State     string // of those above
}

// wireSilence is a Silence in Alertmanager's API.
type wireSilence struct {
	ID        string   `json:"id,omitempty"`
	Matchers  Matchers `json:"matchers"`
	StartsAt  wireTime `json:"startsAt"`
	EndsAt    wireTime `json:"endsAt"`
	CreatedBy string   `json:"createdBy"`
	Comment   string   `json:"comment"`
	UpdatedAt wireTime `json:"updatedAt,omitzero"`
	Status    *struct {
		State string `json:"state"`
	} `json:"status,omitempty"`
}

// mostMatchers is how many of a silence are kept: every picture holds them against the
// alerts, and nobody writes as many.
const mostMatchers = 1000

func (w wireSilence) silence() Silence {
	s := Silence{
		ID: w.ID, Matchers: w.Matchers[:min(len(w.Matchers), mostMatchers)], StartsAt: writable(time.Time(w.StartsAt)), EndsAt: writable(time.Time(w.EndsAt)), CreatedBy: w.CreatedBy, Comment: w.Comment, UpdatedAt: writable(time.Time(w.UpdatedAt)),
	}
	if w.Status != nil {
		s.State = w.Status.State
	}
	return s
}

// same says that s asks for what o is: the same that came through twice.
func (s Silence) same(o Silence) bool {
	return o.State != SilenceExpired && s.Matchers.String() == o.Matchers.String() && s.CreatedBy == o.CreatedBy && s.Comment == o.Comment && s.EndsAt.Equal(o.EndsAt)
}

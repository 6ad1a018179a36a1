package escalation

import (
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Response is what a severity asks for.
type Response struct {
	RespondWithin   strictyaml.Duration `json:"respond_within"` // the target of the statistics
	ResolveWithin   strictyaml.Duration `json:"resolve_within"`
	UpdateEvery     strictyaml.Duration `json:"update_every"`
	AckTimeout      strictyaml.Duration `json:"ack_timeout,omitempty"`      // whoever has acknowledged is asked "still on it?" when so long nothing has happened; 0 = never
	CommanderWithin strictyaml.Duration `json:"commander_within,omitempty"` // it is said that nobody is commander when nobody is so long after the declaration; 0 = never
	Page            Page                `json:"page"`                       // how loud L1 is
	Ladder          string              `json:"ladder"`
	Reaches         incident.Level      `json:"reaches"` // the last level that the ladder climbs to by itself
	Scale           float64             `json:"scale"`   // multiplies both clocks of every rung; 1 changes nothing
	Audience        []string            `json:"audience,omitempty"`

	// So long after the resolution the post-mortem is to be reviewed; 0 is no such
	// day, nil what older versions froze.
	PostmortemWithin *strictyaml.Duration `json:"postmortem_within,omitempty"`
}

// Override is what a file, or a service in it, replaces of a Response; what is
// nil or empty stays as it is. An empty Audience that is not nil is nobody.
type Override struct {
	RespondWithin   *strictyaml.Duration `yaml:"respond_within" json:"respond_within,omitempty"`
	ResolveWithin   *strictyaml.Duration `yaml:"resolve_within" json:"resolve_within,omitempty"`
	UpdateEvery     *strictyaml.Duration `yaml:"update_every" json:"update_every,omitempty"`
	AckTimeout      *strictyaml.Duration `yaml:"ack_timeout" json:"ack_timeout,omitempty"`
	CommanderWithin *strictyaml.Duration `yaml:"commander_within" json:"commander_within,omitempty"`
	Page            Page                 `yaml:"page" json:"page,omitempty"`
	Ladder          string               `yaml:"ladder" json:"ladder,omitempty"`
	Reaches         incident.Level       `yaml:"reaches" json:"reaches,omitempty"`
	Scale           *float64             `yaml:"scale" json:"scale,omitempty"`
	Audience        []string             `yaml:"audience" json:"audience,omitzero"`

	PostmortemWithin *strictyaml.Duration `yaml:"postmortem_within" json:"postmortem_within,omitempty"`
}

// with is r with what o replaces. A ladder that ends before the level that r
// reaches is climbed to its end.
func (r Response) with(o Override, ladders map[string][]LevelRule) Response {
	replace(&r.RespondWithin, o.RespondWithin)
	replace(&r.ResolveWithin, o.ResolveWithin)
	replace(&r.UpdateEvery, o.UpdateEvery)
	replace(&r.AckTimeout, o.AckTimeout)
	replace(&r.CommanderWithin, o.CommanderWithin)
	replace(&r.Scale, o.Scale)
	r.Page, r.Ladder = either(o.Page, r.Page), either(o.Ladder, r.Ladder)
	if o.Audience != nil {
		r.Audience = o.Audience
	}
	if o.PostmortemWithin != nil {
		r.PostmortemWithin = o.PostmortemWithin
	}
	if rungs := ladders[r.Ladder]; o.Reaches != "" {
		r.Reaches = o.Reaches
	} else if len(rungs) > 0 && levelIndex(rungs, r.Reaches) < 0 {
		r.Reaches = rungs[len(rungs)-1].Level
	}
	return r
}

func replace[T any](value, by *T) {
	if by != nil {
		*value = *by
	}
}

func either[T comparable](given, otherwise T) T {
	var zero T
	if given != zero {
		return given
	}
	return otherwise
}

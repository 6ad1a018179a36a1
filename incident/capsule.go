package incident

import (
	"errors"
	"time"
)

// Capsule is a stretch of samples that sitrep scraped itself and keeps with an
// incident; how Chunks are read knows package query/embedded.
type Capsule struct {
	From, To        time.Time
	Series, Samples int
	Chunks          []byte
}

// Recording is what an evidence.recorded event carries.
type Recording struct {
	Source string    `json:"source"` // what was scraped in whose stead
	From   time.Time `json:"from"`   // of the first stretch; more are added while the incident lasts
}

// ErrCapsuleFull is that no more samples are kept with an incident.
var ErrCapsuleFull = errors.New("its capsule is full")

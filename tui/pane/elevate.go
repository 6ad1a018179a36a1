package pane

import (
	"fmt"
	"time"
)

// Elevate allows chaos, load and silences in a context that is production, for so long;
// a Length of 0 ends that.
type Elevate struct{ Length time.Duration }

func (Elevate) order() {}

// ReadOnlyText says why something is refused, and what to do.
func ReadOnlyText(context string) string {
	return fmt.Sprintf("%s is read-only: :write 15m first (declare, ack, escalate and resolve never need it)", context)
}

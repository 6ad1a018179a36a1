// Package fault holds the ways to hurt something, one file a fault. All of them
// hurt the lab's processes only: what is not proven to be the lab's is refused.
package fault

import "github.com/sitrep-dev/sitrep/chaos"

// All lists the faults that experiments may name.
func All() []chaos.Fault {
	return []chaos.Fault{httpLatency{}, httpError{}, processPause{}, processKill{}}
}

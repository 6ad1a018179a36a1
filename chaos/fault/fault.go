// Package fault holds the ways to hurt something, one file a fault. All of them
// hurt only what the configuration names, and of what a list behind a URL says only
// what is proven to be the lab's.
package fault

import (
	"encoding/json"

	"github.com/sitrep-dev/sitrep/chaos"
)

// All lists the faults that experiments may name.
func All() []chaos.Fault {
	return []chaos.Fault{
		httpLatency{},
		httpError{},
		httpAbort{},
		httpTruncate{},
		httpThrottle{},
		processPause{},
		processKill{},
		netDrop{},
		netReject{},
		netLoss{},
		netRate{},
		netDelay{},
		dnsFail{},
		containerPause{},
		containerStop{},
		containerKill{},
		containerCPU{},
		toxic{"latency"},
		toxic{"timeout"},
		toxic{"reset_peer"},
		toxic{"bandwidth"},
		toxic{"slow_close"},
		toxic{"slicer"},
		toxic{"limit_data"},
		toxicDown{},
		customExec{},
		cpuBurn{},
		memFill{},
		ioBurn{},
		ioThrottle{},
		diskFill{},
	}
}

// Holders are what `sitrep __chaos-hold` can hold, by the kind of fault and where
// that has several the mechanism.
func Holders() map[string]chaos.NewHolder {
	return map[string]chaos.NewHolder{
		"process.pause/ptrace": holder[traced],
		tableHolder:            holder[table],
		queueHolder:            holder[queued],
		redirectHolder:         holder[redirected],
		dnsHolder:              holder[responder],
		"cpu.burn/burner":      holder[burner],
		"cpu.burn/stress-ng":   holder[stressor],
		"mem.fill":             holder[memory],
		"io.burn":              holder[disturber],
		"disk.fill":            holder[filler],
	}
}

// holder reads a T, which is both what a plan says and what holds the fault.
func holder[T any, H interface {
	*T
	chaos.Holder
}](spec json.RawMessage) (chaos.Holder, error) {
	h := H(new(T))
	return h, json.Unmarshal(spec, h)
}

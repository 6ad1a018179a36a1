package fault

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"strconv"

	"github.com/sitrep-dev/sitrep/chaos"
)

// netRate drops what goes over a rate, as a line does that is too thin.
type netRate struct{}

func (netRate) Kind() string { return "net.rate" }

func (netRate) Check(with chaos.With) error {
	_, _, err := readRate(with)
	return err
}

var rateText = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)(bit|kbit|mbit|gbit|B|KB|MB|KiB|MiB)$`)

// rateUnits are in bytes a second.
var rateUnits = map[string]float64{
	"bit": 1. / 8, "kbit": 1e3 / 8, "mbit": 1e6 / 8, "gbit": 1e9 / 8, "B": 1, "KB": 1e3, "MB": 1e6, "KiB": 1 << 10, "MiB": 1 << 20,
}

const (
	slowest = 1 << 10 // bytes a second
	fastest = 1 << 30
	// leastBucket is two of the largest packets that a host hands to its network card,
	// 64 KiB: one that does not fit into the bucket never passes.
	leastBucket = 128 << 10
	leastBurst  = 1500 // nft wants one
)

// readRate gives the rate in bytes a second.
func readRate(with chaos.With) (s scope, rate int64, err error) {
	if s, err = readScope(with, "rate"); err != nil {
		return s, 0, err
	}
	text, ok := with["rate"]
	if !ok {
		return s, 0, &chaos.ParamError{Key: "rate", Message: "missing; write for example rate: 1mbit, or 256KiB, each a second"}
	}
	m := rateText.FindStringSubmatch(string(text))
	if m == nil {
		return s, 0, &chaos.ParamError{Key: "rate", Message: fmt.Sprintf("%q is not a rate; write for example 1mbit, or 256KiB, each a second", text)}
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if v := math.Round(n * rateUnits[m[2]]); err == nil && v >= slowest && v <= fastest {
		return s, int64(v), nil
	}
	return s, 0, &chaos.ParamError{Key: "rate", Message: fmt.Sprintf("%s is not between 1KiB and 1024MiB a second", text)}
}

func (f netRate) Plan(ctx context.Context, id string, step chaos.Step, target chaos.Target) (chaos.Injection, error) {
	s, rate, err := readRate(step.With)
	if err != nil {
		return chaos.Injection{}, err
	}
	burst := max(leastBurst, leastBucket-rate) // the kernel's bucket holds a second's worth beside it
	limit := fmt.Sprintf("limit rate over %d bytes/second burst %d bytes counter drop", rate, burst)
	return planTable(ctx, f.Kind(), id, step, target, s, []string{limit}, false)
}

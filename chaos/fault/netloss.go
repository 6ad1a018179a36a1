package fault

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"github.com/sitrep-dev/sitrep/chaos"
)

// netLoss lets a share of the packets vanish, each by chance.
type netLoss struct{}

func (netLoss) Kind() string { return "net.loss" }

func (netLoss) Check(with chaos.With) error {
	_, _, err := readLoss(with)
	return err
}

// readLoss gives the share as a number of packets in 10 000.
func readLoss(with chaos.With) (s scope, share int, err error) {
	if s, err = readScope(with, "percent"); err != nil {
		return s, 0, err
	}
	text, ok := with["percent"]
	if !ok {
		return s, 0, &chaos.ParamError{Key: "percent", Message: "missing; write for example percent: 30"}
	}
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !(v >= 0.01 && v <= 100) {
		return s, 0, &chaos.ParamError{Key: "percent", Message: fmt.Sprintf("%q is not a share of the packets; write a number from 0.01 to 100", text)}
	}
	return s, int(math.Round(v * 100)), nil
}

func (f netLoss) Plan(ctx context.Context, id string, step chaos.Step, target chaos.Target) (chaos.Injection, error) {
	s, share, err := readLoss(step.With)
	if err != nil {
		return chaos.Injection{}, err
	}
	const all = 10000
	chance := fmt.Sprintf("numgen random mod %d < %d ", all, share)
	if share == all { // which nft refuses to compare with
		chance = ""
	}
	return planTable(ctx, f.Kind(), id, step, target, s, []string{chance + "counter drop"}, share == all)
}

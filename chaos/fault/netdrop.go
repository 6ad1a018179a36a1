package fault

import (
	"context"

	"github.com/sitrep-dev/sitrep/chaos"
)

// netDrop lets packets vanish, as a network does that has come apart: nobody is told,
// and connections hang until their own patience ends.
type netDrop struct{}

func (netDrop) Kind() string { return "net.drop" }

func (netDrop) Check(with chaos.With) error {
	_, err := readScope(with)
	return err
}

func (f netDrop) Plan(ctx context.Context, id string, step chaos.Step, target chaos.Target) (chaos.Injection, error) {
	s, err := readScope(step.With)
	if err != nil {
		return chaos.Injection{}, err
	}
	return planTable(ctx, f.Kind(), id, step, target, s, []string{"counter drop"}, true)
}

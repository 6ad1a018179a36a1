package fault

import (
	"context"

	"github.com/sitrep-dev/sitrep/chaos"
)

// netReject answers packets as a host does where nothing listens: TCP with a reset,
// which ends connections that are open too, everything else with "port unreachable".
type netReject struct{}

func (netReject) Kind() string { return "net.reject" }

func (netReject) Check(with chaos.With) error {
	_, err := readScope(with)
	return err
}

func (f netReject) Plan(ctx context.Context, id string, step chaos.Step, target chaos.Target) (chaos.Injection, error) {
	s, err := readScope(step.With)
	if err != nil {
		return chaos.Injection{}, err
	}
	var statements []string
	if s.protocol != "udp" {
		statements = append(statements, "meta l4proto tcp counter reject with tcp reset")
	}
	if s.protocol != "tcp" {
		statements = append(statements, "meta l4proto != tcp counter reject with icmpx type port-unreachable")
	}
	return planTable(ctx, f.Kind(), id, step, target, s, statements, true)
}

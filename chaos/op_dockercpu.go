package chaos

import (
	"context"
	"errors"
	"fmt"
	"strconv"
)

// CPULimit is how much CPU a container may have, in Docker's own words: billionths of a
// CPU, or microseconds of each period. Docker knows the one or the other of a container.
type CPULimit struct {
	NanoCPUs int64 `json:"NanoCpus,omitempty"`
	Quota    int64 `json:"CpuQuota,omitempty"` // 0 was never set, -1 is no limit
	Period   int64 `json:"CpuPeriod,omitempty"`
}

// usualPeriod is the kernel's, in microseconds.
const usualPeriod = 100_000

// CPUs is the limit in CPUs, 0 for none.
func (l CPULimit) CPUs() float64 {
	switch {
	case l.NanoCPUs > 0:
		return float64(l.NanoCPUs) / 1e9
	case l.Quota > 0 && l.Period > 0:
		return float64(l.Quota) / float64(l.Period)
	case l.Quota > 0:
		return float64(l.Quota) / usualPeriod
	}
	return 0
}

func (l CPULimit) String() string {
	if l.CPUs() == 0 {
		return "no limit"
	}
	return strconv.FormatFloat(l.CPUs(), 'f', -1, 64) + " CPUs"
}

// Lower is the limit that is set where this one is, and what puts this one back. A limit
// in billionths can be changed but never be taken away again (Docker takes 0 for nothing
// said), so that a container without one gets it in microseconds, where -1 is none.
func (l CPULimit) Lower(cpus float64) (set, back CPULimit) {
	if l.NanoCPUs > 0 {
		return CPULimit{NanoCPUs: int64(cpus * 1e9)}, CPULimit{NanoCPUs: l.NanoCPUs}
	}
	period := l.Period
	if period <= 0 {
		period = usualPeriod
	}
	back = CPULimit{Quota: l.Quota, Period: period}
	if back.Quota <= 0 {
		back.Quota = -1
	}
	return CPULimit{Quota: int64(cpus * float64(period)), Period: period}, back
}

// RestoreCPU is the undo of a limit: where the container has the one that was set, it
// gets back the one that it had.
func RestoreCPU(c Container, set, back CPULimit) Op {
	return Op{Do: "container-cpu", Container: &c, CPU: &CPUChange{set, back}}
}

// CPURestored is true when the container has not the limit that was set, or is gone.
func CPURestored(c Container, set, back CPULimit) Check {
	return Check{Is: "container-cpu", Container: &c, CPU: &CPUChange{set, back}}
}

// CPUChange is a limit that was set, and the one before.
type CPUChange struct {
	Set  CPULimit `json:"set"`
	Back CPULimit `json:"back"`
}

var restoreCPUOp = opKind{
	valid: func(o Op) error { return validCPU(o.Container, o.CPU) },
	text: func(o Op) string {
		return fmt.Sprintf("docker -H unix://%s update %s: %s again, if it is %s", o.Container.Socket, o.Container, o.CPU.Back, o.CPU.Set)
	},
	do: func(ctx context.Context, o Op) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, toolPatience)
		defer cancel()
		text, has, err := o.Container.limited(ctx, o.CPU.Set)
		if !has || err != nil {
			return text, err
		}
		if err := o.Container.Docker().Limit(ctx, o.Container.ID, o.CPU.Back); err != nil && !errors.Is(err, ErrContainerGone) {
			return "", err
		}
		return fmt.Sprintf("container %s has %s again", o.Container, o.CPU.Back), nil
	},
}

var cpuRestoredCheck = checkKind{
	valid: func(c Check) error { return validCPU(c.Container, c.CPU) },
	text:  func(c Check) string { return fmt.Sprintf("container %s has not %s", c.Container, c.CPU.Set) },
	look: func(ctx context.Context, c Check) (string, bool, error) {
		ctx, cancel := context.WithTimeout(ctx, toolPatience)
		defer cancel()
		text, has, err := c.Container.limited(ctx, c.CPU.Set)
		return text, !has && err == nil, err
	},
}

// validCPU refuses an undo that would narrow.
func validCPU(c *Container, change *CPUChange) error {
	if err := validContainer(c); err != nil {
		return err
	}
	if change == nil || change.Set.CPUs() <= 0 || change.Back.CPUs() > 0 && change.Back.CPUs() <= change.Set.CPUs() ||
		(change.Set.NanoCPUs > 0) != (change.Back.NanoCPUs > 0) {
		return fmt.Errorf("container %s: no limit that was narrowed", c)
	}
	return nil
}

// limited says whether the container has that limit now. It stays across a restart.
func (c Container) limited(ctx context.Context, by CPULimit) (text string, has bool, err error) {
	s, err := c.Docker().Inspect(ctx, c.ID)
	if errors.Is(err, ErrContainerGone) {
		return err.Error(), false, nil
	}
	now := s.HostConfig.CPULimit
	return fmt.Sprintf("container %s has %s", c, now), now == by, err
}

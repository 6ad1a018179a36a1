package fault

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sitrep-dev/sitrep/chaos"
)

// queued holds a delay: rules of iptables lead packets into a queue, which this process
// empties with patience. The rules outlive it and mean nothing then: a packet passes a
// queue that nobody holds (--queue-bypass).
type queued struct {
	Netns   chaos.Netns       `json:"netns"`
	Number  uint16            `json:"number"`
	Rules   map[string]string `json:"rules"` // by the program that restores them
	Latency time.Duration     `json:"latency"`
	Jitter  time.Duration     `json:"jitter"`
	Reach   string            `json:"reach,omitempty"`   // address and port that the fault is about, if it is one
	Control []string          `json:"control,omitempty"` // must stay reachable from here

	do     func(func() error) error // inside
	queue  *queue
	before time.Duration // that a connection to Reach took, 0 where none came about
}

// Hold is chaos.Holder's.
func (q *queued) Hold(ctx context.Context) (string, error) {
	var err error
	if q.do, err = q.Netns.Stay(); err != nil {
		return "", err
	}
	before := reachable(ctx, q.Control)
	q.before = q.connectTime(ctx)
	err = q.do(func() (err error) {
		q.queue, err = openQueue(q.Number)
		return err
	})
	if errors.Is(err, unix.EPERM) { // that we may was tried by the plan
		err = fmt.Errorf("another program holds it: %w", err)
	}
	if err != nil {
		return "", err
	}
	go func() {
		err := q.queue.hold(q.delay)
		fmt.Fprintf(os.Stderr, "queue %d: %v\n", q.Number, err)
		os.Exit(1) // the packets pass then
	}()
	for _, tool := range restorers {
		if rules := q.Rules[tool]; rules != "" {
			err := q.do(func() error {
				_, err := chaos.ToolCall{Name: tool, Args: restoreArgs, Stdin: rules, Attached: true}.Run(ctx)
				return err
			})
			if err != nil {
				return "", err
			}
		}
	}
	return fmt.Sprintf("queue %d of %s is held", q.Number, q.Netns), stillReachable(ctx, before)
}

// restorers put rules in place for the two families of addresses.
var restorers = []string{"iptables-restore", "ip6tables-restore"}

// restoreArgs leave everybody else's rules as they are.
var restoreArgs = []string{"--noflush", "-w", "5"}

// delay is of one packet.
func (q *queued) delay() time.Duration {
	if q.Jitter == 0 {
		return q.Latency
	}
	return q.Latency - q.Jitter + rand.N(2*q.Jitter+1)
}

// Observe is chaos.Holder's.
func (q *queued) Observe(ctx context.Context) (string, bool, error) {
	now := q.connectTime(ctx)
	effect := delayEffect{packets: q.queue.held.Load(), reach: q.Reach, before: q.before, now: now, least: q.Latency - q.Jitter}
	text, ok := effect.judge()
	return text, ok, nil
}

func (q *queued) connectTime(ctx context.Context) time.Duration {
	return connectTime(ctx, q.do, q.Reach, q.Latency+q.Jitter)
}

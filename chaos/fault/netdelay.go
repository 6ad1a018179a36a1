package fault

import (
	"context"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// netDelay lets packets come later.
//
//	nfqueue   a holder keeps each for its time; when it ends, packets pass at once
//	netem     a queueing discipline of the kernel does; taken away by the undo
type netDelay struct{}

func (netDelay) Kind() string { return "net.delay" }

// Mechanisms is chaos.Mechanical's.
func (netDelay) Mechanisms() []string { return []string{"nfqueue", "netem"} }

func (netDelay) Check(with chaos.With) error {
	_, _, err := readDelay(with)
	return err
}

// longestDelay keeps what is held at a time within bounds.
const longestDelay = 10 * time.Second

type delay struct{ latency, jitter time.Duration }

func (d delay) String() string {
	if d.jitter == 0 {
		return strictyaml.FormatDuration(d.latency)
	}
	return strictyaml.FormatDuration(d.latency) + " ± " + strictyaml.FormatDuration(d.jitter)
}

func readDelay(with chaos.With) (s scope, d delay, err error) {
	if s, err = readScope(with, "latency", "jitter"); err != nil {
		return s, d, err
	}
	if d.latency, err = with.Duration("latency", -1, longestDelay); err != nil {
		return s, d, err
	}
	if d.latency < time.Millisecond {
		return s, d, &chaos.ParamError{Key: "latency", Message: "less than 1ms does nothing"}
	}
	d.jitter, err = with.Duration("jitter", 0, d.latency)
	return s, d, err
}

func (f netDelay) Plan(ctx context.Context, id string, step chaos.Step, target chaos.Target) (chaos.Injection, error) {
	s, d, err := readDelay(step.With)
	if err != nil {
		return chaos.Injection{}, err
	}
	p, err := placeOf(ctx, target, s)
	if err != nil {
		return chaos.Injection{}, err
	}
	inj := chaos.Injection{ID: id, Kind: f.Kind(), Target: target.Name, Confirm: p.confirm()}
	var queueErr, netemErr error
	if step.Mechanism != "netem" {
		if queueErr = p.planQueue(ctx, &inj, d); queueErr == nil || step.Mechanism == "nfqueue" {
			return inj, queueErr
		}
	}
	if netemErr = p.planNetem(ctx, &inj, d); netemErr == nil || step.Mechanism == "netem" {
		return inj, netemErr
	}
	return inj, chaos.Refuse("no-mechanism", "either would do", "nfqueue: %s; netem: %s", chaos.WhyRefused(queueErr), chaos.WhyRefused(netemErr))
}

// queueHolder is the name of what holds a delay.
const queueHolder = "net.delay/nfqueue"

// planQueue plans a delay by a queue.
func (p place) planQueue(ctx context.Context, inj *chaos.Injection, d delay) error {
	name, number := netName(inj.ID), queueNumber(inj.ID)
	rules, err := p.queueRules(name, number)
	if err != nil {
		return err
	}
	if err := p.queueWorks(ctx); err != nil {
		return err
	}
	inj.Tier = chaos.TierKernel
	var gone []chaos.Check
	for _, hook := range p.scope.hooks() {
		inj.Undo = append(inj.Undo, chaos.IptablesDelete(p.netns, chainOf(name, hook)))
		gone = append(gone, chaos.IptablesAbsent(p.netns, chainOf(name, hook)))
	}
	inj.Gone = chaos.Every(gone...)
	inj.Preview = []string{p.where(), fmt.Sprintf("let every packet of queue %d through after %s", number, d)}
	for _, tool := range restorers {
		if rules[tool] != "" {
			inj.Preview = append(inj.Preview, tool+" "+strings.Join(restoreArgs, " "))
			inj.Preview = append(inj.Preview, strings.Split(strings.TrimSpace(rules[tool]), "\n")...)
		}
	}
	inj.Preview = append(inj.Preview, "(these rules outlive their holder until the undo; without it, packets pass at once)")
	inj.Injector = chaos.Hold(inj.ID, queueHolder, &queued{
		Netns: p.netns, Number: number, Rules: rules, Latency: d.latency, Jitter: d.jitter, Reach: p.scope.one(p.peers), Control: p.control.texts(),
	})
	return nil
}

// queueNumber is drawn from the fault's ID, above those that people give by hand. One
// that is taken is found when it is bound.
func queueNumber(id string) uint16 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return uint16(1024 + h.Sum32()%(65535-1024))
}

// queueWorks tries the rule where nobody is, and looks whether we may work where the
// target is.
func (p place) queueWorks(ctx context.Context) error {
	for _, tool := range []string{"iptables", "iptables-restore"} {
		if _, err := chaos.FindTool(tool); err != nil {
			return chaos.Refuse("no-mechanism", "install iptables", "%v", err)
		}
	}
	try := chaos.ToolCall{Name: "iptables", Args: strings.Fields("-w 5 -t mangle -A OUTPUT -p tcp -j NFQUEUE --queue-num 1024 --queue-bypass")}
	err := alone(ctx, try)
	if err == nil {
		_, err = p.netns.Tool(ctx, chaos.ToolCall{Name: "iptables", Args: strings.Fields("-w 5 -t mangle -S OUTPUT")})
	}
	switch {
	case err == nil:
		return nil
	case chaos.NotAllowed(err):
		return chaos.RefuseFor(err, "no-rights", "run sitrep with CAP_NET_ADMIN (and CAP_SYS_ADMIN for another's network namespace)", "sitrep may not make rules of iptables there")
	}
	return chaos.RefuseFor(err, "no-mechanism", "the kernel needs NFQUEUE (CONFIG_NETFILTER_XT_TARGET_NFQUEUE)", "packets cannot be queued here")
}

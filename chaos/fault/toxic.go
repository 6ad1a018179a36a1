package fault

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
)

// toxic is a fault that a Toxiproxy does, under the name that it has there: latency,
// timeout, reset_peer, bandwidth, slow_close, slicer, limit_data. See toxicDown for the
// one that is none of its toxics.
type toxic struct{ name string }

func (f toxic) Kind() string { return "toxic." + f.name }

func (f toxic) Check(with chaos.With) error {
	_, err := f.read(with)
	return err
}

// toxicWish is what a step asks for.
type toxicWish struct {
	toxic chaos.Toxic
	slows time.Duration // an answer takes longer by that; 0 is not known
	fails bool          // there is no answer
}

// toxicParams are the parameters of each, beside stream and toxicity.
var toxicParams = map[string][]string{
	"latency":    {"latency", "jitter"},
	"timeout":    {"timeout"},
	"reset_peer": {"timeout"},
	"bandwidth":  {"rate"},
	"slow_close": {"delay"},
	"slicer":     {"average_size", "size_variation", "delay"},
	"limit_data": {"bytes"},
}

func (f toxic) read(with chaos.With) (w toxicWish, err error) {
	if err = with.Only(append(slices.Clone(toxicParams[f.name]), "stream", "toxicity")...); err != nil {
		return w, err
	}
	w.toxic.Type = f.name
	if w.toxic.Stream, err = with.Word("stream", "downstream", "upstream"); err != nil {
		return w, err
	}
	if w.toxic.Toxicity, err = with.Ratio("toxicity", 1); err != nil {
		return w, err
	}
	w.toxic.Attributes, err = f.attributes(with)
	a := w.toxic.Attributes
	w.slows = max(0, time.Duration(a["latency"]-a["jitter"])*time.Millisecond)
	w.fails = f.name == "timeout" || f.name == "reset_peer"
	return w, err
}

// attributes are in Toxiproxy's units: milliseconds, but microseconds of a slicer, bytes,
// and 1000 bytes a second.
func (f toxic) attributes(with chaos.With) (map[string]int64, error) {
	all := map[string]int64{}
	var problem error
	duration := func(key string, fallback, unit time.Duration) {
		d, err := with.Duration(key, fallback, maxLatency)
		problem = errors.Join(problem, err)
		all[key] = int64(d / unit)
	}
	size := func(key string, fallback, unit int64) {
		n, err := with.Size(key, fallback)
		if err == nil && n < unit && fallback < 0 {
			err = &chaos.ParamError{Key: key, Message: fmt.Sprintf("less than %d B cannot be asked of Toxiproxy", unit)}
		}
		problem = errors.Join(problem, err)
		all[key] = n / unit
	}
	switch f.name {
	case "latency":
		duration("latency", -1, time.Millisecond)
		duration("jitter", 0, time.Millisecond)
		if problem == nil && (all["latency"] < 1 || all["jitter"] > all["latency"]) {
			problem = &chaos.ParamError{Key: "latency", Message: "want at least 1ms, and no less than the jitter"}
		}
	case "timeout", "reset_peer":
		duration("timeout", 0, time.Millisecond)
	case "bandwidth":
		size("rate", -1, 1000)
	case "slow_close":
		duration("delay", -1, time.Millisecond)
	case "slicer":
		size("average_size", -1, 1)
		size("size_variation", 0, 1)
		duration("delay", 0, time.Microsecond)
		if problem == nil && all["size_variation"] >= all["average_size"] {
			problem = &chaos.ParamError{Key: "size_variation", Message: "it must be less than average_size"}
		}
	case "limit_data":
		size("bytes", -1, 1)
	}
	return all, firstParam(problem)
}

// firstParam is the first complaint of several about parameters.
func firstParam(err error) error {
	var at *chaos.ParamError
	if errors.As(err, &at) {
		return at
	}
	return err
}

func (f toxic) Plan(ctx context.Context, id string, step chaos.Step, target chaos.Target) (chaos.Injection, error) {
	w, err := f.read(step.With)
	if err != nil {
		return chaos.Injection{}, err
	}
	t, _, err := toxicOf(ctx, target)
	if err != nil {
		return chaos.Injection{}, err
	}
	w.toxic.Name = id
	ref := chaos.ToxicRef{Server: t.Server.URL, Proxy: t.Proxy, Toxic: id}
	return chaos.Injection{
		ID: id, Kind: f.Kind(), Target: target.Name, Tier: chaos.TierDeadMan,
		Undo: []chaos.Op{chaos.RemoveToxic(ref)}, Gone: chaos.ToxicAbsent(ref),
		Preview:  []string{fmt.Sprintf("POST %s/proxies/%s/toxics: %s, for %s", t.Server.URL, t.Proxy, w.text(), step.Duration)},
		Injector: &toxified{target: t, wish: w},
	}, nil
}

func (w toxicWish) text() string {
	text := w.toxic.Type + " " + w.toxic.Stream
	for _, k := range slices.Sorted(maps.Keys(w.toxic.Attributes)) {
		text += fmt.Sprintf(" %s=%d", k, w.toxic.Attributes[k])
	}
	if w.toxic.Toxicity < 1 {
		text += fmt.Sprintf(", of %g %% of the connections", w.toxic.Toxicity*100)
	}
	return text
}

// toxicOf is the proxy of a target, as it is now: it listens, and is not on the way to
// what sees and ends experiments.
func toxicOf(ctx context.Context, t chaos.Target) (*chaos.ToxicTarget, chaos.ToxiproxyState, error) {
	if t.Toxic == nil {
		return nil, chaos.ToxiproxyState{}, chaos.Refuse("not-named", "list it under chaos.toxiproxies, and select that", "%s is no proxy of Toxiproxy", t.Name)
	}
	if err := t.Toxic.Server.Valid(); err != nil {
		return nil, chaos.ToxiproxyState{}, chaos.Refuse("unreachable", "mend chaos.toxiproxy.url", "%s: %v", t.Name, err)
	}
	s, err := t.Toxic.Server.Show(ctx, t.Toxic.Proxy)
	switch {
	case errors.Is(err, chaos.ErrNoSuchProxy):
		return nil, s, chaos.Refuse("no-proxy", "look which there are: GET "+t.Toxic.Server.URL+"/proxies", "%s: Toxiproxy has no proxy %s", t.Name, t.Toxic.Proxy)
	case err != nil:
		return nil, s, chaos.Refuse("unreachable", "start Toxiproxy, or set chaos.toxiproxy.url", "%s: %v", t.Name, err)
	case !s.Enabled:
		return nil, s, chaos.Refuse("stopped-already", "look who disabled it", "%s: proxy %s is disabled already", t.Name, t.Toxic.Proxy)
	}
	for _, way := range []string{s.Listen, s.Upstream} {
		if slices.ContainsFunc(t.Control, func(control string) bool { return sameAddress(way, control) }) {
			return nil, s, chaos.Refuse("control-path", "name another proxy under chaos.toxiproxies", "%s: proxy %s is on the way to %s, which sees or ends the experiment", t.Name, t.Toxic.Proxy, way)
		}
	}
	return t.Toxic, s, nil
}

// sameAddress says whether two host:port are one, of which either may be called by this
// host's own names.
func sameAddress(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	if errA != nil || errB != nil || portA != portB {
		return false
	}
	return strings.EqualFold(hostA, hostB) || ownHost(hostA) && ownHost(hostB)
}

func ownHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || host == "localhost" || ip != nil && (ip.IsLoopback() || ip.IsUnspecified())
}

// toxified is a proxy with a toxic.
type toxified struct {
	target *chaos.ToxicTarget
	wish   toxicWish
	before answerTime
}

// Inject is chaos.Injector's.
func (x *toxified) Inject(ctx context.Context, _ chaos.Armed) (string, error) {
	x.before = timeAnswer(ctx, x.target.URL, askTime)
	if err := x.target.Server.Add(ctx, x.target.Proxy, x.wish.toxic); err != nil {
		return "", err
	}
	return fmt.Sprintf("proxy %s has toxic %s", x.target.Proxy, x.wish.toxic.Name), nil
}

// Observe is chaos.Injector's: Toxiproxy has it, as it was asked for, and where the
// configuration names a URL behind the proxy its answer is late, or does not come.
func (x *toxified) Observe(ctx context.Context) (string, bool, error) {
	has, err := x.target.Server.Has(ctx, x.target.Proxy, x.wish.toxic.Name)
	if err != nil {
		return "", false, err
	}
	if has.Type != x.wish.toxic.Type || has.Stream != x.wish.toxic.Stream || !maps.Equal(has.Attributes, x.wish.toxic.Attributes) {
		return fmt.Sprintf("Toxiproxy has %s otherwise than it was asked for: %v", has.Name, has), false, nil
	}
	text := fmt.Sprintf("proxy %s has it", x.target.Proxy)
	if x.before.err != nil || x.wish.toxic.Toxicity < 1 || x.wish.slows == 0 && !x.wish.fails {
		return text, true, nil
	}
	now := timeAnswer(ctx, x.target.URL, askTime+x.wish.slows)
	switch {
	case now.err != nil:
		return text + "; " + x.target.URL + " does not answer", true, nil
	case x.wish.fails:
		return text + "; " + x.target.URL + " answers", false, nil
	}
	late := now.took - x.before.took
	return fmt.Sprintf("%s; %s answers in %s, before in %s", text, x.target.URL, short(now.took), short(x.before.took)),
		late >= time.Duration(enoughOfIt*float64(x.wish.slows)), nil
}

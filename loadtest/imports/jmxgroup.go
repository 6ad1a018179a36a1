package imports

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// leastRate is one arrival in 24 hours, or about that.
const leastRate = 1e-5

// What stands where a thread group ends by a count of loops, or by hand: a plan ends by
// time.
const (
	leastHold   = 30 * time.Second
	endlessHold = 5 * time.Minute
)

// stages makes stages of the threads of the group, their ramp and their time.
func (g *group) stages() {
	if g.p.e.class() == "OpenModelThreadGroup" {
		g.openStages()
		return
	}
	number := func(name string) float64 {
		v, ok := g.vars.number(g.p.e.prop(name), g.at(g.p.e))
		if text := strings.TrimSpace(g.p.e.prop(name)); !ok && text != "" {
			g.note(g.p.e, "%s is %q, which is no number here", name, cut(text))
		}
		return max(v, 0)
	}
	users := max(math.Floor(number("ThreadGroup.num_threads")), 1)
	if users > loadtest.MaxConnections {
		g.note(g.p.e, "%.0f threads are more than the most users of a plan, %d, which is written", users, loadtest.MaxConnections)
		users = loadtest.MaxConnections
	}
	scheduled := g.p.e.flag("ThreadGroup.scheduler")
	ramp, total, delay := seconds(number("ThreadGroup.ramp_time")), seconds(number("ThreadGroup.duration")), number("ThreadGroup.delay")
	if scheduled && delay > 0 {
		g.note(g.p.e, "its delay of %s is not carried over: start the plan when it is to begin", strictyaml.FormatDuration(seconds(delay)))
	}
	hold := time.Duration(0)
	if scheduled && total > 0 {
		hold = max(total-ramp, 0)
	} else {
		hold = g.hold()
	}
	rate, timer := g.rate(users)
	g.draft.closed = timer == nil
	if timer == nil {
		rate = users
	} else {
		g.draft.connections = int(users)
		for i := range g.draft.scenarios { // an arrival waits for nobody after its last step
			steps := g.draft.scenarios[i].steps
			steps[len(steps)-1].Think = loadtest.Think{}
		}
	}
	if ramp > 0 {
		top := rate
		if scheduled && total > 0 && total < ramp { // it ends before all are there
			top, ramp = rate*total.Seconds()/ramp.Seconds(), total
		}
		g.draft.stages = append(g.draft.stages, loadtest.Stage{From: 0, To: top, For: ramp})
	}
	if hold > 0 {
		g.draft.stages = append(g.draft.stages, loadtest.Stage{From: rate, To: rate, For: hold})
	}
	g.failures()
}

// seconds is a time of JMeter, at most half of what a plan may last.
func seconds(s float64) time.Duration {
	return min(milliseconds(s*1000), loadtest.MaxDuration/2)
}

// hold is for how long a group of so many loops is written.
func (g *group) hold() time.Duration {
	loop := g.p.e.child("ThreadGroup.main_controller")
	loops := -1.0
	if loop != nil {
		v, ok := g.vars.number(loop.prop("LoopController.loops"), g.at(g.p.e))
		if ok && !loop.flag("LoopController.continue_forever") {
			loops = v
		}
	}
	if loops < 0 {
		g.note(g.p.e, "it goes on until somebody ends it there; here for %s", strictyaml.FormatDuration(endlessHold))
		return endlessHold
	}
	var pass time.Duration
	for _, s := range g.draft.scenarios {
		var think time.Duration
		for _, st := range s.steps {
			think += (st.Think.Min + st.Think.Max) / 2
		}
		pass = max(pass, think)
	}
	hold := max(leastHold, min(time.Duration(min(loops, 1e6)*float64(pass)), loadtest.MaxDuration/2)).Round(time.Second)
	times := "once"
	if loops != 1 {
		times = number(loops) + " times"
	}
	g.note(g.p.e, "each user does it %s there, however long that takes; a plan ends by time: %s after the ramp are written", times, strictyaml.FormatDuration(hold))
	return hold
}

// rate is how many passes a second the throughput timers let through, and the timer; nil if
// there is none.
func (g *group) rate(users float64) (rate float64, timer *element) {
	for t, requests := range g.timed {
		var perSecond float64
		var ok bool
		switch t.class() {
		case "ConstantThroughputTimer":
			perSecond, ok = g.vars.number(t.prop("throughput"), g.at(t))
			perSecond /= 60
			if mode := strings.TrimSpace(t.prop("calcMode")); mode == "0" || mode == "" { // of each thread
				perSecond *= users
			}
		case "PreciseThroughputTimer":
			period, known := g.vars.number(t.prop("throughputPeriod"), g.at(t))
			perSecond, ok = g.vars.number(t.prop("throughput"), g.at(t))
			perSecond, ok = perSecond/max(period, 1), ok && known
		default:
			continue
		}
		if perSecond /= float64(max(requests, 1)); !ok || perSecond < leastRate {
			g.note(t, "not carried over: nobody knows its rate")
			continue
		}
		if timer == nil || perSecond < rate || perSecond == rate && t.line < timer.line {
			rate, timer = perSecond, t
		}
	}
	if timer == nil {
		return 0, nil
	}
	if rate = min(rate, loadtest.MaxRate); rate == loadtest.MaxRate {
		g.note(timer, "the rate is at most %d/s here", loadtest.MaxRate)
	}
	rate = math.Round(rate*1e6) / 1e6
	g.note(timer, "what it lets through is a rate here: %s passes per second arrive, whether or not the target keeps up (open model), on at most as many connections as there are threads", number(rate))
	return rate, timer
}

// failures says what becomes of a pass whose request fails.
func (g *group) failures() {
	several := false
	for _, s := range g.draft.scenarios {
		several = several || len(s.steps) > 1
	}
	switch then := g.p.e.prop("ThreadGroup.on_sample_error"); then {
	case "startnextloop":
	case "", "continue":
		if several {
			g.note(g.p.e, "a request that fails ends its pass here; there the next one is sent")
		}
	default:
		g.note(g.p.e, "a request that fails ends its pass here, not the thread or the test (%s)", cut(then))
	}
}

// openWord is a word of the schedule of an OpenModelThreadGroup, such as rate(10/sec).
var openWord = regexp.MustCompile(`([a-z_]+)\s*\(\s*([0-9.]+)\s*(?:/\s*)?([a-z]*)\s*\)`)

// mostStages is how many stages a plan may have.
const mostStages = 1000

// units are those of the schedule, in seconds.
var units = map[string]float64{
	"": 1, "ms": 0.001, "s": 1, "sec": 1, "second": 1, "seconds": 1, "m": 60, "min": 60, "minute": 60, "minutes": 60, "h": 3600, "hour": 3600, "hours": 3600, "d": 86400, "day": 86400, "days": 86400,
}

// openStages reads a schedule: rates, and for how long arrivals come from one rate to the
// next. Source: JMeter's manual, "Open Model Thread Group".
func (g *group) openStages() {
	text, _ := g.vars.text(g.p.e.prop("OpenModelThreadGroup.schedule"), g.at(g.p.e))
	d := g.draft
	rate, total := 0.0, time.Duration(0)
	random, paused := false, false
	add := func(s loadtest.Stage) {
		if total += s.For; s.For == 0 || total > loadtest.MaxDuration || len(d.stages) == mostStages {
			g.note(g.p.e, "a part of its schedule is not carried over: a plan lasts up to %s, and has at most %d stages", strictyaml.FormatDuration(loadtest.MaxDuration), mostStages)
			return
		}
		d.stages = append(d.stages, s)
	}
	for _, m := range openWord.FindAllStringSubmatch(text, -1) {
		value, err := strconv.ParseFloat(m[2], 64)
		unit, ok := units[m[3]]
		if err != nil || !ok {
			g.note(g.p.e, "%q of its schedule is not carried over", cut(m[0]))
			continue
		}
		switch m[1] {
		case "rate":
			rate = min(value/unit, loadtest.MaxRate)
			if last := len(d.stages) - 1; last >= 0 && !paused {
				d.stages[last].To = rate
			}
		case "random_arrivals", "even_arrivals":
			random, paused = random || m[1] == "random_arrivals", false
			add(loadtest.Stage{From: rate, To: rate, For: seconds(value * unit)})
		case "pause":
			paused = true // and then the rate is what it was
			add(loadtest.Stage{For: seconds(value * unit)})
		default:
			g.note(g.p.e, "%q of its schedule is not carried over", cut(m[0]))
		}
	}
	if random {
		g.note(g.p.e, "arrivals are random there; here each is due when the rate says")
	}
	if loadtest.NewSchedule(d.stages).Total() == 0 {
		d.refused = "its schedule has no arrivals that can be carried over"
	}
	g.failures()
}

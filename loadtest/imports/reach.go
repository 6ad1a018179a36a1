package imports

import (
	"fmt"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Reach is where a plan of JMeter goes, as far as that can be seen before it runs.
type Reach struct {
	URLs    []string // of its requests
	Threads int      // at the same time, at the most
	Unseen  []Note   // what may go elsewhere: programs, other protocols, hosts that nobody knows
}

// ReachOf says where JMeter would go with a plan. Everything in it that is enabled is
// looked at, whether or not a plan of ours could have it.
func ReachOf(file string, src []byte, o Options) (Reach, error) {
	in, top, err := readJMX(file, src, o)
	if err != nil {
		return Reach{}, err
	}
	var r Reach
	in.reach(top, scope{}, &r)
	return r, nil
}

// mostSeen is how many requests are looked at.
const mostSeen = 2000

func (in *jmx) reach(level []pair, s scope, r *Reach) {
	s = s.with(level)
	quiet := func(string, ...any) {}
	for _, p := range level {
		if !p.e.enabled() {
			continue
		}
		unseen := func(format string, args ...any) {
			r.Unseen = append(r.Unseen, Note{p.e.line, p.e.column, p.e.named(), strictyaml.Hide(fmt.Sprintf(format, args...))})
		}
		below := s.with(p.below)
		switch class := p.e.class(); {
		case isHTTP(class) && len(r.URLs) == mostSeen:
			unseen("there are more than %d requests: not all are looked at", mostSeen)
			return
		case isHTTP(class):
			get := func(name string) string {
				text, _ := in.vars.text(inherited(p.e, below, name), quiet)
				return text
			}
			url, missing := address(get("HTTPSampler.protocol"), get("HTTPSampler.domain"), get("HTTPSampler.port"), get("HTTPSampler.path"), "")
			switch {
			case missing != "":
				unseen("nobody knows its host: give it with -J, or write it")
			case inherited(p.e, below, "HTTPSampler.proxyHost") != "":
				unseen("it goes through a proxy")
			default:
				r.URLs = append(r.URLs, url)
			}
		case leftOut(p.e) == aProgram:
			unseen("it is a program: what it sends, and where, cannot be seen")
		case acts(class) && leftOut(p.e) == notHTTP, class == "IncludeController", class == "ModuleController":
			unseen("what it sends, and where, cannot be seen")
		}
		if n := threads(p.e, &in.vars); n > 0 {
			r.Threads += n
		}
		in.reach(p.below, s, r)
	}
}

// threads is how many a thread group has; 0 of everything else.
func threads(e *element, vars *variables) int {
	n, ok := vars.number(e.prop("ThreadGroup.num_threads"), func(string, ...any) {})
	if !ok {
		return 0
	}
	return int(min(max(n, 0), 1e6))
}

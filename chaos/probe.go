package chaos

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Probe is one sentence of the steady state: something that has a value, which must
// satisfy Expect before, during and after. It is one of a query, an HTTP request, a
// connection, a program and a figure of the load run that goes on; requests, connections and
// programs have the value 1 when all is well, else 0.
type Probe struct {
	Name       string              `yaml:"name" json:"name"`
	PromQL     string              `yaml:"promql" json:"promql"`
	HTTP       *HTTPProbe          `yaml:"http" json:"http,omitempty"`
	TCP        *TCPProbe           `yaml:"tcp" json:"tcp,omitempty"`
	Exec       *ExecProbe          `yaml:"exec" json:"exec,omitempty"`
	Load       *LoadProbe          `yaml:"load" json:"load,omitempty"`
	Expect     Condition           `yaml:"expect" json:"expect"`
	Phases     []When              `yaml:"phases" json:"phases,omitempty"` // none is all three
	Weight     float64             `yaml:"weight" json:"weight,omitempty"` // in the score; 0 is 1
	StaleAfter strictyaml.Duration `yaml:"stale_after" json:"stale_after,omitempty"`
}

// When is a part of the run in which a probe counts.
type When string

// The parts. During is while a fault holds, After from its undo to the end of the
// recovery.
const (
	Before When = "before"
	During When = "during"
	After  When = "after"
)

// HTTPProbe asks a URL with GET and follows no redirect.
type HTTPProbe struct {
	URL     string              `yaml:"url" json:"url"`
	Status  []int               `yaml:"status" json:"status"`   // that are well; none is 200 to 299
	Timeout strictyaml.Duration `yaml:"timeout" json:"timeout"` // default 1 s
}

// TCPProbe connects.
type TCPProbe struct {
	Address string              `yaml:"address" json:"address"` // host:port
	Timeout strictyaml.Duration `yaml:"timeout" json:"timeout"` // default 1 s
}

// ExecProbe runs a program that the policy names, without a shell. Its exit code 0 is
// well. Where it hangs it is killed, with all that it has started.
type ExecProbe struct {
	Argv    []string            `yaml:"argv" json:"argv"`       // the first is an absolute path
	Timeout strictyaml.Duration `yaml:"timeout" json:"timeout"` // default 1 s
}

// maxTimeout bounds one look of a probe: a fault must not wait for it.
const maxTimeout = 10 * time.Second

// in says whether the probe counts in a part of the run.
func (p Probe) in(w When) bool { return len(p.Phases) == 0 || slices.Contains(p.Phases, w) }

// What is what the probe looks at, on one line.
func (p Probe) What() string {
	switch {
	case p.HTTP != nil:
		want := "2xx"
		if len(p.HTTP.Status) > 0 {
			want = strings.Trim(strings.ReplaceAll(fmt.Sprint(p.HTTP.Status), " ", ", "), "[]")
		}
		return fmt.Sprintf("GET %s gives %s within %s", p.HTTP.URL, want, strictyaml.FormatDuration(p.patience()))
	case p.TCP != nil:
		return fmt.Sprintf("connect to %s within %s", p.TCP.Address, strictyaml.FormatDuration(p.patience()))
	case p.Load != nil:
		return p.Load.what()
	case p.Exec != nil:
		return fmt.Sprintf("%s ends with 0 within %s", &ExecCall{Argv: p.Exec.Argv}, strictyaml.FormatDuration(p.patience()))
	}
	return p.PromQL
}

// patience is how long one look may take.
func (p Probe) patience() time.Duration {
	var d strictyaml.Duration
	switch {
	case p.HTTP != nil:
		d = p.HTTP.Timeout
	case p.TCP != nil:
		d = p.TCP.Timeout
	case p.Exec != nil:
		d = p.Exec.Timeout
	}
	if d == 0 {
		return probeEvery
	}
	return d.D()
}

// kinds counts what the probe looks at.
func (p Probe) kinds() (n int) {
	for _, is := range []bool{strings.TrimSpace(p.PromQL) != "", p.HTTP != nil, p.TCP != nil, p.Exec != nil, p.Load != nil} {
		if is {
			n++
		}
	}
	return n
}

// defaults completes probe number i.
func (p *Probe) defaults(i int) {
	if p.Name == "" {
		p.Name = fmt.Sprintf("steady state %d", i+1)
	}
	if p.Load != nil && p.Load.Over == 0 {
		p.Load.Over = strictyaml.Duration(loadOver)
	}
	if p.Expect.Op == "" && (p.HTTP != nil || p.TCP != nil || p.Exec != nil) {
		p.Expect = Condition{Op: "==", Value: 1}
	}
}

func (e *Experiment) checkProbes(doc *strictyaml.Doc) error {
	if n := len(e.SteadyState); n == 0 || n > maxQueries {
		return doc.Errorf("steady_state", "want 1 to %d probes that say what healthy is; there are %d", maxQueries, n)
	}
	var wrong []error
	for i, p := range e.SteadyState {
		wrong = append(wrong, p.check(doc, fmt.Sprintf("steady_state[%d]", i)))
	}
	if err := strictyaml.Join(wrong...); err != nil {
		return err
	}
	for _, w := range []When{Before, During, After} {
		if !slices.ContainsFunc(e.SteadyState, func(p Probe) bool { return p.in(w) }) {
			return doc.Errorf("steady_state", "no probe looks %s: then nothing would be known of that", w)
		}
	}
	return nil
}

func (p Probe) check(doc *strictyaml.Doc, at string) error {
	switch {
	case p.kinds() == 0:
		return doc.Errorf(at+".promql", "%s: no promql, http, tcp, exec or load", p.Name)
	case p.kinds() > 1:
		return doc.Errorf(at, "%s: one probe looks at one thing: promql, http, tcp, exec or load", p.Name)
	case p.Expect.Op == "":
		return doc.Errorf(at+".expect", "%s: no expect; write for example expect: \"< 0.01\"", p.Name)
	case p.Expect.OfBaseline && !p.in(Before):
		return doc.Errorf(at+".phases", "%s: what is compared with the baseline must be looked at before", p.Name)
	case p.StaleAfter != 0 && p.PromQL == "":
		return doc.Errorf(at+".stale_after", "%s: only what promql reads can be old", p.Name)
	case p.StaleAfter != 0 && p.StaleAfter.D() < time.Second:
		return doc.Errorf(at+".stale_after", "%s: no server scrapes so often; want 1s or more", p.Name)
	case !goodWeight(doc, at, p.Weight):
		return doc.Errorf(at+".weight", "%s: %s", p.Name, badWeight)
	}
	for i, w := range p.Phases {
		if !slices.Contains([]When{Before, During, After}, w) {
			return doc.Errorf(fmt.Sprintf("%s.phases[%d]", at, i), "%q is not one of before, during, after", w)
		}
	}
	key, err := p.checkKind()
	if err != nil {
		return doc.Errorf(at+"."+key, "%s: %v", p.Name, err)
	}
	if t := p.patience(); t < 10*time.Millisecond || t > maxTimeout {
		return doc.Errorf(at+"."+key+".timeout", "%s: a timeout of %s; want 10ms to %s", p.Name, strictyaml.FormatDuration(t), strictyaml.FormatDuration(maxTimeout))
	}
	return nil
}

// checkKind looks at what is asked. key is where it stands, below the probe.
func (p Probe) checkKind() (key string, err error) {
	switch {
	case p.HTTP != nil:
		return "http", p.HTTP.check()
	case p.TCP != nil:
		host, port, err := net.SplitHostPort(p.TCP.Address)
		if err != nil || host == "" || port == "" {
			return "tcp", fmt.Errorf("%q is no address; write host:port", p.TCP.Address)
		}
		return "tcp", nil
	case p.Exec != nil:
		if len(p.Exec.Argv) == 0 || !filepath.IsAbs(p.Exec.Argv[0]) {
			return "exec", errors.New("argv begins with the absolute path of a program, such as [/usr/local/bin/smoke, --fast]")
		}
		return "exec", nil
	case p.Load != nil:
		key, err := p.Load.check()
		return strings.TrimSuffix("load."+key, "."), err
	}
	return "promql", nil
}

func (h HTTPProbe) check() error {
	u, err := url.Parse(h.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return errors.New("url is no http:// or https:// address") // it may hold a secret: it is not repeated
	case u.User != nil:
		return errors.New("url holds a user or a password; a file that others read is no place for them")
	}
	for _, s := range h.Status {
		if s < 100 || s > 599 {
			return fmt.Errorf("%d is no status of HTTP", s)
		}
	}
	return nil
}

// look is the value of a probe now; nil is no data, and the error may say why. What a
// request, a connection or a program does not do is a 0 and no missing data.
func (p Probe) look(ctx context.Context, prober Prober) (*float64, error) {
	if p.Load != nil {
		return p.Load.look(ctx, prober)
	}
	if p.PromQL != "" || p.kinds() == 0 {
		return measure(ctx, prober, p.PromQL, p.StaleAfter.D(), probeEvery)
	}
	ctx, cancel := context.WithTimeout(ctx, p.patience())
	defer cancel()
	var err error
	switch {
	case p.HTTP != nil:
		err = p.HTTP.look(ctx)
	case p.TCP != nil:
		err = p.TCP.look(ctx)
	case p.Exec != nil:
		err = p.Exec.look(ctx)
	}
	if errors.Is(context.Cause(ctx), context.Canceled) {
		return nil, err // nobody waits for the answer any more
	}
	v := 1.0
	if err != nil {
		v = 0
	}
	return &v, err
}

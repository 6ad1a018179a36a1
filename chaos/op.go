package chaos

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Op is one operation of an undo, as data: the undertaker and the next start of
// sitrep can do it without knowing the fault. The list of allowed ones is opKinds,
// and a shell is not on it.
type Op struct {
	Do      string   `json:"do"`
	Process *Process `json:"process,omitempty"`
	URL     string   `json:"url,omitempty"`
	ID      string   `json:"id,omitempty"`     // of the fault
	Netns   Netns    `json:"netns,omitempty"`  // in which Name is
	Name    string   `json:"name,omitempty"`   // of a chain, or of a network device
	Handle  string   `json:"handle,omitempty"` // of a qdisc
	Cgroup  *Cgroup  `json:"cgroup,omitempty"`
	File    string   `json:"file,omitempty"` // of the cgroup; the socket of a proxy
	Text    string   `json:"text,omitempty"` // what is written to it

	Container *Container `json:"container,omitempty"`
	CPU       *CPUChange `json:"cpu,omitempty"`
	Toxic     *ToxicRef  `json:"toxic,omitempty"`
	Exec      *ExecCall  `json:"exec,omitempty"`
}

// Check is what proves that a fault is gone, as data. The list of known ones is
// checkKinds, and "all", which holds when each of All does.
type Check struct {
	Is      string   `json:"is"`
	Process *Process `json:"process,omitempty"`
	URL     string   `json:"url,omitempty"` // the proxy's list of faults
	ID      string   `json:"id,omitempty"`  // of the fault
	Netns   Netns    `json:"netns,omitempty"`
	Name    string   `json:"name,omitempty"` // of a table, a chain, or a network device; an address and port
	Handle  string   `json:"handle,omitempty"`
	Cgroup  *Cgroup  `json:"cgroup,omitempty"`
	File    string   `json:"file,omitempty"`  // of the cgroup; the socket of a proxy
	Text    string   `json:"text,omitempty"`  // what it must say
	Path    string   `json:"path,omitempty"`  // a directory
	Bytes   int64    `json:"bytes,omitempty"` // that must be free on its filesystem
	At      int64    `json:"at,omitempty"`    // when that was worked out, in seconds since 1970
	All     []Check  `json:"all,omitempty"`

	Container *Container `json:"container,omitempty"`
	CPU       *CPUChange `json:"cpu,omitempty"`
	Toxic     *ToxicRef  `json:"toxic,omitempty"`
	Exec      *ExecCall  `json:"exec,omitempty"`
}

// opKind is what one kind of operation means.
type opKind struct {
	valid func(Op) error // refuses what would do anything else than take a fault back
	text  func(Op) string
	do    func(ctx context.Context, op Op) (evidence string, err error) // twice is harmless
}

// checkKind is what one kind of check means. An error means that nobody knows.
type checkKind struct {
	valid func(Check) error
	text  func(Check) string
	look  func(ctx context.Context, c Check) (evidence string, gone bool, err error)
}

var opKinds = map[string]opKind{
	"signal":          continueOp,
	"http-delete":     httpDeleteOp,
	"end":             endOp,
	"iptables-delete": iptablesDeleteOp,
	"tc-delete":       tcDeleteOp,
	"cgroup":          cgroupOp,
	"proxy-delete":    proxyDeleteOp,
	"forget-flows":    forgetFlowsOp,

	"container-unpause": unpauseOp,
	"container-start":   startOp,
	"container-cpu":     restoreCPUOp,
	"toxic-remove":      removeToxicOp,
	"toxic-enable":      enableProxyOp,
	"exec":              execOp,
}

var checkKinds = map[string]checkKind{
	"nothing":         nothingCheck,
	"running":         runningCheck,
	"http-absent":     httpAbsentCheck,
	"ended":           endedCheck,
	"nft-absent":      nftAbsentCheck,
	"iptables-absent": iptablesAbsentCheck,
	"tc-absent":       tcAbsentCheck,
	"cgroup":          cgroupCheck,
	"freed":           freedCheck,
	"proxy-absent":    proxyAbsentCheck,
	"direct":          directCheck,
	"flows-forgotten": flowsForgottenCheck,

	"container-unpaused": unpausedCheck,
	"container-started":  startedCheck,
	"container-cpu":      cpuRestoredCheck,
	"toxic-absent":       toxicAbsentCheck,
	"toxic-enabled":      proxyEnabledCheck,
	"exec":               execCheck,
}

// Nothing is the check of what cannot be undone.
func Nothing() Check { return Check{Is: "nothing"} }

// IsNothing says whether there is nothing to look at.
func (c Check) IsNothing() bool { return c.Is == "nothing" }

var nothingCheck = checkKind{
	valid: func(Check) error { return nil },
	text:  func(Check) string { return "nothing to undo" },
	look: func(context.Context, Check) (string, bool, error) {
		return "nothing to undo", true, nil
	},
}

// Every is the check that holds when each of the given does; nothings are left out, and
// of one that is made of others its parts are taken.
func Every(checks ...Check) Check {
	var all []Check
	for _, c := range checks {
		switch {
		case c.Is == "all":
			all = append(all, c.All...)
		case !c.IsNothing():
			all = append(all, c)
		}
	}
	switch len(all) {
	case 0:
		return Nothing()
	case 1:
		return all[0]
	}
	return Check{Is: "all", All: all}
}

// has says whether the check, or one that it is made of, is of a kind.
func (c Check) has(kind string) bool {
	for _, part := range c.All {
		if part.has(kind) {
			return true
		}
	}
	return c.Is == kind
}

func (o Op) String() string {
	kind, ok := opKinds[o.Do]
	if !ok || kind.valid(o) != nil {
		return "unknown operation " + o.Do
	}
	return kind.text(o)
}

func (c Check) String() string {
	if c.Is == "all" {
		var parts []string
		for _, part := range c.All {
			parts = append(parts, part.String())
		}
		return strings.Join(parts, "; ")
	}
	kind, ok := checkKinds[c.Is]
	if !ok || kind.valid(c) != nil {
		return "unknown check " + c.Is
	}
	return kind.text(c)
}

// Valid refuses whatever is not on the list of allowed operations.
func (o Op) Valid() error {
	kind, ok := opKinds[o.Do]
	if !ok {
		return fmt.Errorf("undo operation %q is not on the list of allowed ones", o.Do)
	}
	return kind.valid(o)
}

// Valid refuses a check that nothing can evaluate.
func (c Check) Valid() error {
	if c.Is == "all" {
		return validParts(c.All)
	}
	kind, ok := checkKinds[c.Is]
	if !ok {
		return fmt.Errorf("check %q is not on the list of known ones", c.Is)
	}
	return kind.valid(c)
}

func validParts(all []Check) error {
	if len(all) == 0 {
		return fmt.Errorf("a check of nothing at all")
	}
	for _, c := range all {
		if c.Is == "all" {
			return fmt.Errorf("a check inside a check inside a check")
		}
		if err := c.Valid(); err != nil {
			return err
		}
	}
	return nil
}

// Hands carry out undo operations and look whether they helped.
type Hands interface {
	Do(ctx context.Context, op Op) (evidence string, err error)
	Check(ctx context.Context, c Check) (evidence string, gone bool, err error)
}

// LocalHands work on this machine. The zero value is ready.
type LocalHands struct{}

// undoTimeout bounds one attempt at one operation; the attempts are repeated.
const undoTimeout = time.Second

// Do carries out op; doing it twice is harmless.
func (LocalHands) Do(ctx context.Context, op Op) (string, error) {
	if err := op.Valid(); err != nil {
		return "", err
	}
	return opKinds[op.Do].do(ctx, op)
}

// Check evaluates c.
func (h LocalHands) Check(ctx context.Context, c Check) (string, bool, error) {
	if err := c.Valid(); err != nil {
		return "", false, err
	}
	if c.Is != "all" {
		return checkKinds[c.Is].look(ctx, c)
	}
	var said []string
	for _, part := range c.All {
		text, gone, err := h.Check(ctx, part)
		if err != nil || !gone {
			return text, false, err
		}
		said = append(said, text)
	}
	return strings.Join(said, "; "), true, nil
}

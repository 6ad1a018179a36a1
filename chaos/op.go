package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// Op is one operation of an undo, as data: the undertaker and the next start of
// sitrep can do it without knowing the fault. Only two are allowed, and never a
// shell.
type Op struct {
	Do      string   `json:"do"` // "signal" (only CONT) or "http-delete" (only to loopback)
	Process *Process `json:"process,omitempty"`
	URL     string   `json:"url,omitempty"`
}

// Check is what proves that a fault is gone, as data.
type Check struct {
	Is      string   `json:"is"` // "running" (or no longer there), "http-absent", "nothing" (there was nothing to undo)
	Process *Process `json:"process,omitempty"`
	URL     string   `json:"url,omitempty"` // the proxy's list of faults
	ID      string   `json:"id,omitempty"`
}

// Continue is the undo of a stopped process.
func Continue(p Process) Op { return Op{Do: "signal", Process: &p} }

// Running is true when the process runs, or is no longer there to be stopped.
func Running(p Process) Check { return Check{Is: "running", Process: &p} }

// HTTPDelete is the undo of a fault that a proxy holds.
func HTTPDelete(faults, id string) Op { return Op{Do: "http-delete", URL: faults + "/" + id} }

// HTTPAbsent is true when the proxy's list of faults lacks id, or when no proxy
// of the lab listens there any more.
func HTTPAbsent(faults, id string) Check { return Check{Is: "http-absent", URL: faults, ID: id} }

// Nothing is the check of what cannot be undone.
func Nothing() Check { return Check{Is: "nothing"} }

func (o Op) String() string {
	switch {
	case o.Do == "signal" && o.Process != nil:
		return fmt.Sprintf("kill -CONT %d", o.Process.PID)
	case o.Do == "http-delete":
		return "DELETE " + o.URL
	}
	return "unknown operation " + o.Do
}

func (c Check) String() string {
	switch {
	case c.Is == "running" && c.Process != nil:
		return fmt.Sprintf("process %d is not stopped", c.Process.PID)
	case c.Is == "http-absent":
		return fmt.Sprintf("GET %s lacks %s", c.URL, c.ID)
	case c.Is == "nothing":
		return "nothing to undo"
	}
	return "unknown check " + c.Is
}

// Valid refuses whatever is not on the list of allowed operations.
func (o Op) Valid() error {
	switch {
	case o.Do == "signal" && o.Process != nil && o.Process.PID > 1:
		return nil
	case o.Do == "http-delete":
		return validFaultURL(o.URL)
	}
	return fmt.Errorf("undo operation %q is not on the list of allowed ones", o.Do)
}

// Valid refuses a check that nothing can evaluate.
func (c Check) Valid() error {
	switch {
	case c.Is == "nothing", c.Is == "running" && c.Process != nil && c.Process.PID > 1:
		return nil
	case c.Is == "http-absent":
		return validFaultURL(c.URL + "/" + c.ID)
	}
	return fmt.Errorf("check %q is not on the list of known ones", c.Is)
}

var faultPath = regexp.MustCompile(`/faults/[A-Za-z0-9_.-]{1,64}$`)

func validFaultURL(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !faultPath.MatchString(u.Path) {
		return fmt.Errorf("%q is not the address of a proxy's fault", raw)
	}
	return loopbackHost(u)
}

// loopbackHost accepts literal loopback addresses and localhost.
func loopbackHost(u *url.URL) error {
	host := u.Hostname()
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("%s is not on loopback", u.Host)
}

// LabHeader is what every answer of the lab carries.
const LabHeader = "X-Sitrep-Lab"

var errNotLoopback = errors.New("not a loopback address")

// LoopbackClient is an HTTP client that cannot leave this host: no proxy from
// the environment, no redirects, and the address is checked when it dials, so a
// name that resolves elsewhere does not help. It keeps no connections.
func LoopbackClient(timeout time.Duration) *http.Client {
	dialer := net.Dialer{Timeout: timeout, Control: func(_, address string, _ syscall.RawConn) error {
		host, _, err := net.SplitHostPort(address)
		if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
			return fmt.Errorf("dial %s: %w", address, errNotLoopback)
		}
		return nil
	}}
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true},
	}
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
	if op.Do == "signal" {
		return continueProcess(*op.Process)
	}
	if why, err := labless(ctx, op.URL[:strings.LastIndexByte(op.URL, '/')]); why != "" || err != nil {
		return why, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, op.URL, nil)
	if err != nil {
		return "", err
	}
	res, err := LoopbackClient(undoTimeout).Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	if res.StatusCode/100 != 2 {
		return "", fmt.Errorf("DELETE %s: %s", op.URL, res.Status)
	}
	return res.Status, nil
}

func continueProcess(p Process) (string, error) {
	err := p.Signal(syscall.SIGCONT)
	if errors.Is(err, ErrProcessGone) {
		return err.Error(), nil
	}
	return fmt.Sprintf("sent CONT to %d", p.PID), err
}

// Check evaluates c.
func (LocalHands) Check(ctx context.Context, c Check) (string, bool, error) {
	if err := c.Valid(); err != nil {
		return "", false, err
	}
	switch c.Is {
	case "nothing":
		return c.String(), true, nil
	case "running":
		return running(*c.Process)
	}
	if why, err := labless(ctx, c.URL); why != "" || err != nil {
		return why, why != "", err
	}
	list, err := ListFaults(ctx, c.URL)
	if err != nil {
		return "", false, err
	}
	for _, f := range list.Faults {
		if f.ID == c.ID {
			return fmt.Sprintf("the proxy of %s still lists %s", list.Instance, c.ID), false, nil
		}
	}
	return fmt.Sprintf("the proxy of %s no longer lists it", list.Instance), true, nil
}

func running(p Process) (string, bool, error) {
	state, err := p.State()
	switch {
	case errors.Is(err, ErrProcessGone):
		return err.Error(), true, nil
	case err != nil:
		return "", false, err
	}
	return fmt.Sprintf("process %d is in state %c", p.PID, state), state != 'T' && state != 't', nil
}

// labless says why no lab is behind a URL: nobody listens, or somebody else.
// The faults of a lab proxy live in its memory, so both mean that they are gone.
// An error (a timeout) means nobody knows.
func labless(ctx context.Context, faults string) (why string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, faults, nil)
	if err != nil {
		return "", err
	}
	res, err := LoopbackClient(undoTimeout).Do(req)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return "nobody listens on " + req.URL.Host + " any more", nil
	}
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	if res.Header.Get(LabHeader) != "1" {
		return "what listens on " + req.URL.Host + " is no longer the lab", nil
	}
	return "", nil
}

package fault

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
)

const (
	rule    = "lab-only"
	remedy  = "start the lab (sitrep demo --headless) and use its configuration"
	askTime = time.Second
)

// proxyOf is the control endpoint of the proxy before a target, proven to be
// the lab's and to hold faults of that very target.
func proxyOf(ctx context.Context, t chaos.Target) (faults string, err error) {
	if t.Proxy == "" {
		return "", chaos.Refuse("no-proxy", "choose a target that has a proxy before it", "%s has no fault proxy", t.Name)
	}
	faults = t.Proxy + "/faults"
	list, err := chaos.ListFaults(ctx, faults)
	if err != nil {
		return "", chaos.Refuse(rule, remedy, "the proxy of %s is not proven to be the lab's: %v", t.Name, err)
	}
	if list.Instance != t.Name {
		return "", chaos.Refuse(rule, remedy, "the proxy at %s is that of %q, not of %s", t.Proxy, list.Instance, t.Name)
	}
	return faults, nil
}

// processOf is the process of a target: one that the configuration names, or one that
// is proven to be one that the lab started:
// it has the number and the start time that the lab says, was started as a
// service of the lab, and its address answers as the lab does.
func processOf(ctx context.Context, t chaos.Target) (chaos.Process, error) {
	if t.Host != nil {
		return chaos.Process{}, chaos.Refuse("no-process", "select a target of chaos.processes", "%s is a host, and this fault hurts a process", t.Name)
	}
	if t.Gateway != nil {
		return chaos.Process{}, chaos.Refuse("no-process", "select a target of chaos.processes", "%s is a proxy that clients are pointed at, and this fault hurts a process", t.Name)
	}
	if t.Toxic != nil {
		return chaos.Process{}, chaos.Refuse("no-process", "select a target of chaos.processes", "%s is a proxy, and this fault hurts a process", t.Name)
	}
	if t.Container != nil && t.PID == 0 {
		return chaos.Process{}, chaos.Refuse("no-process", "use the faults of containers", "%s: the process of its container cannot be seen from here: %s", t.Name, t.Container.Why)
	}
	p, err := t.Process()
	if err != nil {
		return p, err
	}
	if t.Extra {
		return p, nil
	}
	if t.Listed {
		return listedProcess(p, t)
	}
	refuse := func(format string, args ...any) (chaos.Process, error) {
		return p, chaos.Refuse(rule, remedy, "%s: %s", t.Name, fmt.Sprintf(format, args...))
	}
	if t.PID <= 1 || t.PID == os.Getpid() || t.PID == os.Getppid() {
		return refuse("process %d is not one to hurt", t.PID)
	}
	labs := chaos.LabService(t.PID)
	if _, err := p.State(); err != nil { // after the look: it was at this very process
		return refuse("%v", err)
	}
	if !labs {
		return refuse("process %d was not started by the lab", t.PID)
	}
	if err := answersAsLab(ctx, t.URL); err != nil {
		return refuse("%v", err)
	}
	return p, nil
}

// listedProcess is one that the configuration names. It must still be the one that was
// found, and none that is protected.
func listedProcess(p chaos.Process, t chaos.Target) (chaos.Process, error) {
	why := chaos.Protected(p)
	if _, err := p.State(); err != nil { // after the look: it was this very process that was looked at
		return p, chaos.Refuse("target-gone", "look whether the service runs, and try again", "%s: %v", t.Name, err)
	}
	if why != "" {
		return p, chaos.Refuse("protected", "name what is to be hurt more narrowly under chaos.processes", "%s: %s", t.Name, why)
	}
	return p, nil
}

// still looks at a process again, right before the deed: it is the one that the plan found,
// not protected, and what was selected, though it may have become another program since.
func still(p chaos.Process, t chaos.Target) error {
	if t.Extra {
		_, err := p.State()
		return err
	}
	named := t.Listed || chaos.LabService(p.PID)
	if t.Find != nil {
		now, err := t.Find.Processes()
		if err != nil {
			return err
		}
		named = slices.Contains(now, p)
	}
	if _, err := listedProcess(p, t); err != nil {
		return err
	}
	if !named {
		return chaos.Refuse("target-gone", "look whether the service runs, and try again", "%s: process %d is not what was found any more", t.Name, p.PID)
	}
	return nil
}

// signalRight is what a plan says that signals need.
func signalRight(p chaos.Process) string {
	return fmt.Sprintf("to signal process %d: its user, or CAP_KILL", p.PID)
}

// answers says what is wrong with a target's answer: the lab answers as the lab does,
// another at its URL with a status below 500.
func answers(ctx context.Context, t chaos.Target) error {
	if !t.Listed {
		return answersAsLab(ctx, t.URL)
	}
	if t.URL == "" {
		return fmt.Errorf("%s has no url that could be asked whether it is back: give it one under chaos.processes", t.Name)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.URL, nil)
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: askTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<16))
	if res.StatusCode >= http.StatusInternalServerError {
		return fmt.Errorf("GET %s: %s", t.URL, res.Status)
	}
	return nil
}

// answersAsLab asks a service for its health.
func answersAsLab(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/health", nil)
	if err != nil {
		return err
	}
	res, err := chaos.LoopbackClient(askTime).Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<16))
	switch {
	case res.Header.Get(chaos.LabHeader) != "1":
		return fmt.Errorf("what answers at %s is not the lab", url)
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("GET %s/health: %s", url, res.Status)
	}
	return nil
}

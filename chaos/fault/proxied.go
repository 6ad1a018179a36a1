package fault

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/sitrep-dev/sitrep/chaos"
)

// proxied is a fault that a lab proxy applies to the requests that pass it, and
// drops by itself at its time.
type proxied struct {
	faults string // the proxy's list
	fault  chaos.ProxyFault
}

// labCarries says whether the lab's own proxy is what does it: for what the lab lists,
// and where the step names no other way.
func labCarries(step chaos.Step, t chaos.Target) bool {
	return !t.Listed && t.Host == nil && step.Mechanism == ""
}

// labTakes refuses what the lab's proxy does not know.
func labTakes(step chaos.Step, known ...string) error {
	if err := step.With.Only(known...); err != nil {
		return chaos.Refuse("no-mechanism", "leave it out, or say mechanism: transparent", "the lab's proxy cannot do that: %v", err)
	}
	return nil
}

// planProxied resolves a fault of a proxy before a target.
func planProxied(ctx context.Context, kind, id string, target chaos.Target, f chaos.ProxyFault, what string) (chaos.Injection, error) {
	faults, err := proxyOf(ctx, target)
	if err != nil {
		return chaos.Injection{}, err
	}
	f.ID = id
	return chaos.Injection{
		ID: id, Kind: kind, Target: target.Name, Tier: chaos.TierCarried,
		Undo: []chaos.Op{chaos.HTTPDelete(faults, id)}, Gone: chaos.HTTPAbsent(faults, id),
		Needs:    []string{"the lab's proxy before " + target.Name},
		Preview:  []string{fmt.Sprintf("POST %s: %s", faults, what)},
		Injector: proxied{faults, f},
	}, nil
}

// Inject is chaos.Injector's. It looks once more who listens there: the plan may
// be old.
func (p proxied) Inject(ctx context.Context, armed chaos.Armed) (string, error) {
	if _, err := chaos.ListFaults(ctx, p.faults); err != nil {
		return "", err
	}
	p.fault.ExpiresAt = armed.Until
	body, err := json.Marshal(p.fault)
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.faults, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := chaos.LoopbackClient(askTime).Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(res.Body, 512))
	if res.StatusCode != http.StatusCreated {
		return "", fmt.Errorf("POST %s: %s: %s", p.faults, res.Status, bytes.TrimSpace(said))
	}
	return fmt.Sprintf("the proxy holds %s until %s", p.fault.ID, armed.Until.UTC().Format("15:04:05Z")), nil
}

// Observe is chaos.Injector's: the fault works once it has touched a request.
func (p proxied) Observe(ctx context.Context) (string, bool, error) {
	list, err := chaos.ListFaults(ctx, p.faults)
	if err != nil {
		return "", false, err
	}
	for _, f := range list.Faults {
		if f.ID != p.fault.ID {
			continue
		}
		if f.Hits == nil || *f.Hits == 0 {
			return "no request has passed the proxy since", false, nil
		}
		return fmt.Sprintf("%d requests to %s touched", *f.Hits, list.Instance), true, nil
	}
	return "the proxy no longer lists it", false, nil
}

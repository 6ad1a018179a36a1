package loadtest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
)

// Hash tells plans apart that do not send the same: two runs of one hash can be compared.
// What a plan is called, what it promises, and to which host it goes are no part of it;
// nor is what stands in the files that it names.
func (p Plan) Hash() string {
	p = p.withDefaults()
	p.Name, p.Pin, p.Service, p.Dir, p.Kind = "", "", "", "", ""
	p.Thresholds, p.Guards, p.Resources, p.Demand, p.Auth = nil, nil, nil, "", Auth{}
	for i := range p.Targets {
		p.Targets[i] = p.Targets[i].anywhere()
	}
	for i := range p.Scenarios {
		for j := range p.Scenarios[i].Steps {
			s := &p.Scenarios[i].Steps[j]
			s.Target = s.Target.anywhere()
		}
	}
	b, err := json.Marshal(p)
	if err != nil {
		panic(fmt.Sprintf("loadtest: a plan is texts and numbers, yet: %v", err))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// anywhere is the target without its host, and without who asks.
func (t Target) anywhere() Target {
	t.Auth = Auth{}
	if u, err := url.Parse(t.URL); err == nil {
		u.Scheme, u.Host = "", ""
		t.URL = u.String()
	}
	return t
}

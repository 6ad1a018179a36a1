package imports

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// query takes a PromQL over as a probe. One that holds what looks like a secret, or that
// somebody else is to complete, is left to a person.
func (d *draft) query(at branch, name, promql, expect string) *probe {
	switch {
	case promql == "":
		d.note(at, "a probe without a query is not carried over")
		return nil
	case strictyaml.Hide(promql) != promql:
		d.note(at, "a query that seems to hold a secret is not carried over")
		return nil
	case isTemplate(promql):
		d.note(at, "a query with a template in it is not carried over: write the value out")
		return nil
	}
	d.probes = append(d.probes, probe{name: name, promql: promql, expect: expect})
	return &d.probes[len(d.probes)-1]
}

// observe takes a query over that nothing was expected of.
func (d *draft) observe(at branch, name, promql string) {
	if p := d.query(at, name, promql, ">= 0"); p != nil {
		p.weightless = "an observation: any value passes. Give it a threshold to make it a hypothesis or a guard; if it gives several series, aggregate it"
	}
}

// get takes an HTTP probe over, and says whether it did. URLs that are not whole are left
// to a person.
func (d *draft) get(at branch, name, address string, status []string) bool {
	u, err := url.Parse(address)
	look, before := "url: "+quoted(address), ""
	switch {
	case isTemplate(address):
		d.note(at, "the URL of the probe %q is a template: write it out", cut(name))
		look, before = "url: ''", fillIn+"the address that is asked\n    "
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		d.note(at, "the probe %q has no http:// or https:// address; it is not carried over", cut(name))
		return false
	case u.User != nil || strictyaml.Hide(address) != address:
		d.note(at, "the URL of the probe %q holds a user or a secret; it is not carried over", cut(name))
		return false
	}
	if len(status) > 0 {
		look += fmt.Sprintf(", status: [%s]", strings.Join(status, ", "))
	}
	d.probes = append(d.probes, probe{name: name, look: before + "http: {" + look + "}"})
	return true
}

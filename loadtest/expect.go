package loadtest

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
)

// maxKept is how much of a body is kept for expectations and extracts; what comes
// after it is read and counted, and found by none.
const maxKept = 1 << 20

// errUnexpected is wrapped by errors about answers that came whole, and are not what
// the plan expects.
var errUnexpected = errors.New("not as expected")

// Expect is what an answer must be to count as a success. The zero value takes every
// status below 400. Statuses that it lists are successes, whatever they are.
type Expect struct {
	Status []int             `yaml:"status"`
	Body   string            `yaml:"body"`      // a regular expression that is found in it
	JSON   map[string]string `yaml:"json"`      // path to a value, as text
	Least  *int64            `yaml:"min_bytes"` // of the body
	Most   *int64            `yaml:"max_bytes"`
}

// expectation is an Expect made ready.
type expectation struct {
	status      []int
	body        *regexp.Regexp
	json        []jsonWant
	least, most int64 // most -1: no bound
}

type jsonWant struct {
	text string
	path jsonPath
	want string
}

// ready compiles e; nil expects nothing beyond a status below 400.
func (e Expect) ready() (*expectation, *fault) {
	out := &expectation{status: e.Status, most: -1}
	for _, s := range e.Status {
		if s < 100 || s > 599 {
			return nil, faultf("status", "%d is no status of HTTP", s)
		}
	}
	if e.Body != "" {
		re, err := regexp.Compile(e.Body)
		if err != nil {
			return nil, faultf("body", "%v", err)
		}
		out.body = re
	}
	for _, p := range sortedKeys(e.JSON) {
		path, err := parseJSONPath(p)
		if err != nil {
			return nil, faultf("json", "%v", err)
		}
		out.json = append(out.json, jsonWant{p, path, e.JSON[p]})
	}
	if e.Least != nil {
		out.least = *e.Least
	}
	if e.Most != nil {
		out.most = *e.Most
	}
	if out.least < 0 || e.Most != nil && out.most < out.least {
		return nil, faultf("", "min_bytes is %d and max_bytes %d: no body is like that", out.least, out.most)
	}
	if len(e.Status) == 0 && e.Body == "" && len(e.JSON) == 0 && e.Least == nil && e.Most == nil {
		return nil, nil
	}
	return out, nil
}

// keeps is what of an answer the expectation looks at.
func (e *expectation) keeps() (k keep) {
	if e != nil && (e.body != nil || len(e.json) > 0) {
		k |= keepBody
	}
	return k
}

// takes says whether the status is one of a success.
func (e *expectation) takes(status int) bool {
	if e == nil || len(e.status) == 0 {
		return status < 400
	}
	return slices.Contains(e.status, status)
}

// meets is nil if the answer, whose status was taken, is as expected.
func (e *expectation) meets(a answer) error {
	if e == nil {
		return nil
	}
	switch {
	case a.size < e.least:
		return fmt.Errorf("%w: the body has %d bytes, want %d or more", errUnexpected, a.size, e.least)
	case e.most >= 0 && a.size > e.most:
		return fmt.Errorf("%w: the body has %d bytes, want %d at the most", errUnexpected, a.size, e.most)
	case e.body != nil && !e.body.Match(a.body):
		return fmt.Errorf("%w: the body does not match %s", errUnexpected, strconv.Quote(e.body.String()))
	}
	for _, j := range e.json {
		got, err := j.path.find(a.body)
		if err != nil {
			return fmt.Errorf("%w: json %s: %v", errUnexpected, j.text, err)
		}
		if got != j.want {
			return fmt.Errorf("%w: json %s is %.40q, want %.40q", errUnexpected, j.text, got, j.want)
		}
	}
	return nil
}

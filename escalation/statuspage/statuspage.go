// Package statuspage tells a public status page what a person wrote for the
// public, by Atlassian Statuspage's REST API (v1).
//
// The first update about an incident creates one on the page, later ones change
// it, and the end of ours resolves it. Nothing of the incident itself goes there
// but how bad it is and how far along: no title, label, name or note. The API has
// no idempotency key; every incident carries the ID of its message in its
// metadata, by which a creation that nobody knows the end of is looked up before
// it is made again.
package statuspage

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// Page is one status page, with its token read.
type Page struct {
	APIURL   string // base URL: https://api.statuspage.io, or a test server's
	ID       string
	Token    string
	Title    string             // of its incidents; empty: "Service disruption"
	Resolved string             // what its end says; empty: "This incident has been resolved."
	Services map[string]Service // by the incident's service
	Silent   bool               // subscribers get no e-mail
}

// Service is how a service of ours is called in public.
type Service struct {
	Title      string   // of an incident about it; empty: the page's
	Components []string // IDs of the page's components that it is
}

// Config is how pages are found.
type Config struct {
	// Page gives a page by its name in the policy. It is asked for every message,
	// and what it gives is not kept.
	Page func(ctx context.Context, name string) (Page, error)
	// HTTP connects; nil is a client of escalation.NewTransport. Redirects are
	// not followed, whatever it says.
	HTTP *http.Client
}

// Sender tells status pages.
type Sender struct{ config Config }

// New is a sender by config.
func New(config Config) *Sender {
	if config.HTTP == nil {
		config.HTTP = &http.Client{Transport: escalation.NewTransport()}
	}
	return &Sender{config}
}

// Send implements escalation.Sender. The Ref is the ID of the incident on the
// page. An announcement without m.Parent creates one, with it changes that; a
// resolution ends m.Parent; a sweep deletes the second copies of a creation. A
// creation that is Murky is looked for first.
func (s *Sender) Send(ctx context.Context, m escalation.Message, inc incident.Incident) escalation.Outcome {
	a := attempt{Sender: s, m: m, content: m.Content(), inc: inc}
	var err error
	a.page, err = s.config.Page(ctx, m.Target())
	switch {
	case ctx.Err() != nil:
		return escalation.Outcome{Class: escalation.NotSent, Err: a.errorf("read its token: %v: nothing was sent", cmp.Or(err, ctx.Err()))}
	case err != nil:
		return escalation.Outcome{Class: escalation.Dead, Err: a.errorf("%v", err)}
	}
	switch {
	case m.Operation == escalation.OpAnnounce && m.Parent == "":
		return a.create(ctx)
	case m.Operation == escalation.OpAnnounce, m.Operation == escalation.OpResolve && m.Parent != "":
		return a.update(ctx)
	case m.Operation == escalation.OpSweep:
		return a.sweep(ctx)
	case m.Operation == escalation.OpTrigger:
		return escalation.Outcome{Class: escalation.Dead, Err: a.errorf("a status page wakes nobody: name it in the policy's audiences, and not in a level's notify")}
	}
	return escalation.Outcome{Class: escalation.Dead, Err: a.errorf("a status page cannot %s: only announce and resolve", m.Operation)}
}

// Look asks for the page itself, and changes nothing.
func (s *Sender) Look(ctx context.Context, name string) (title string, o escalation.Outcome) {
	a := attempt{Sender: s, m: escalation.Message{Sink: "statuspage:" + name}}
	var err error
	if a.page, err = s.config.Page(ctx, name); err != nil {
		return "", escalation.Outcome{Class: escalation.Dead, Err: a.errorf("%v", err)}
	}
	var page struct{ Name string }
	o = a.call(ctx, http.MethodGet, "", nil, &page)
	return page.Name, o
}

// attempt is one Send.
type attempt struct {
	*Sender
	m       escalation.Message
	content escalation.Content
	inc     incident.Incident
	page    Page
}

// call makes one request about the page and reads its answer.
func (a attempt) call(ctx context.Context, method, path string, body, answer any) escalation.Outcome {
	x := a.exchange()
	address := strings.TrimRight(a.page.APIURL, "/") + "/v1/pages/" + url.PathEscape(a.page.ID) + path
	var sent bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&sent).Encode(body); err != nil {
			return escalation.Outcome{Class: escalation.Dead, Err: x.Errorf("make the request: %v", err)}
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, address, &sent)
	if err != nil {
		return escalation.Outcome{Class: escalation.Dead, Err: x.Errorf("make the request: %v", err)}
	}
	req.Header.Set("Authorization", "OAuth "+a.page.Token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "sitrep")
	if resp, err := x.Do(req); err == nil {
		_ = resp.Body.Close() // in memory: x has it
	}
	if x.Status == statusCalm {
		return x.Throttled()
	}
	if o, refused := x.Refused(said(x.Body), a.hint(x.Status)); refused {
		return o
	}
	if answer == nil {
		return escalation.Outcome{Class: escalation.Done}
	}
	if err := json.Unmarshal(x.Body, answer); err != nil {
		return escalation.Outcome{Class: escalation.Unsure, Err: x.Errorf("answered %d, but not as the API does: is statuspages.%s.api_url right, or a proxy in between?", x.Status, a.m.Target())}
	}
	return escalation.Outcome{Class: escalation.Done}
}

// statusCalm is how Statuspage says that it is asked more than once a second.
// Source: Statuspage API, rate limiting.
const statusCalm = 420

func (a attempt) exchange() *escalation.Exchange {
	return &escalation.Exchange{Sink: a.m.Sink, Client: a.config.HTTP, Secrets: []string{a.page.Token}}
}

func (a attempt) errorf(format string, args ...any) error {
	return a.exchange().Errorf(format, args...)
}

// said is the API's own explanation of a refusal: one text, or several.
func said(body []byte) string {
	var one struct{ Error string }
	if json.Unmarshal(body, &one) == nil {
		return one.Error
	}
	var many struct{ Error []string }
	if json.Unmarshal(body, &many) == nil {
		return strings.Join(many.Error, ", ")
	}
	return ""
}

// hint is what to do about a status that is for good.
func (a attempt) hint(status int) string {
	key := "statuspages." + a.m.Target()
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "check " + key + ".token"
	case http.StatusNotFound:
		return "check " + key + ".page_id; or somebody deleted the incident there"
	}
	return ""
}

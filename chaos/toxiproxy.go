package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"syscall"
)

// Toxiproxy is a proxy server that a team runs for itself, by the base URL of its HTTP
// API. Its faults ("toxics") live in its memory.
type Toxiproxy struct{ URL string }

// DefaultToxiproxy is where it listens if nobody has said otherwise.
const DefaultToxiproxy = "http://127.0.0.1:8474"

// ToxicTarget is one of its proxies, which the configuration names.
type ToxicTarget struct {
	Name    string            `yaml:"name" json:"name"`
	Service string            `yaml:"service" json:"service"`
	Labels  map[string]string `yaml:"labels" json:"labels,omitempty"`
	URL     string            `yaml:"url" json:"url,omitempty"` // that is reached through the proxy, to see what a fault does
	Proxy   string            `yaml:"proxy" json:"proxy"`       // as Toxiproxy calls it

	Server Toxiproxy `yaml:"-" json:"-"`
}

var toxicProxyName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

// Valid refuses an entry that names nothing. The key is where it is wrong.
func (t ToxicTarget) Valid() (key string, err error) {
	switch {
	case !targetName.MatchString(t.Name):
		return "name", fmt.Errorf("a target needs a name of letters, digits, dots, dashes and colons; this is %q", t.Name)
	case !targetName.MatchString(t.Service):
		return "service", fmt.Errorf("%s: which service is it? this is %q", t.Name, t.Service)
	case !toxicProxyName.MatchString(t.Proxy):
		return "proxy", fmt.Errorf("%s: want the name of a proxy of Toxiproxy, of letters, digits, dots, dashes and underscores; this is %q", t.Name, t.Proxy)
	}
	return "", nil
}

// target is the entry as a target.
func (t ToxicTarget) target(server string) Target {
	t.Server = Toxiproxy{server}
	return Target{Name: t.Name, Service: t.Service, Labels: t.Labels, URL: t.URL, Listed: true, Toxic: &t}
}

// Valid refuses what is not the address of an HTTP server alone: what follows is ours.
func (x Toxiproxy) Valid() error {
	u, err := url.Parse(x.URL)
	if err != nil || u.Scheme != "http" || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%q is not the address of Toxiproxy, such as %s", x.URL, DefaultToxiproxy)
	}
	return nil
}

// ToxiproxyState is what it says of one of its proxies.
type ToxiproxyState struct {
	Name     string `json:"name"`
	Listen   string `json:"listen"`
	Upstream string `json:"upstream"`
	Enabled  bool   `json:"enabled"`
}

// Toxic is a fault of a proxy.
type Toxic struct {
	Name       string           `json:"name"`
	Type       string           `json:"type"`
	Stream     string           `json:"stream"`
	Toxicity   float64          `json:"toxicity"`
	Attributes map[string]int64 `json:"attributes"`
}

// ErrNoSuchProxy means that Toxiproxy knows no such proxy, or no such toxic of it.
var ErrNoSuchProxy = errors.New("there is no such thing")

// Count is how many proxies it has.
func (x Toxiproxy) Count(ctx context.Context) (int, error) {
	var all map[string]ToxiproxyState
	err := x.send(ctx, http.MethodGet, "/proxies", nil, &all)
	return len(all), err
}

// Show says how a proxy is.
func (x Toxiproxy) Show(ctx context.Context, proxy string) (s ToxiproxyState, err error) {
	err = x.send(ctx, http.MethodGet, "/proxies/"+proxy, nil, &s)
	if err == nil && s.Name != proxy {
		err = fmt.Errorf("toxiproxy %s: asked for %s, it tells of %.80q", x.URL, proxy, s.Name)
	}
	return s, err
}

// Add puts a toxic in place. One of the same name is an error.
func (x Toxiproxy) Add(ctx context.Context, proxy string, t Toxic) error {
	return x.send(ctx, http.MethodPost, "/proxies/"+proxy+"/toxics", t, nil)
}

// Has says whether the proxy has a toxic of that name.
func (x Toxiproxy) Has(ctx context.Context, proxy, name string) (t Toxic, err error) {
	err = x.send(ctx, http.MethodGet, "/proxies/"+proxy+"/toxics/"+name, nil, &t)
	if err == nil && t.Name != name {
		err = fmt.Errorf("toxiproxy %s: asked for %s, it tells of %.80q", x.URL, name, t.Name)
	}
	return t, err
}

// Enable lets a proxy listen, or has it close all that it has.
func (x Toxiproxy) Enable(ctx context.Context, proxy string, enabled bool) error {
	return x.send(ctx, http.MethodPost, "/proxies/"+proxy, map[string]bool{"enabled": enabled}, nil)
}

func (x Toxiproxy) remove(ctx context.Context, proxy, name string) error {
	return x.send(ctx, http.MethodDelete, "/proxies/"+proxy+"/toxics/"+name, nil, nil)
}

// longestAnswerOfToxiproxy is more than a proxy with hundreds of toxics.
const longestAnswerOfToxiproxy = 1 << 20

func (x Toxiproxy) send(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, undoTimeout)
	defer cancel()
	fail := func(err error) error {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return fmt.Errorf("toxiproxy: %s %s%s: %w", method, x.URL, path, err)
	}
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return fail(err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, x.URL+path, &body)
	if err != nil {
		return fail(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := x.client().Do(req)
	if err != nil {
		return fail(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, longestAnswerOfToxiproxy+1))
	switch {
	case err != nil:
		return fail(err)
	case len(text) > longestAnswerOfToxiproxy:
		return fail(errors.New("its answer has no end"))
	case res.StatusCode == http.StatusNotFound:
		return fail(ErrNoSuchProxy)
	case res.StatusCode/100 != 2:
		var said struct{ Error string }
		_ = json.Unmarshal(text, &said) // else there is no reason but the status
		return fail(fmt.Errorf("%s: %.300s", res.Status, said.Error))
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fail(fmt.Errorf("this is not Toxiproxy's answer: %w", err))
	}
	return nil
}

// client asks nobody else: no proxy from the environment, and no redirects.
func (x Toxiproxy) client() *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{DisableKeepAlives: true},
	}
}

// over says why a fault in Toxiproxy's memory is no more, or nothing: it knows of none, or
// nobody listens there any more.
func (x Toxiproxy) over(err error) string {
	switch {
	case errors.Is(err, ErrNoSuchProxy):
		return "Toxiproxy no longer knows of it"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens on " + x.URL + " any more"
	}
	return ""
}

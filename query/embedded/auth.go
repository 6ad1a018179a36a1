package embedded

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/sitrep-dev/sitrep/query"
)

// Auth is how to be let in to a target. The functions give secrets; they are called
// with every scrape, so that what is rotated is followed, from any goroutine.
type Auth struct {
	User             string
	Password, Bearer func() (string, error)
	Scheme           string // before Bearer's secret; Bearer if empty
	Headers          map[string]string
	query.Certificates
	ProxyURL    string
	NoRedirects bool
	Withheld    []string // the keys whose secrets are not known: a server shows them as <secret>
	files       []string // that the functions read
}

// Needs says what is missing to be let in; empty if nothing is.
func (a Auth) Needs() string { return strings.Join(a.Withheld, ", ") }

// plainly says that nothing is asked for.
func (a Auth) plainly() bool {
	return a.User == "" && a.Password == nil && a.Bearer == nil && len(a.Headers) == 0 && a.Certificates == (query.Certificates{}) &&
		a.ProxyURL == "" && !a.NoRedirects
}

// Client is a client that is let in; nil if the server's own will do. Files that
// cannot be read now are an error.
func (a Auth) Client() (*http.Client, error) {
	if a.plainly() {
		return nil, nil
	}
	proxy, err := a.proxy()
	if err != nil {
		return nil, err
	}
	if _, err := a.Config(); err != nil {
		return nil, err
	}
	t := a.Transport(func() *http.Transport {
		t := plainTransport()
		t.Proxy, t.TLSHandshakeTimeout = proxy, 10*time.Second
		return t
	})
	c := &http.Client{Transport: letIn{a, t}, CheckRedirect: quietly}
	if a.NoRedirects {
		c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	return c, nil
}

// proxy is nil where none is asked for.
func (a Auth) proxy() (func(*http.Request) (*url.URL, error), error) {
	if a.ProxyURL == "" {
		return nil, nil
	}
	u, err := url.Parse(a.ProxyURL)
	if err != nil || u.Host == "" {
		return nil, errors.New("the proxy's URL cannot be read: write http://host:3128")
	}
	return http.ProxyURL(u), nil
}

// letIn adds what a target asks for, and only on the way to the target itself: a
// redirect to another host gets nothing.
type letIn struct {
	auth Auth
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (l letIn) RoundTrip(r *http.Request) (*http.Response, error) {
	first := r
	for first.Response != nil && first.Response.Request != nil {
		first = first.Response.Request
	}
	if first.URL.Host != r.URL.Host || first.URL.Scheme != r.URL.Scheme {
		return l.next.RoundTrip(r)
	}
	r = r.Clone(r.Context())
	for name, v := range l.auth.Headers {
		r.Header.Set(name, v)
	}
	switch {
	case l.auth.Bearer != nil:
		word, err := l.auth.Bearer()
		if err != nil {
			return nil, err
		}
		scheme := l.auth.Scheme
		if scheme == "" {
			scheme = "Bearer"
		}
		r.Header.Set("Authorization", scheme+" "+word)
	case l.auth.User != "" || l.auth.Password != nil:
		word := ""
		if l.auth.Password != nil {
			var err error
			if word, err = l.auth.Password(); err != nil {
				return nil, err
			}
		}
		r.SetBasicAuth(l.auth.User, word)
	}
	return l.next.RoundTrip(r)
}

// CloseIdleConnections is for http.Client.
func (l letIn) CloseIdleConnections() {
	if t, ok := l.next.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// secretShown is what Prometheus shows in place of a secret.
const secretShown = "<secret>"

// access reads the keys of a job that say how to be let in; false for any other.
func (r *fileReader) access(j *Job, key, value *yaml.Node) (known bool, err error) {
	a := &j.Auth
	switch key.Value {
	case "basic_auth":
		return true, r.each(value, func(k, v *yaml.Node) error {
			switch k.Value {
			case "username":
				a.User = v.Value
			case "password":
				a.Password = r.literal(a, "basic_auth.password", v)
			case "password_file":
				a.Password = r.fromFile(a, v)
			default:
				r.leave(j.Name, k, "of basic_auth is not carried over")
			}
			return nil
		})
	case "authorization":
		return true, r.each(value, func(k, v *yaml.Node) error {
			switch k.Value {
			case "type":
				a.Scheme = v.Value
			case "credentials":
				a.Bearer = r.literal(a, "authorization.credentials", v)
			case "credentials_file":
				a.Bearer = r.fromFile(a, v)
			default:
				r.leave(j.Name, k, "of authorization is not carried over")
			}
			return nil
		})
	case "bearer_token":
		a.Bearer = r.literal(a, "bearer_token", value)
	case "bearer_token_file":
		a.Bearer = r.fromFile(a, value)
	case "tls_config":
		return true, r.each(value, func(k, v *yaml.Node) error { return r.tls(j, k, v) })
	case "proxy_url":
		a.ProxyURL = value.Value
		if strings.Contains(value.Value, "xxxxx@") || value.Value == secretShown {
			a.Withheld = append(a.Withheld, key.Value)
		}
	case "follow_redirects":
		follow := true
		err = r.into(value, &follow)
		a.NoRedirects = !follow
	case "oauth2", "sigv4":
		a.Withheld = append(a.Withheld, key.Value)
		r.leave(j.Name, key, "is not carried over: its targets are not scraped")
	default:
		return false, nil
	}
	return true, err
}

func (r *fileReader) tls(j *Job, k, v *yaml.Node) error {
	file := r.paths([]string{v.Value})[0]
	switch k.Value {
	case "ca_file":
		j.Auth.CAFile = file
	case "cert_file":
		j.Auth.CertFile = file
	case "key_file":
		j.Auth.KeyFile = file
	case "server_name":
		j.Auth.ServerName = v.Value
	case "insecure_skip_verify":
		return r.into(v, &j.Auth.Insecure)
	default:
		r.leave(j.Name, k, "of tls_config is not carried over")
		return nil
	}
	return nil
}

// literal is a secret that stands in the file itself.
func (r *fileReader) literal(a *Auth, key string, v *yaml.Node) func() (string, error) {
	if v.Value == secretShown {
		a.Withheld = append(a.Withheld, key)
		return nil
	}
	word := v.Value
	return func() (string, error) { return word, nil }
}

func (r *fileReader) fromFile(a *Auth, v *yaml.Node) func() (string, error) {
	file := v.Value
	if !filepath.IsAbs(file) {
		file = filepath.Join(r.dir, file)
	}
	a.files = append(a.files, file)
	return func() (string, error) {
		b, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("the secret of the target: %w", err)
		}
		return strings.TrimSpace(string(b)), nil
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/query/grafana"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// dashboardSource reads what is to be imported: a file, standard input, or an
// address. base is the Grafana that it comes from, "" if that is not known.
func (a *app) dashboardSource(ctx context.Context, from, token string) (src []byte, base string, err error) {
	switch {
	case from == "-":
		src, err = io.ReadAll(io.LimitReader(a.stdin, grafana.MaxSize+1))
		return src, "", err
	case strings.HasPrefix(from, "http://") || strings.HasPrefix(from, "https://"):
		return a.fetchDashboard(ctx, from, token)
	}
	if token != "" {
		return nil, "", usage("--token is for the address of a dashboard, and %s is a file", from)
	}
	f, err := openNow(from)
	if err != nil {
		return nil, "", withCode(exitUsage, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	src, err = io.ReadAll(io.LimitReader(f, grafana.MaxSize+1))
	return src, "", withCode(exitUsage, err)
}

// dashboardPage is the address of a dashboard as a browser shows it.
var dashboardPage = regexp.MustCompile(`^(.*?)/d/([A-Za-z0-9_-]{1,80})(?:/[^/]*)?/?$`)

// fetchDashboard asks a Grafana for a dashboard by the address of its page. Any
// other address is asked for as it is, without a token.
func (a *app) fetchDashboard(ctx context.Context, from, token string) ([]byte, string, error) {
	u, err := url.Parse(from)
	if err != nil {
		return nil, "", usage("the address cannot be read; write it as https://grafana.example.com/d/UID")
	}
	if err := checkURL(from); err != nil {
		return nil, "", withCode(exitUsage, err)
	}
	u.RawQuery, u.Fragment = "", ""
	m := dashboardPage.FindStringSubmatch(u.Path)
	if m == nil {
		if token != "" {
			return nil, "", usage("a token is sent to the page of a dashboard alone: https://HOST/d/UID, not %s", strictyaml.Hide(u.String()))
		}
		u, _ := url.Parse(from)
		src, err := getDashboard(ctx, u.String(), "")
		return src, "", err
	}
	u.Path = m[1]
	base := strings.TrimSuffix(u.String(), "/")
	bearer, err := a.grafanaToken(ctx, base, token)
	if err != nil {
		return nil, "", err
	}
	src, err := getDashboard(ctx, base+"/api/dashboards/uid/"+m[2], bearer)
	return src, base, err
}

// grafanaToken is the one that was given, or for the configured Grafana its own;
// "" where there is none.
func (a *app) grafanaToken(ctx context.Context, base, given string) (string, error) {
	c, err := a.config()
	if err != nil {
		return "", err
	}
	ref, dir := c.Grafana.Token, c.dir
	switch kind, _, _ := strings.Cut(given, ":"); {
	case given != "" && kind != "env" && kind != "file" && kind != "cmd":
		return "", usage("--token: a token is not given as it is: env:NAME, file:PATH or cmd:COMMAND says where it is")
	case given != "":
		ref, dir = secret(given), "."
	case ref == "" || strings.TrimSuffix(c.Grafana.URL, "/") != base:
		return "", nil
	}
	return ref.read(ctx, dir)
}

// unreferred follows redirects as usual, and does not tell whoever comes next the
// address that led there: a token may stand in it.
func unreferred(next *http.Request, before []*http.Request) error {
	if len(before) >= 10 {
		return errors.New("it redirects in a ring: is the address right?")
	}
	next.Header.Del("Referer")
	return nil
}

// getDashboard asks for JSON. A redirect is not followed: it leads to a login page,
// or the token to somebody else.
func getDashboard(ctx context.Context, address, bearer string) (_ []byte, err error) {
	shown := strictyaml.Hide(address)
	if u, err := url.Parse(address); err == nil {
		u.User, u.RawQuery, u.Fragment = nil, "", ""
		shown = strictyaml.Hide(u.String())
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, usage("%s is no address that can be asked", shown)
	}
	req.Header.Set("Accept", "application/json")
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	client := &http.Client{Timeout: 30 * time.Second, CheckRedirect: unreferred}
	if bearer != "" || strings.Contains(address, "/api/dashboards/uid/") {
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		if asked := (*url.Error)(nil); errors.As(err, &asked) {
			err = asked.Err // without the address, in which a token may stand
		}
		return nil, withCode(exitInconclusive, fmt.Errorf("%s cannot be reached: %w", shown, err))
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	switch code := resp.StatusCode; {
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code/100 == 3:
		return nil, fmt.Errorf("%s answers %s: it wants a token that may read dashboards: --token env:NAME, or grafana: in sitrep.yaml with its url and token", shown, resp.Status)
	case code == http.StatusNotFound:
		return nil, fmt.Errorf("%s answers %s: there is no such dashboard, or the token may not see it", shown, resp.Status)
	case code != http.StatusOK:
		return nil, withCode(exitInconclusive, fmt.Errorf("%s answers %s", shown, resp.Status))
	}
	return io.ReadAll(io.LimitReader(resp.Body, grafana.MaxSize+1))
}

package fault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
)

// toxicDown has a proxy of Toxiproxy close all that it has and listen no more, as a
// server that has died.
type toxicDown struct{}

func (toxicDown) Kind() string { return "toxic.down" }

func (toxicDown) Check(with chaos.With) error { return with.Only() }

func (f toxicDown) Plan(ctx context.Context, id string, step chaos.Step, target chaos.Target) (chaos.Injection, error) {
	t, s, err := toxicOf(ctx, target)
	if err != nil {
		return chaos.Injection{}, err
	}
	ref := chaos.ToxicRef{Server: t.Server.URL, Proxy: t.Proxy}
	return chaos.Injection{
		ID: id, Kind: f.Kind(), Target: target.Name, Tier: chaos.TierDeadMan,
		Undo: []chaos.Op{chaos.EnableProxy(ref)}, Gone: chaos.ProxyEnabled(ref),
		Preview:  []string{fmt.Sprintf(`POST %s {"enabled": false} for %s: nobody listens on %s`, ref, step.Duration, s.Listen)},
		Injector: &downed{target: t, listen: s.Listen},
	}, nil
}

type downed struct {
	target    *chaos.ToxicTarget
	listen    string
	connected bool // before, from here
}

// Inject is chaos.Injector's. A proxy that somebody has disabled since the plan is
// theirs: the undo would enable it.
func (d *downed) Inject(ctx context.Context, _ chaos.Armed) (string, error) {
	s, err := d.target.Server.Show(ctx, d.target.Proxy)
	if err == nil && (!s.Enabled || s.Listen != d.listen) {
		err = fmt.Errorf("proxy %s is not as it was when this was planned", d.target.Proxy)
	}
	if err != nil {
		return "", err
	}
	d.connected = connects(ctx, d.listen) == nil
	return "disabled proxy " + d.target.Proxy, d.target.Server.Enable(ctx, d.target.Proxy, false)
}

// Observe is chaos.Injector's: Toxiproxy says so, and where a connection from here came
// about before, none does.
func (d *downed) Observe(ctx context.Context) (string, bool, error) {
	s, err := d.target.Server.Show(ctx, d.target.Proxy)
	if err != nil || s.Enabled {
		return "proxy " + d.target.Proxy + " is enabled", false, err
	}
	text := "proxy " + d.target.Proxy + " is disabled"
	if !d.connected {
		return text, true, nil
	}
	if connects(ctx, d.listen) == nil {
		return text + "; " + d.listen + " can still be reached", false, nil
	}
	return text + "; " + d.listen + " cannot be reached", true, nil
}

// answerTime is how long an answer took to come, whole, or why it did not.
type answerTime struct {
	took time.Duration
	err  error
}

// timeAnswer asks a URL that the configuration names.
func timeAnswer(ctx context.Context, url string, patience time.Duration) answerTime {
	if url == "" {
		return answerTime{err: errors.New("there is no url")}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return answerTime{err: err}
	}
	client := &http.Client{
		Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	began := time.Now()
	res, err := client.Do(req)
	if err != nil {
		return answerTime{err: err}
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<16))
	return answerTime{time.Since(began), err}
}

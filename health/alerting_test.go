package health

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// scripted is a probe that finds what the test says.
type scripted struct {
	value float64
	err   error
}

func (p *scripted) look(context.Context) (float64, error) { return p.value, p.err }

func load(t *testing.T, line string) Check {
	t.Helper()
	list, err := Load("checks.yaml", []byte("checks:\n  - "+line+"\n"), nil)
	require.NoError(t, err, line)
	return list[0]
}

func TestAlertKeys(t *testing.T) {
	const day = 24 * time.Hour
	for line, want := range map[string]Alerting{
		`{name: a, tcp: "h:1"}`:                                               {For: time.Minute, Severity: "critical"},
		`{name: a, tcp: "h:1", every: 10m}`:                                   {For: 10 * time.Minute, Severity: "critical"},
		`{name: a, tcp: "h:1", alert: off}`:                                   {Off: true, For: time.Minute, Severity: "critical"},
		`{name: a, tcp: "h:1", alert: {for: 0s, severity: page}}`:             {Severity: "page"},
		`{name: a, tcp: "h:1", labels: {severity: warning}}`:                  {For: time.Minute, Severity: "warning"},
		`{name: a, tls: "h:1"}`:                                               {For: time.Minute, Severity: "critical", Warning: 21 * day, Critical: 7 * day},
		`{name: a, tls: "h:1", lasts: 30d}`:                                   {For: time.Minute, Severity: "critical", Warning: 30 * day, Critical: 7 * day},
		`{name: a, tls: "h:1", lasts: 2d}`:                                    {For: time.Minute, Severity: "critical", Warning: 2 * day, Critical: 2 * day},
		`{name: a, tls: "h:1", alert: {warning: 10d, critical: 3d, for: 5m}}`: {For: 5 * time.Minute, Severity: "critical", Warning: 10 * day, Critical: 3 * day},
		"{name: a, tls: \"h:1\", alert: {critical: 30d}}":                     {For: time.Minute, Severity: "critical", Warning: 30 * day, Critical: 30 * day},
	} {
		require.Equal(t, want, load(t, line).Alerting, line)
	}
	for line, want := range map[string]string{
		`{name: a, tcp: "h:1", alert: on}`:                          "write off, or for example",
		`{name: a, tcp: "h:1", alert: [1]}`:                         "write off, or for example",
		`{name: a, tcp: "h:1", alert: {fro: 1m}}`:                   `unknown key "fro"`,
		`{name: a, tcp: "h:1", alert: {for: soon}}`:                 "soon",
		`{name: a, tcp: "h:1", alert: {for: 30d}}`:                  "for is from 0s to 1w",
		`{name: a, tcp: "h:1", alert: {severity: "a b"}}`:           "a severity is a word",
		`{name: a, tcp: "h:1", alert: {severity: [critical]}}`:      "a severity is a word",
		`{name: a, tcp: "h:1", alert: {warning: 3d}}`:               "mean nothing to a check of tcp",
		`{name: a, tls: "h:1", alert: {warning: 3d, critical: 7d}}`: "warning comes before critical",
		`{name: a, tcp: "h:1", runbook: "javascript:x"}`:            "it is the URL of what to do",
	} {
		_, err := Load("checks.yaml", []byte("checks:\n  - "+line+"\n"), nil)
		require.ErrorContains(t, err, want, line)
		require.ErrorContains(t, err, "checks.yaml:2:", line)
	}
}

// follows has the check look once more.
func (p *scripted) follows(c *Check, tr Trouble) Trouble {
	return tr.follow(c.Look(context.Background()))
}

// What lasts is an alert: neither a lost packet nor what cannot be looked at.
func TestWhatLastsIsTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &scripted{value: 1}
		c := load(t, `{name: shop, http: "https://shop.example.com/t0ken?k=t0ken"}`)
		c.probe = p
		tr := p.follows(&c, Trouble{})
		require.Zero(t, tr)
		began := time.Now()
		p.err = errors.New("503 Service Unavailable")
		tr = p.follows(&c, tr)
		require.Equal(t, CheckFailed, tr.Alert)
		time.Sleep(2 * time.Minute)
		require.False(t, tr.Lasts(time.Now()), "one look is none, however long ago")
		p.err = errImpossible
		tr = p.follows(&c, tr)
		require.Equal(t, 1, tr.Looks, "and what cannot be looked at says nothing")
		p.err = errors.New("502 Bad Gateway")
		tr = p.follows(&c, tr)
		require.True(t, tr.Lasts(time.Now()))
		require.Equal(t, began, tr.Since)
		require.Equal(t, "shop fails: 502 Bad Gateway", tr.Summary())
		require.Equal(t, "http check of shop.example.com, every 30s: wrong since 2000-01-01 00:00:00 UTC, in 2 looks in a row; the last: 502 Bad Gateway", tr.Description())
		p.err = nil
		require.Zero(t, p.follows(&c, tr), "a good look ends it")
	})
}

// A check that is to alert sooner than it looks again, does.
func TestOneLookMayBeEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &scripted{err: errors.New("refused")}
		c := load(t, `{name: a, tcp: "h:1", every: 1h, alert: {for: 1m}}`)
		c.probe = p
		tr := p.follows(&c, Trouble{})
		require.False(t, tr.Lasts(time.Now()))
		time.Sleep(time.Minute)
		require.True(t, tr.Lasts(time.Now()))
	})
}

// A certificate has thresholds of its own, whatever the check calls healthy.
func TestCertificatesHaveThresholds(t *testing.T) {
	const day = 24 * time.Hour
	p := &scripted{}
	c := load(t, `{name: cert, tls: "shop.example.com:443"}`)
	c.probe = p
	var tr Trouble
	for _, step := range []struct {
		left            time.Duration
		err             error
		alert, severity string
		says            string
	}{
		{22 * day, nil, "", "", ""},
		{20 * day, nil, CertificateExpiry, "warning", "the certificate of shop.example.com:443 ends in 20 days"},
		{13 * day, nil, CertificateExpiry, "warning", "the certificate of shop.example.com:443 ends in 13 days"},
		{6 * day, nil, CertificateExpiry, "critical", "the certificate of shop.example.com:443 ends in 6 days"},
		{-day, errors.New("x509: certificate has expired"), CertificateExpiry, "critical", "the certificate of shop.example.com:443 has ended"},
		{90 * day, errors.New("x509: unknown authority"), CheckFailed, "critical", "cert fails: x509: unknown authority"},
		{90 * day, nil, "", "", ""},
	} {
		p.value, p.err = step.left.Seconds(), step.err
		tr = p.follows(&c, tr)
		require.Equal(t, [2]string{step.alert, step.severity}, [2]string{tr.Alert, tr.Severity}, step.left)
		if step.says != "" {
			require.Equal(t, step.says, tr.Summary())
		}
	}
	p.value, p.err = none, errors.New("connection refused")
	require.Equal(t, CheckFailed, p.follows(&c, tr).Alert)
}

// The runner knows since when.
func TestARunnerKnowsSinceWhen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &scripted{err: errors.New("refused")}
		c := load(t, `{name: a, tcp: "h:1"}`)
		c.probe = p
		r := NewRunner([]Check{c})
		require.False(t, r.Standings()[0].Looked)
		began := time.Now()
		r.Once(t.Context())
		time.Sleep(time.Minute)
		r.Once(t.Context())
		s := r.Standings()[0]
		require.True(t, s.Looked)
		require.Equal(t, 2, s.Trouble.Looks)
		require.Equal(t, began, s.Trouble.Since)
		require.True(t, s.Trouble.Lasts(time.Now()))
	})
}

package health_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/health"
)

func TestBadFiles(t *testing.T) {
	for line, want := range map[string]string{
		`{http: http://h}`:                                     `"" is no name`,
		`{name: a b, http: http://h}`:                          `"a b" is no name`,
		`{name: a}`:                                            "what the check looks at is missing: one of http, tcp",
		`{name: a, http: http://h, tcp: h:1}`:                  "a check looks at one thing: http or tcp, not both",
		`{name: a, http: ""}`:                                  "http is empty: write https://",
		`{name: a, http: "ftp://h"}`:                           "does not begin with http",
		`{name: a, http: "http://u:hush@h/"}`:                  "holds a password",
		`{name: a, http: "http:///x"}`:                         "has no host",
		`{name: a, http: "http://h", method: POST}`:            "may change something",
		`{name: a, http: "http://h", method: HEAD, body: x}`:   "HEAD gets no body",
		`{name: a, http: "http://h", status: [42]}`:            "42 is no status",
		`{name: a, http: "http://h", password: hush}`:          "a secret is not written here",
		`{name: a, http: "http://h", every: 100ms}`:            "every 1s to 24h",
		`{name: a, http: "http://h", every: 5s, timeout: 10s}`: "the timeout is from 10ms to the 5s",
		`{name: a, http: "http://h", slower_than: 1m}`:         "no answer is waited for longer",
		`{name: a, http: "http://h", below: 50%}`:              "below means nothing to a check of http",
		`{name: a, http: "http://h", labels: {check: b}}`:      "cannot be a label's name here",
		`{name: a, http: "http://h", labels: {"a-b": b}}`:      "cannot be a label's name here",
		`{name: a, http: "http://h", ca: no-such.pem}`:         "the authorities cannot be read",
		`{name: a, tcp: h}`:                                    `"h" is no host:port`,
		`{name: a, tcp: "h:0"}`:                                `"h:0" is no host:port`,
		`{name: a, tcp: "h:99999"}`:                            `is no host:port`,
		`{name: a, dns: h, record: PTR}`:                       "none of the records",
		`{name: a, dns: h, server: ns.example.com}`:            "is no address of a name server",
		`{name: a, icmp: "http://h"}`:                          "is no host",
		`{name: a, cpu: other}`:                                "write cpu: host",
		`{name: a, disk: var}`:                                 "is no path",
		`{name: a, disk: /, below: 130%}`:                      `"130%" is no share`,
		`{name: a, disk: /, below: 0}`:                         "nothing is below 0 %",
		`{name: a, disk: /, below: x}`:                         `"x" is no share`,
		`{name: a, redis: "h:1", user: u}`:                     "a user of Redis has a password",
		`{name: a, grpc: "h:1", insecure: true}`:               "write encrypted: true",
		`{name: a, htpp: http://h}`:                            "http",
	} {
		_, err := health.Load("checks.yaml", []byte("checks:\n  - "+line+"\n"), secrets)
		require.ErrorContains(t, err, want, line)
		require.ErrorContains(t, err, "checks.yaml:2:", line)
		require.NotContains(t, err.Error(), "hush", line)
	}
	for text, want := range map[string]string{
		"": "the file is empty", "checks: []": "there are no checks", "checks: {a: 1}": "", "- a": "",
		"checks:\n  - {name: a, disk: /}\n  - {name: a, disk: /var}\n": `checks.yaml:3:12: there are two checks "a"`,
		"checks:\n" + strings.Repeat("  - {name: a, disk: /}\n", 501):  "501 checks are more than 500",
		"checks:\n  - {name: a, disk: /, every: 5s, every: 6s}\n":      "",
		"checks:\n  - {name: a, disk: &x [1]}\n  - *x\n":               "",
	} {
		_, err := health.Load("checks.yaml", []byte(text), secrets)
		require.ErrorContains(t, err, want, text)
	}
}

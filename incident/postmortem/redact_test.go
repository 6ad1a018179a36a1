package postmortem

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/incident"
)

func redactor(t require.TestingT, r Redaction) *Redactor {
	out, err := r.Redactor()
	require.NoError(t, err)
	return out
}

// What goes, and what stays although it looks like it.
func TestWhatARedactionTakesOut(t *testing.T) {
	r := Redaction{
		Callings: []Calling{{"ana", "the incident commander"}, {"Ana Maria", "responder 2"}, {"bob_w", "responder 3"}, {"_eve", "responder 4"}},
		Hosts:    []string{"*.shop.example", "build-*", "203.0.113.0/24"},
		Deny:     []string{"Project Falcon", "ACME*"},
		Allow:    []string{"payments.svc", "10.9.*"},
	}
	for _, c := range []struct{ in, out string }{
		{"curl -H 'Authorization: Bearer abc.def-123' x", "curl -H 'Authorization: Bearer REDACTED' x"},
		{"Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic REDACTED"},
		{"postgres://shop:hunter2@db.shop.example:5432/x", "postgres://REDACTED@host-1:5432/x"},
		{"https://x.example/?token=abcdef&q=1", "https://x.example/?token=REDACTED&q=1"},
		{"DB_PASSWORD=hunter22 ./run", "DB_PASSWORD=REDACTED ./run"},
		{`{"api_key": "0123456789"}`, `{"api_key": "REDACTED"}`},
		{"ghp_abcdefghijklmnopqrstuvwxyz0123456789", "REDACTED"},
		{"glpat-abcdefghijklmnopqrst used", "REDACTED used"},
		{"xoxb-1234-5678-abcdef", "REDACTED"},
		{"https://hooks.slack.com/services/T0/B0/abc", "https://hooks.slack.com/services/REDACTED"},
		{"AKIAIOSFODNN7EXAMPLE", "REDACTED"},
		{"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "REDACTED"},
		{"the token bucket was empty", "the token bucket was empty"},
		{"secret santa", "secret santa"},
		{"a passing test: 12 passed", "a passing test: 12 passed"},

		{"acknowledged by ana, Ana and Ana Maria", "acknowledged by the incident commander, the incident commander and responder 2"},
		{"bob_w's note; banana, anatomy", "responder 3's note; banana, anatomy"},
		{`asked \_eve`, "asked responder 4"},
		{"cc @ana", "cc @the incident commander"},
		{"write to kim@shop.example or kim@shop.example", "write to mail-1 or mail-1"},

		{"db-1.internal and DB-1.internal, then db-2.internal.", "host-1 and host-1, then host-2."},
		{"build-7 failed on payments.svc", "host-1 failed on payments.svc"},
		{"10.0.0.7:9090, 10.9.1.1, 192.168.1.4 and 10.0.0.7.", "address-1:9090, 10.9.1.1, address-2 and address-1."},
		{"203.0.113.9 from 8.8.8.8 and 127.0.0.1", "address-1 from 8.8.8.8 and 127.0.0.1"},
		{"[fd00::1]:80 at 03:05:09", "[address-1]:80 at 03:05:09"},
		{"v1.2.3.4.5 of 10.0.0.0.1", "v1.2.3.4.5 of 10.0.0.0.1"},
		{"localhost:9090, http_requests_total", "localhost:9090, http_requests_total"},

		{"project falcon and ACMEcorp", "REDACTED and REDACTED"},
	} {
		got, cuts := redactor(t, r).Text(c.in, 1)
		require.Equal(t, c.out, got, c.in)
		require.Equal(t, c.in != c.out, len(cuts) > 0, c.in)
	}
}

func TestAPrivateKeyGoesWhole(t *testing.T) {
	in := "before\n-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc\n-----END RSA PRIVATE KEY-----\nafter ghp_abcdefghijklmnopqrstuvwx"
	got, cuts := redactor(t, Redaction{}).Text(in, 10)
	require.Equal(t, "before\nREDACTED\n\n\n\nafter REDACTED", got)
	require.Equal(t, []Cut{
		{11, "secret", "-----BEGIN…", "REDACTED", "a private key"},
		{15, "secret", "ghp_… (28 characters)", "REDACTED", "a token of GitHub"},
	}, cuts)
}

func TestABrokenNetworkIsNamed(t *testing.T) {
	_, err := Redaction{Hosts: []string{"10.0.0/8"}}.Redactor()
	require.EqualError(t, err, `"10.0.0/8" is neither the name of a host nor a network such as 10.0.0.0/8`)
}

// People are called by their role, and by the same words everywhere; engines and
// accounts are none.
func TestWhatPeopleAreCalled(t *testing.T) {
	inc := incident.Incident{
		Roles: map[incident.Role]incident.Person{incident.Commander: "ana", incident.Responder: "bob"},
		Items: []incident.OpenItem{{Item: incident.Item{Owner: "fay"}}},
	}
	inc.Review.Owner = "Ana"
	events := []incident.Event{
		{Kind: incident.Declared, Actor: incident.Sitrep},
		{Kind: incident.EscalationEntered, Actor: incident.Sitrep, Data: incident.Payload(incident.Escalation{Who: []incident.Person{"cat"}})},
		{Kind: incident.Acknowledged, Actor: "bob", Via: "root"},
		{Kind: incident.NoteAdded, Actor: "dan", Claimed: true, Via: "slack:U77"},
		{Kind: incident.ChangeRecorded, Actor: "checkout"},
	}
	require.Equal(t, []Calling{
		{"ana", "the incident commander"},
		{"bob", "the responder"},
		{"cat", "responder 2"},
		{"dan", "responder 3"},
		{"U77", "responder 4"},
		{"fay", "person 1"},
		{"gus", "person 2"},
	}, Callings(inc, events, "gus", "FAY"))
}

// The lines of a preview are those of the export without a redaction, what people
// wrote included, and the draft behind it goes too.
func TestLinesOfAPreviewAreThoseOfTheExport(t *testing.T) {
	s := Stored{ID: "PM-1", Title: "ana on db-1.internal", Author: "ana", Sections: []Kept{
		{Key: "title", Heading: "# x", Generated: "# x\n\nby ana", State: Untouched},
		{Key: "gone", Generated: "ana", Human: "", State: ByHand},
		{Key: "a", Generated: "## a\nana was here", Human: "## a\nfine\nana\ndb-1.internal", State: ByHand, EditedBy: "ana"},
	}}
	got, cuts := redactor(t, Redaction{Callings: []Calling{{"ana", "the responder"}}}).Stored(s)
	lines := strings.Split(s.Markdown(), "\n")
	for _, c := range cuts {
		if c.Line > 0 {
			require.Contains(t, lines[c.Line-1], c.What)
		}
	}
	require.Len(t, cuts, 5)
	b, err := got.JSON()
	require.NoError(t, err)
	require.NotContains(t, string(b), "ana")
	require.NotContains(t, string(b), "internal")
	require.Equal(t, "## a\nthe responder was here", got.Sections[2].Generated)
	require.Equal(t, "ana on db-1.internal", s.Title, "the post-mortem itself is as it was")
}

// No secret that is planted anywhere survives, and no line is lost.
func TestNoPlantedSecretLeaves(t *testing.T) {
	planted := []string{"ghp_Zq9Zq9Zq9Zq9Zq9Zq9Zq9Zq9", "glpat-Zq9Zq9Zq9Zq9Zq9Zq9Zq9", "xoxb-9999-Zq9Zq9Zq9", "AKIAZQ9ZQ9ZQ9ZQ9ZQ9Z", "password=Zq9Zq9Zq9", "http://u:Zq9Zq9Zq9@h/"}
	rapid.Check(t, func(t *rapid.T) {
		prose := rapid.StringMatching(`[ -~\n]{0,60}`)
		secret := rapid.SampledFrom(planted).Draw(t, "secret")
		text := prose.Draw(t, "before") + " " + secret + " " + prose.Draw(t, "after")
		got, cuts := redactor(t, Redaction{}).Text(text, 1)
		require.NotContains(t, strings.ToLower(got), "zq9")
		require.NotEmpty(t, cuts)
		require.Equal(t, strings.Count(text, "\n"), strings.Count(got, "\n"))
	})
}

// A line of hostile length is no wait: RE2 is linear in it, whatever the rule.
func TestALongLineIsRedacted(t *testing.T) {
	line := strings.Repeat("10.0.0.1 db.internal ana token=abcd ", 2000)
	got, cuts := redactor(t, Redaction{Callings: []Calling{{"ana", "x"}}}).Text(line, 1)
	require.Len(t, cuts, 8000)
	require.NotContains(t, got, "ana")
}

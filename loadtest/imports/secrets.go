package imports

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"

	"github.com/sitrep-dev/sitrep/loadtest"
)

var secretWord = regexp.MustCompile(`(?i)passw|token|secret|api-?_?key|credential`)

// secretName says that what is called so is often a secret.
func secretName(name string) bool { return secretWord.MatchString(name) }

// secretOf is where a secret is to be read from: the same value from the same variable.
func secretOf(names map[string]string, first, value string) loadtest.Secret {
	name, ok := names[value]
	if !ok {
		name = first
		for n := 2; taken(names, name); n++ {
			name = fmt.Sprintf("%s_%d", first, n)
		}
		names[value] = name
	}
	return loadtest.Secret("env:" + name)
}

func taken(names map[string]string, name string) bool {
	for _, have := range names {
		if have == name {
			return true
		}
	}
	return false
}

// credentials makes of an Authorization header, or of a user in the URL, what a plan has
// for that, with the secret by reference. A header with a placeholder stays: its value is
// of the run.
func (d *draft) credentials(st *step, secrets map[string]string, note place) {
	for name, value := range st.Headers {
		if secretName(name) && value != "" && !placeholders.MatchString(value) {
			note("the header %s may be a secret, and is written as it stands; a column of data keeps it out of the plan", cut(name))
		}
		if !strings.EqualFold(name, "Authorization") || placeholders.MatchString(value) {
			continue
		}
		scheme, rest, _ := strings.Cut(value, " ")
		switch rest = strings.TrimSpace(rest); strings.ToLower(scheme) {
		case "bearer":
			st.Auth = loadtest.Auth{Bearer: secretOf(secrets, "LOAD_TOKEN", rest)}
			note("the token of Authorization is not carried over; it is read from %s", st.Auth.Bearer)
		case "basic":
			plain, err := base64.StdEncoding.DecodeString(rest)
			user, password, ok := strings.Cut(string(plain), ":")
			if err == nil && ok && user != "" {
				st.Auth = loadtest.Auth{User: user, Password: secretOf(secrets, "LOAD_PASSWORD", password)}
				note("the password of Authorization is not carried over; it is read from %s", st.Auth.Password)
			}
		}
		if st.Auth == (loadtest.Auth{}) {
			note("Authorization is not carried over: its scheme is none that a plan has under auth; write the header yourself")
		}
		delete(st.Headers, name)
	}
	before, rest, ok := strings.Cut(st.URL, "://")
	authority, path := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	i := strings.LastIndexByte(authority, '@')
	if !ok || i < 0 {
		return
	}
	st.URL = before + "://" + authority[i+1:] + path
	if user, password, ok := strings.Cut(authority[:i], ":"); ok && user != "" && st.Auth == (loadtest.Auth{}) {
		st.Auth = loadtest.Auth{User: user, Password: secretOf(secrets, "LOAD_PASSWORD", password)}
		note("the password of the URL is not carried over; it is read from %s", st.Auth.Password)
	}
}

package main

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
)

// Which names are known from the operating system, and which only claimed.
func TestWhoActs(t *testing.T) {
	t.Parallel()
	accounts := func(uid int) (string, error) {
		if name := map[int]string{0: "root", 1000: "ana"}[uid]; name != "" {
			return name, nil
		}
		return "", errors.New("no such account")
	}
	for _, c := range []struct {
		story           string
		as, sudo, login string
		uid             int
		want            string
		claimed         bool
		via             string
	}{
		{"a login", "", "", "ana", 1000, "ana", false, "ana"},
		{"$USER says nothing against it", "", "", "eve", 1000, "ana", false, "ana"},
		{"another name", "bob", "", "ana", 1000, "bob", true, "ana"},
		{"one's own name, said", "ana", "", "ana", 1000, "ana", false, "ana"},
		{"sudo", "", "ana", "root", 0, "ana", false, "root"},
		{"sudo, and another name", "bob", "ana", "root", 0, "bob", true, "root"},
		{"SUDO_USER, set by hand", "", "bob", "ana", 1000, "bob", true, "ana"},
		{"root itself", "", "", "root", 0, "root", false, "root"},
		{"root, but after sudo", "root", "ana", "root", 0, "root", true, "root"},
		{"an account that is not in /etc/passwd", "", "", "dora", 5000, "dora", true, "uid 5000"},
		{"spaces", "  ", " ", "ana", 1000, "ana", false, "ana"},
	} {
		by, err := identify(c.as, c.sudo, c.login, c.uid, accounts)
		require.NoError(t, err, c.story)
		require.Equal(t, incident.By{Actor: incident.Person(c.want), Claimed: c.claimed, Via: c.via}, by, c.story)
	}
	_, err := identify("", "", "", 5000, accounts)
	require.EqualError(t, err, "find out who you are: no such account; say it with --as NAME")
}

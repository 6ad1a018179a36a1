package main

import (
	"fmt"
	"os/user"
	"strconv"
	"strings"

	"github.com/sitrep-dev/sitrep/incident"
)

// identify says who acts: --as, else whoever called sudo, else the user of the
// operating system, else $USER (login). The name is claimed where only that
// person says so: anybody may give --as and set SUDO_USER, but who is root could
// be anybody anyway.
func identify(as, sudo, login string, uid int, lookup func(uid int) (string, error)) (incident.By, error) {
	as, sudo = strings.TrimSpace(as), strings.TrimSpace(sudo)
	account, err := lookup(uid)
	by := incident.By{Via: account}
	if err != nil {
		by.Via = fmt.Sprint("uid ", uid)
	}
	verified := account
	if uid == 0 && sudo != "" {
		verified = sudo
	}
	for _, name := range []string{as, sudo, verified, strings.TrimSpace(login)} {
		if name != "" {
			by.Actor, by.Claimed = incident.Person(name), name != verified
			return by, nil
		}
	}
	return by, fmt.Errorf("find out who you are: %w; say it with --as NAME", err)
}

// lookUser is the account of a user id. On Linux without C's library that is
// what /etc/passwd has: not those of a directory service.
func lookUser(uid int) (string, error) {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return "", err
	}
	return u.Username, nil
}

package embedded

import (
	"net/url"
	"slices"
	"strings"
)

// What an address of a target holds may be written to disk only where it is known to
// be no secret: a user and password never, and of the parameters the values of those
// by which exporters are told what to look at.
const (
	withheld = "<secret>"
	paramOf  = "params." // before the name of a parameter that a job lacks
)

func harmlessParams() []string {
	return []string{"module", "target", "format", "collect[]", "exclude[]", "match[]", "name[]"}
}

// withoutSecrets is what of l may be kept; l itself stays as it is.
func (l Learned) withoutSecrets() Learned {
	l.Targets = slices.Clone(l.Targets)
	for i := range l.Targets {
		l.Targets[i].URL = withoutSecrets(l.Targets[i].URL)
	}
	return l
}

// withoutSecrets is an address with the values that may be secrets withheld; one that
// cannot be read is withheld whole.
func withoutSecrets(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return withheld
	}
	args, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		u.RawQuery = url.Values{"query": {withheld}}.Encode()
		u.User = nil
		return u.String()
	}
	if u.User != nil {
		args["user"] = []string{withheld}
		u.User = nil
	}
	for name, values := range args {
		named := slices.ContainsFunc(values, func(v string) bool { return strings.Contains(v, "@") }) // a target with its own user
		if named || !slices.Contains(harmlessParams(), name) {
			args[name] = []string{withheld}
		}
	}
	u.RawQuery, u.Fragment = args.Encode(), ""
	return u.String()
}

// withheldParam is the name of what is missing in an address that was kept; empty if
// nothing is.
func withheldParam(address string) string {
	u, err := url.Parse(address)
	if err != nil || address == withheld {
		return "address"
	}
	args := u.Query()
	names := make([]string, 0, len(args))
	for name, values := range args {
		if slices.Contains(values, withheld) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

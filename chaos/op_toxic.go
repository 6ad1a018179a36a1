package chaos

import (
	"context"
	"errors"
	"fmt"
	"regexp"
)

// ToxicRef is a proxy of a Toxiproxy, and a toxic of it where that is meant.
type ToxicRef struct {
	Server string `json:"server"` // its URL
	Proxy  string `json:"proxy"`
	Toxic  string `json:"toxic,omitempty"`
}

func (r ToxicRef) String() string {
	if r.Toxic == "" {
		return fmt.Sprintf("%s/proxies/%s", r.Server, r.Proxy)
	}
	return fmt.Sprintf("%s/proxies/%s/toxics/%s", r.Server, r.Proxy, r.Toxic)
}

// RemoveToxic is the undo of a toxic of ours.
func RemoveToxic(r ToxicRef) Op { return Op{Do: "toxic-remove", Toxic: &r} }

// ToxicAbsent is true when the proxy has no such toxic, or Toxiproxy has ended.
func ToxicAbsent(r ToxicRef) Check { return Check{Is: "toxic-absent", Toxic: &r} }

// EnableProxy is the undo of a proxy that listened and was taken down.
func EnableProxy(r ToxicRef) Op { return Op{Do: "toxic-enable", Toxic: &r} }

// ProxyEnabled is true when the proxy listens, is no more, or Toxiproxy has ended.
func ProxyEnabled(r ToxicRef) Check { return Check{Is: "toxic-enabled", Toxic: &r} }

// ownToxic is what toxics of ours are called: as their faults.
var ownToxic = regexp.MustCompile(`^[a-z0-9]{1,32}-[0-9]{1,4}$`)

func validToxic(r *ToxicRef, toxic bool) error {
	switch {
	case r == nil || !toxicProxyName.MatchString(r.Proxy):
		return errors.New("want the name of a proxy of Toxiproxy")
	case toxic && !ownToxic.MatchString(r.Toxic):
		return fmt.Errorf("%q is not what a toxic of sitrep is called", r.Toxic)
	case !toxic && r.Toxic != "":
		return errors.New("a proxy is meant, and a toxic named")
	}
	return Toxiproxy{r.Server}.Valid()
}

var removeToxicOp = opKind{
	valid: func(o Op) error { return validToxic(o.Toxic, true) },
	text:  func(o Op) string { return "DELETE " + o.Toxic.String() },
	do: func(ctx context.Context, o Op) (string, error) {
		x := Toxiproxy{o.Toxic.Server}
		err := x.remove(ctx, o.Toxic.Proxy, o.Toxic.Toxic)
		if why := x.over(err); why != "" {
			return why, nil
		}
		return "removed it", err
	},
}

var toxicAbsentCheck = checkKind{
	valid: func(c Check) error { return validToxic(c.Toxic, true) },
	text:  func(c Check) string { return fmt.Sprintf("GET %s is 404", c.Toxic) },
	look: func(ctx context.Context, c Check) (string, bool, error) {
		x := Toxiproxy{c.Toxic.Server}
		_, err := x.Has(ctx, c.Toxic.Proxy, c.Toxic.Toxic)
		if why := x.over(err); why != "" {
			return why, true, nil
		}
		return fmt.Sprintf("proxy %s still has it", c.Toxic.Proxy), false, err
	},
}

var enableProxyOp = opKind{
	valid: func(o Op) error { return validToxic(o.Toxic, false) },
	text:  func(o Op) string { return fmt.Sprintf(`POST %s {"enabled": true}`, o.Toxic) },
	do: func(ctx context.Context, o Op) (string, error) {
		x := Toxiproxy{o.Toxic.Server}
		err := x.Enable(ctx, o.Toxic.Proxy, true)
		if why := x.over(err); why != "" {
			return why, nil
		}
		return "enabled proxy " + o.Toxic.Proxy, err
	},
}

var proxyEnabledCheck = checkKind{
	valid: func(c Check) error { return validToxic(c.Toxic, false) },
	text:  func(c Check) string { return fmt.Sprintf("GET %s says enabled", c.Toxic) },
	look: func(ctx context.Context, c Check) (string, bool, error) {
		x := Toxiproxy{c.Toxic.Server}
		s, err := x.Show(ctx, c.Toxic.Proxy)
		if why := x.over(err); why != "" {
			return why, true, nil
		}
		return fmt.Sprintf("proxy %s: enabled is %t", c.Toxic.Proxy, s.Enabled), s.Enabled && err == nil, err
	},
}

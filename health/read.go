package health

import (
	"cmp"
	"errors"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// reader makes a check of an entry.
type reader struct {
	*entry
	doc    *strictyaml.Doc
	at     string // its path in the file
	dir    string
	reveal Reveal
}

func (r *reader) errorf(key, format string, args ...any) error {
	path := r.at
	if key != "" && r.doc.Has(path+"."+key) {
		path += "." + key
	}
	return r.doc.Errorf(path, format, args...)
}

func (r *reader) check() (Check, error) {
	t, target, err := r.looksAt()
	if err != nil {
		return Check{}, err
	}
	c := Check{
		Name: r.Name, Service: r.Service, Type: t, Target: target, Labels: r.Labels, Runbook: r.Runbook,
		Every: cmp.Or(r.Every.D(), usualEvery), Timeout: r.Timeout.D(),
		limits: limits{slow: r.Slow.D(), lasts: r.Lasts.D(), below: float64(r.Below)},
	}
	c.Timeout = cmp.Or(c.Timeout, min(usualTimeout, c.Every))
	switch {
	case !named.MatchString(c.Name):
		return c, r.errorf("name", "%q is no name: letters, digits, _ . and -, at most 100", c.Name)
	case c.Every < time.Second || c.Every > 24*time.Hour:
		return c, r.errorf("every", "a check is looked at every 1s to 24h, not every %s", strictyaml.FormatDuration(c.Every))
	case c.Timeout < 10*time.Millisecond || c.Timeout > c.Every:
		return c, r.errorf("timeout", "the timeout is from 10ms to the %s between two looks, not %s", strictyaml.FormatDuration(c.Every), strictyaml.FormatDuration(c.Timeout))
	case r.Below == 0 && r.doc.Has(r.at+".below"):
		return c, r.errorf("below", "nothing is below 0 %%: write a share such as 90%%")
	case c.slow > c.Timeout:
		return c, r.errorf("slower_than", "no answer is waited for longer than the timeout of %s", strictyaml.FormatDuration(c.Timeout))
	}
	if err := r.labels(); err != nil {
		return c, err
	}
	if err := r.fits(t); err != nil {
		return c, err
	}
	switch {
	case t == TLS:
		c.lasts = cmp.Or(c.lasts, usualLasts)
	case t.Unit() == Ratio && c.below == 0:
		c.below = usualShare[t]
	}
	if r.Runbook != "" {
		if _, err := webURL(r.Runbook); err != nil {
			return c, r.errorf("runbook", "it is the URL of what to do: %v", err)
		}
	}
	if c.Alerting, err = r.alerting(&c); err != nil {
		return c, err
	}
	c.probe, err = r.prober(t, target)
	return c, err
}

// usualShare is where a share begins to hurt: those of reliability work that nobody
// has measured for the host at hand.
var usualShare = map[Type]float64{CPU: 0.8, Memory: 0.9, Disk: 0.9, Network: 0.01}

// looksAt is which of the keys that name a type the entry has, and its value.
func (r *reader) looksAt() (t Type, target string, err error) {
	for _, one := range Types {
		if !r.doc.Has(r.at + "." + string(one)) {
			continue
		}
		if t != "" {
			return "", "", r.errorf(string(one), "a check looks at one thing: %s or %s, not both", t, one)
		}
		t, target = one, r.value(one)
	}
	switch {
	case t == "":
		known := make([]string, len(Types))
		for i, one := range Types {
			known[i] = string(one)
		}
		return "", "", r.errorf("", "what the check looks at is missing: one of %s", strings.Join(known, ", "))
	case target == "":
		return "", "", r.errorf(string(t), "%s is empty: write %s", t, examples[t])
	}
	return t, target, nil
}

// examples are what a type's key may say.
var examples = map[Type]string{
	HTTP: "https://shop.example.com/health", TCP: "db.example.com:5432", TLS: "shop.example.com:443", DNS: "shop.example.com",
	ICMP: "gw.example.com", GRPC: "api.example.com:443", Redis: "cache.example.com:6379", Postgres: "db.example.com:5432",
	CPU: "host", Memory: "host", Disk: "/var", Network: "eth0",
}

func (r *reader) value(t Type) string {
	return map[Type]string{
		HTTP: r.HTTP, TCP: r.TCP, TLS: r.TLS, DNS: r.DNS, ICMP: r.ICMP, GRPC: r.GRPC, Redis: r.Redis, Postgres: r.Postgres,
		CPU: r.CPU, Memory: r.Memory, Disk: r.Disk, Network: r.Network,
	}[t]
}

func (r *reader) labels() error {
	if len(r.Labels) > mostLabels {
		return r.errorf("labels", "a check has at most %d labels", mostLabels)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Labels)) {
		if !model.LegacyValidation.IsValidLabelName(name) || strings.HasPrefix(name, model.ReservedLabelPrefix) || slices.Contains([]string{"check", "service", "type", "result", "job", "instance"}, name) {
			return r.errorf("labels."+name, "%q cannot be a label's name here", name)
		}
	}
	return nil
}

// options are for which types a key means something.
var options = map[string][]Type{
	"status": {HTTP}, "body": {HTTP}, "method": {HTTP}, "headers": {HTTP}, "bearer": {HTTP},
	"user": {HTTP, Redis}, "password": {HTTP, Redis}, "ca": {HTTP, TLS, GRPC, Redis}, "server_name": {HTTP, TLS, GRPC, Redis},
	"insecure": {HTTP, GRPC, Redis}, "encrypted": {GRPC, Redis}, "record": {DNS}, "answer": {DNS}, "server": {DNS}, "of": {GRPC},
	"slower_than": {HTTP, TCP, DNS, ICMP, GRPC, Redis, Postgres}, "lasts": {TLS}, "below": {CPU, Memory, Disk, Network},
}

// fits refuses keys that would be ignored.
func (r *reader) fits(t Type) error {
	for _, key := range slices.Sorted(maps.Keys(options)) {
		if r.doc.Has(r.at+"."+key) && !slices.Contains(options[key], t) {
			return r.errorf(key, "%s means nothing to a check of %s", key, t)
		}
	}
	return nil
}

// prober makes the probe, and checks what it looks at.
func (r *reader) prober(t Type, target string) (probe, error) {
	switch t {
	case HTTP:
		return r.web(target)
	case DNS:
		return r.name(target)
	case ICMP:
		if strings.ContainsAny(target, "/: ") && net.ParseIP(target) == nil {
			return nil, r.errorf("icmp", "%q is no host: write a name or an address", target)
		}
		return &echo{host: target}, nil
	case CPU, Memory, Disk, Network:
		return r.host(t, target)
	}
	host, port, err := net.SplitHostPort(target)
	if n, bad := strconv.Atoi(port); err != nil || host == "" || bad != nil || n < 1 || n > 65535 {
		return nil, r.errorf(string(t), "%q is no host:port: write %s", target, examples[t])
	}
	switch t {
	case TLS:
		config, err := r.tls(host)
		return &certificate{address: target, config: config}, err
	case GRPC:
		return r.grpc(target, host)
	case Redis:
		return r.redis(target, host)
	case Postgres:
		return postgres{target}, nil
	}
	return socket{target}, nil
}

// webURL is an address of http or https; errors do not repeat it, for it may hold a
// token.
func webURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, errors.New("it cannot be read")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("it does not begin with http:// or https://")
	case u.Hostname() == "":
		return nil, errors.New("it has no host")
	case u.User != nil:
		return nil, errors.New("it holds a password: write user, and password: env:NAME")
	}
	return u, nil
}

package health

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	none             = math.NaN() // no value
	errNoCertificate = errors.New("it shows no certificate")
)

// socket is a check of TCP.
type socket struct{ address string }

func (p socket) look(ctx context.Context) (float64, error) {
	began := time.Now()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.address)
	if err != nil {
		return none, err
	}
	_ = conn.Close()
	return time.Since(began).Seconds(), nil
}

// name is a check of DNS.
type name struct {
	of, record, answer string
	resolver           *net.Resolver
}

// records are how one asks for each of them.
var records = map[string]func(context.Context, *net.Resolver, string) ([]string, error){
	"A":    addresses("ip4"),
	"AAAA": addresses("ip6"),
	"CNAME": func(ctx context.Context, r *net.Resolver, of string) ([]string, error) {
		cname, err := r.LookupCNAME(ctx, of)
		return []string{cname}, err
	},
	"MX": func(ctx context.Context, r *net.Resolver, of string) ([]string, error) {
		found, err := r.LookupMX(ctx, of)
		return texts(found, func(m *net.MX) string { return m.Host }), err
	},
	"NS": func(ctx context.Context, r *net.Resolver, of string) ([]string, error) {
		found, err := r.LookupNS(ctx, of)
		return texts(found, func(n *net.NS) string { return n.Host }), err
	},
	"TXT": func(ctx context.Context, r *net.Resolver, of string) ([]string, error) { return r.LookupTXT(ctx, of) },
	"SRV": func(ctx context.Context, r *net.Resolver, of string) ([]string, error) {
		_, found, err := r.LookupSRV(ctx, "", "", of)
		return texts(found, func(s *net.SRV) string {
			return net.JoinHostPort(strings.TrimSuffix(s.Target, "."), strconv.Itoa(int(s.Port)))
		}), err
	},
}

func addresses(network string) func(context.Context, *net.Resolver, string) ([]string, error) {
	return func(ctx context.Context, r *net.Resolver, of string) ([]string, error) {
		found, err := r.LookupIP(ctx, network, of)
		return texts(found, net.IP.String), err
	}
}

func texts[T any](list []T, text func(T) string) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = text(v)
	}
	return out
}

// name is the probe of a name.
func (r *reader) name(target string) (probe, error) {
	p := &name{of: target, record: strings.ToUpper(cmp.Or(r.Record, "A")), answer: r.Answer, resolver: net.DefaultResolver}
	if records[p.record] == nil {
		return nil, r.errorf("record", "%q is none of the records that are looked at: A, AAAA, CNAME, MX, NS, TXT, SRV", r.Record)
	}
	if r.Server == "" {
		return p, nil
	}
	server := r.Server
	if _, _, err := net.SplitHostPort(server); err != nil {
		server = net.JoinHostPort(strings.Trim(server, "[]"), "53")
	}
	if host, _, _ := net.SplitHostPort(server); net.ParseIP(host) == nil {
		return nil, r.errorf("server", "%q is no address of a name server: write one such as 10.0.0.53 or 10.0.0.53:5353", r.Server)
	}
	p.resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, server)
	}}
	if !strings.HasSuffix(p.of, ".") {
		p.of += "." // whole: this host's search list is none of the server's business
	}
	return p, nil
}

func (p *name) look(ctx context.Context) (float64, error) {
	began := time.Now()
	found, err := records[p.record](ctx, p.resolver, p.of)
	took := time.Since(began).Seconds()
	if missing := (*net.DNSError)(nil); errors.As(err, &missing) && missing.IsNotFound {
		return took, fmt.Errorf("there is no %s of it", p.record)
	}
	if err != nil {
		if failed := (*net.DNSError)(nil); errors.As(err, &failed) && !failed.IsTimeout {
			err = errors.New(failed.Err) // the server that it names is this host's own, whoever was asked
		}
		return none, err
	}
	bare := func(s string) string { return strings.TrimSuffix(s, ".") }
	if p.answer != "" && !slices.ContainsFunc(found, func(s string) bool { return strings.EqualFold(bare(s), bare(p.answer)) }) {
		return took, fmt.Errorf("its %s is %s, not %s", p.record, short(strings.Join(found, ", ")), p.answer)
	}
	return took, nil
}

package fault

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/sitrep-dev/sitrep/chaos"
)

// onRequests rehearses a fault of requests in both ways, on a server that was made for it
// and is asked all the time.
func onRequests(f chaos.Fault, with chaos.With) []chaos.Rehearsal {
	return []chaos.Rehearsal{
		{Mechanism: "transparent", Tier: chaos.TierKernel, Network: true, Plan: func(ctx context.Context, id string, stage *chaos.Stage) (chaos.Injection, error) {
			target, address, err := stage.Server()
			if err != nil {
				return chaos.Injection{}, err
			}
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				return chaos.Injection{}, err
			}
			all := chaos.With{"port": chaos.Value(port)}
			for k, v := range with {
				all[k] = v
			}
			stage.Keep(ctx, func(ctx context.Context) { request(ctx, address) })
			return f.Plan(ctx, id, rehearsalStep("transparent", all), target)
		}},
		{Mechanism: "explicit", Tier: chaos.TierCarried, Plan: func(ctx context.Context, id string, stage *chaos.Stage) (chaos.Injection, error) {
			gateway, err := gatewayOn(ctx, stage)
			if err != nil {
				return chaos.Injection{}, err
			}
			stage.Keep(ctx, func(ctx context.Context) { request(ctx, gateway.Listen) })
			return f.Plan(ctx, id, rehearsalStep("explicit", with), chaos.Target{Name: gateway.Name, Service: gateway.Service, Gateway: &gateway})
		}},
	}
}

// gatewayOn is a proxy of this very process before a server of the stage's.
func gatewayOn(ctx context.Context, stage *chaos.Stage) (g chaos.ProxyTarget, err error) {
	g = chaos.ProxyTarget{Name: "rehearsal", Service: "rehearsal"}
	if _, g.Upstream, err = stage.Server(); err != nil {
		return g, err
	}
	if g.Socket, err = stage.Socket(); err != nil {
		return g, err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return g, err
	}
	g.Listen = l.Addr().String()
	control, err := listenSocket(ctx, g.Socket)
	if err != nil {
		return g, err
	}
	go func() { // until the process ends: the undo goes through it
		_ = newExplicit(g).serveTold(context.WithoutCancel(ctx), g, l.(*net.TCPListener), control, func() {})
	}()
	return g, nil
}

// request asks once. What becomes of it the fault knows.
func request(ctx context.Context, address string) {
	const patience = 500 * time.Millisecond
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		return
	}
	res, err := chaos.LoopbackClient(patience).Do(req)
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
}

func (f httpLatency) Rehearsals() []chaos.Rehearsal {
	return onRequests(f, chaos.With{"latency": "20ms"})
}
func (f httpError) Rehearsals() []chaos.Rehearsal    { return onRequests(f, nil) }
func (f httpAbort) Rehearsals() []chaos.Rehearsal    { return onRequests(f, nil) }
func (f httpTruncate) Rehearsals() []chaos.Rehearsal { return onRequests(f, nil) }
func (f httpThrottle) Rehearsals() []chaos.Rehearsal {
	return onRequests(f, chaos.With{"rate": "4KiB"})
}

func (f dnsFail) Rehearsals() []chaos.Rehearsal {
	return []chaos.Rehearsal{{Tier: chaos.TierKernel, Network: true, Plan: f.rehearse}}
}

// rehearse fails the queries of a namespace in which nobody asks but the rehearsal.
func (f dnsFail) rehearse(ctx context.Context, id string, stage *chaos.Stage) (chaos.Injection, error) {
	target, err := stage.Extra()
	if err != nil {
		return chaos.Injection{}, err
	}
	server := net.JoinHostPort("127.0.0.1", strconv.Itoa(dnsPort))
	stage.Keep(ctx, func(ctx context.Context) { lookUp(ctx, server) })
	return f.Plan(ctx, id, rehearsalStep("", nil), target)
}

// dnsPort is where name servers listen.
const dnsPort = 53

// lookUp asks a name server once, and waits a moment for its answer.
func lookUp(ctx context.Context, server string) {
	const patience = 100 * time.Millisecond
	m := dnsmessage.Message{
		Header: dnsmessage.Header{ID: uint16(os.Getpid()), RecursionDesired: true},
		Questions: []dnsmessage.Question{{
			Name: dnsmessage.MustNewName("rehearsal.invalid."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET,
		}},
	}
	question, err := m.Pack()
	if err != nil {
		return
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp", server)
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience)) // else the answer is not waited for
	if _, err := conn.Write(question); err == nil {
		_, _ = conn.Read(make([]byte, 512))
	}
}

package health

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// grpcHealth is a check of a gRPC server by its own health service, grpc.health.v1:
// one unary call, which is a POST of HTTP/2 with one message in each direction.
type grpcHealth struct {
	address, service string
	config           *tls.Config // nil is without TLS
}

// grpc is the probe of a gRPC server.
func (r *reader) grpc(target, host string) (probe, error) {
	p := &grpcHealth{address: target, service: r.Of}
	if !r.Encrypted && (r.CA != "" || r.ServerName != "" || r.Insecure) {
		return nil, r.errorf("encrypted", "ca, server_name and insecure are of TLS: write encrypted: true")
	}
	if r.Encrypted {
		config, err := r.tls(host)
		if err != nil {
			return nil, err
		}
		p.config = config
	}
	return p, nil
}

// servings are the words of grpc.health.v1.HealthCheckResponse.ServingStatus.
var servings = map[uint64]string{0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}

func (p *grpcHealth) look(ctx context.Context) (float64, error) {
	transport := &http.Transport{TLSClientConfig: p.config, DisableKeepAlives: true, Protocols: &http.Protocols{}, MaxResponseHeaderBytes: 1 << 20}
	u := url.URL{Scheme: "http", Host: p.address, Path: "/grpc.health.v1.Health/Check"}
	if p.config != nil {
		u.Scheme = "https"
		transport.Protocols.SetHTTP2(true)
	} else {
		transport.Protocols.SetUnencryptedHTTP2(true)
	}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(frame(p.service)))
	if err != nil {
		return none, err
	}
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("TE", "trailers")
	req.Header.Set("User-Agent", "sitrep-check")
	began := time.Now()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return none, spoken(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	took := time.Since(began).Seconds()
	if err != nil {
		return took, err
	}
	if err := status(resp); err != nil {
		return took, err
	}
	serving, err := serving(body)
	switch {
	case err != nil:
		return took, err
	case serving != 1:
		return took, errors.New(cmp.Or(servings[serving], fmt.Sprintf("the status %d, which is none of grpc.health.v1", serving)))
	}
	return took, nil
}

// frame is the request: a message of gRPC is a byte for its compression, its length,
// and itself.
func frame(service string) []byte {
	var m []byte
	if service != "" {
		m = protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), service)
	}
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(m))), m...)
}

// serving is the status in the answer's message.
func serving(body []byte) (uint64, error) {
	if len(body) < 5 || body[0] != 0 || int(binary.BigEndian.Uint32(body[1:])) != len(body)-5 {
		return 0, errors.New("its answer is no message of gRPC")
	}
	status := uint64(0)
	for m := body[5:]; len(m) > 0; {
		field, kind, n := protowire.ConsumeTag(m)
		if n < 0 {
			return 0, errors.New("its answer is no health of gRPC")
		}
		m = m[n:]
		if field == 1 && kind == protowire.VarintType {
			status, n = protowire.ConsumeVarint(m)
		} else {
			n = protowire.ConsumeFieldValue(field, kind, m)
		}
		if n < 0 {
			return 0, errors.New("its answer is no health of gRPC")
		}
		m = m[n:]
	}
	return status, nil
}

// status is the error that the answer's headers or trailers say.
func status(resp *http.Response) error {
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: is it a gRPC server?", resp.Status)
	}
	code, message := resp.Trailer.Get("Grpc-Status"), resp.Trailer.Get("Grpc-Message")
	if code == "" {
		code, message = resp.Header.Get("Grpc-Status"), resp.Header.Get("Grpc-Message")
	}
	if text, err := url.PathUnescape(message); err == nil {
		message = text
	}
	switch code {
	case "0":
		return nil
	case "5":
		return errors.New("SERVICE_UNKNOWN: the server does not know the service")
	case "12":
		return errors.New("the server has no health service (grpc.health.v1)")
	case "":
		return errors.New("it answers, but not in gRPC")
	}
	return fmt.Errorf("gRPC status %s: %s", code, message)
}

// spoken says it of a server that does not speak HTTP/2.
func spoken(err error) error {
	if op := (*net.OpError)(nil); errors.As(err, &op) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if strings.Contains(err.Error(), "http2") || strings.Contains(err.Error(), "malformed HTTP") {
		return fmt.Errorf("it does not speak gRPC: %w", err)
	}
	return err
}

package health

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// redis is a check of a Redis: PING, after AUTH where there is a password.
type redis struct {
	address  string
	user     string
	password Secret
	reveal   Reveal
	config   *tls.Config // nil is without TLS
}

// redis is the probe of a Redis.
func (r *reader) redis(target, host string) (probe, error) {
	p := &redis{address: target, user: r.User, password: r.Password, reveal: r.reveal}
	if r.User != "" && r.Password == "" {
		return nil, r.errorf("user", "a user of Redis has a password: write password: env:NAME")
	}
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

func (p *redis) look(ctx context.Context) (float64, error) {
	password, err := revealed(ctx, p.reveal, p.password)
	if err != nil {
		return none, err
	}
	began := time.Now()
	conn, err := dial(ctx, p.address, p.config)
	if err != nil {
		return none, err
	}
	defer conn.close()
	in := bufio.NewReader(io.LimitReader(conn, 4096))
	if password != "" {
		words := []string{"AUTH", password}
		if p.user != "" {
			words = []string{"AUTH", p.user, password}
		}
		if err := tell(conn, in, "+OK", password, words...); err != nil {
			return none, err
		}
	}
	if err := tell(conn, in, "+PONG", password, "PING"); err != nil {
		return time.Since(began).Seconds(), err
	}
	return time.Since(began).Seconds(), nil
}

// tell sends a command, and wants the one answer. One that repeats the password, as of
// servers that know no AUTH, is not told.
func tell(conn io.Writer, in *bufio.Reader, want, password string, words ...string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
	}
	if _, err := io.WriteString(conn, b.String()); err != nil {
		return err
	}
	line, err := in.ReadString('\n')
	line = strings.TrimRight(line, "\r\n")
	switch reason, failed := strings.CutPrefix(line, "-"); {
	case errors.Is(err, io.EOF):
		return errors.New("it hung up without an answer: is it a Redis, and does it want TLS?")
	case err != nil:
		return err
	case repeats(line, password):
		return errors.New("it refuses, in words that repeat the password: is it a Redis?")
	case failed:
		return errors.New(reason)
	case line != want:
		return fmt.Errorf("it answers %q: is it a Redis?", short(line))
	}
	return nil
}

// repeats reports whether the password, or the beginning of a long one, is in text.
func repeats(text, password string) bool {
	const enough = 8
	return password != "" && strings.Contains(text, password[:min(len(password), enough)])
}

// line is a connection that ends when the look at it does.
type line struct {
	net.Conn
	stop func() bool
}

func (l line) close() {
	l.stop()
	_ = l.Close()
}

// dial connects, and ends what is done with the connection when ctx ends.
func dial(ctx context.Context, address string, config *tls.Config) (line, error) {
	var conn net.Conn
	var err error
	if config != nil {
		conn, err = (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	} else {
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}
	if err != nil {
		return line{}, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	return line{conn, context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })}, nil
}

package chaos

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
)

// look asks once, over a connection of its own: one that was kept would hide that no
// new one can be made.
func (h HTTPProbe) look(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL, nil)
	if err != nil {
		return err
	}
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20)); err != nil {
		return fmt.Errorf("GET %s: the answer breaks off: %w", h.URL, err)
	}
	well := res.StatusCode/100 == 2
	if len(h.Status) > 0 {
		well = slices.Contains(h.Status, res.StatusCode)
	}
	if !well {
		return fmt.Errorf("GET %s: %s", h.URL, res.Status)
	}
	return nil
}

func (t TCPProbe) look(ctx context.Context) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", t.Address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// look runs the program in a process group of its own, which ends with the look.
func (x ExecProbe) look(ctx context.Context) error {
	_, err := runGroup(ctx, x.Argv, nil, nil)
	return err
}

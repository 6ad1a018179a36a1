package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

// ProxyDelete is the undo of a fault that a proxy of the configuration holds; socket is
// where that is told.
func ProxyDelete(socket, id string) Op { return Op{Do: "proxy-delete", File: socket, ID: id} }

// ProxyAbsent is true when the proxy's list of faults lacks id, or no proxy is there any
// more: its faults live in its memory.
func ProxyAbsent(socket, id string) Check { return Check{Is: "proxy-absent", File: socket, ID: id} }

var proxyDeleteOp = opKind{
	valid: func(o Op) error { return validProxyFault(o.File, o.ID) },
	text:  func(o Op) string { return fmt.Sprintf("DELETE /faults/%s at %s", o.ID, o.File) },
	do: func(ctx context.Context, o Op) (string, error) {
		res, err := AskProxy(ctx, o.File, http.MethodDelete, "/faults/"+o.ID, nil)
		if proxyGone(err) {
			return "no proxy is at " + o.File + " any more", nil
		}
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		if res.StatusCode/100 != 2 {
			return "", fmt.Errorf("DELETE /faults/%s at %s: %s", o.ID, o.File, res.Status)
		}
		return res.Status, nil
	},
}

var proxyAbsentCheck = checkKind{
	valid: func(c Check) error { return validProxyFault(c.File, c.ID) },
	text:  func(c Check) string { return fmt.Sprintf("GET /faults at %s lacks %s", c.File, c.ID) },
	look: func(ctx context.Context, c Check) (string, bool, error) {
		list, err := ProxyList(ctx, c.File)
		if proxyGone(err) {
			return "no proxy is at " + c.File + " any more", true, nil
		}
		if err != nil {
			return "", false, err
		}
		for _, f := range list.Faults {
			if f.ID == c.ID {
				return fmt.Sprintf("the proxy %s still lists %s", list.Instance, c.ID), false, nil
			}
		}
		return fmt.Sprintf("the proxy %s no longer lists it", list.Instance), true, nil
	},
}

var (
	proxySocketName = regexp.MustCompile(`^proxy-[A-Za-z0-9][A-Za-z0-9._:-]{0,63}\.sock$`)
	proxyFaultID    = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)
)

func validProxyFault(socket, id string) error {
	switch {
	case !filepath.IsAbs(socket) || !proxySocketName.MatchString(filepath.Base(socket)):
		return fmt.Errorf("%q is not where a proxy of sitrep is told about faults", socket)
	case !proxyFaultID.MatchString(id):
		return fmt.Errorf("%q is not the id of a fault", id)
	}
	return nil
}

// proxyGone says whether an error means that no proxy is there.
func proxyGone(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist)
}

// AskProxy sends a proxy of the configuration one request. The body of the answer is to
// be closed.
func AskProxy(ctx context.Context, socket, method, path string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://proxy"+path, body)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Timeout: undoTimeout, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "unix", socket)
		},
	}}
	return client.Do(req)
}

// ProxyList reads the faults that a proxy of the configuration holds.
func ProxyList(ctx context.Context, socket string) (list ProxyFaults, err error) {
	res, err := AskProxy(ctx, socket, http.MethodGet, "/faults", nil)
	if err != nil {
		return list, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return list, fmt.Errorf("GET /faults at %s: %s", socket, res.Status)
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&list); err != nil {
		return list, fmt.Errorf("GET /faults at %s: %w", socket, err)
	}
	return list, list.whole("GET /faults at " + socket)
}

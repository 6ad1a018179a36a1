package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"syscall"
)

// HTTPDelete is the undo of a fault that a proxy holds.
func HTTPDelete(faults, id string) Op { return Op{Do: "http-delete", URL: faults + "/" + id} }

// HTTPAbsent is true when the proxy's list of faults lacks id, or when no proxy
// of the lab listens there any more.
func HTTPAbsent(faults, id string) Check { return Check{Is: "http-absent", URL: faults, ID: id} }

var httpDeleteOp = opKind{
	valid: func(o Op) error { return validFaultURL(o.URL) },
	text:  func(o Op) string { return "DELETE " + o.URL },
	do:    func(ctx context.Context, o Op) (string, error) { return httpDelete(ctx, o.URL) },
}

var httpAbsentCheck = checkKind{
	valid: func(c Check) error { return validFaultURL(c.URL + "/" + c.ID) },
	text:  func(c Check) string { return fmt.Sprintf("GET %s lacks %s", c.URL, c.ID) },
	look:  httpAbsent,
}

func httpDelete(ctx context.Context, url string) (string, error) {
	if why, err := labless(ctx, url[:strings.LastIndexByte(url, '/')]); why != "" || err != nil {
		return why, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, url, nil)
	if err != nil {
		return "", err
	}
	res, err := LoopbackClient(undoTimeout).Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	if res.StatusCode/100 != 2 {
		return "", fmt.Errorf("DELETE %s: %s", url, res.Status)
	}
	return res.Status, nil
}

func httpAbsent(ctx context.Context, c Check) (string, bool, error) {
	if why, err := labless(ctx, c.URL); why != "" || err != nil {
		return why, why != "", err
	}
	list, err := ListFaults(ctx, c.URL)
	if err != nil {
		return "", false, err
	}
	for _, f := range list.Faults {
		if f.ID == c.ID {
			return fmt.Sprintf("the proxy of %s still lists %s", list.Instance, c.ID), false, nil
		}
	}
	return fmt.Sprintf("the proxy of %s no longer lists it", list.Instance), true, nil
}

var faultPath = regexp.MustCompile(`/faults/[A-Za-z0-9_.-]{1,64}$`)

func validFaultURL(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !faultPath.MatchString(u.Path) {
		return fmt.Errorf("%q is not the address of a proxy's fault", raw)
	}
	return loopbackHost(u)
}

// loopbackHost accepts literal loopback addresses and localhost.
func loopbackHost(u *url.URL) error {
	host := u.Hostname()
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("%s is not on loopback", u.Host)
}

// labless says why no lab is behind a URL: nobody listens, or somebody else.
// The faults of a lab proxy live in its memory, so both mean that they are gone.
// An error (a timeout) means nobody knows.
func labless(ctx context.Context, faults string) (why string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, faults, nil)
	if err != nil {
		return "", err
	}
	res, err := LoopbackClient(undoTimeout).Do(req)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return "nobody listens on " + req.URL.Host + " any more", nil
	}
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	if res.Header.Get(LabHeader) != "1" {
		return "what listens on " + req.URL.Host + " is no longer the lab", nil
	}
	return "", nil
}

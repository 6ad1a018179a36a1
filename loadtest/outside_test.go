package loadtest

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// hosts are names with what they stand for.
type hosts map[string][]netip.Addr

func (h hosts) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	return h[host], nil
}

func TestOutside(t *testing.T) {
	ip := netip.MustParseAddr
	names := hosts{
		"shop.example": {ip("10.0.3.7"), ip("10.0.3.8")}, "half.example": {ip("127.0.0.1"), ip("10.9.9.9")},
		"local.example": {ip("127.0.0.1")}, "six.example": {ip("fd00::7")},
	}
	for name, c := range map[string]struct {
		url     string
		allowed []Outside
		says    string  // why it is refused; empty: it is not
		most    float64 // the cap, if it goes beyond
	}{
		"nobody allows it":                  {"http://shop.example/", nil, "refused: 10.0.3.7 is not a loopback address, and no load.hosts of the configuration allows it", 0},
		"by name":                           {"http://shop.example/", []Outside{{Host: "SHOP.example", MaxRate: 50}}, "", 50},
		"by prefix":                         {"http://shop.example:81/", []Outside{{Host: "10.0.3.0/24", MaxRate: 60}}, "", 60},
		"only one of its addresses":         {"http://shop.example/", []Outside{{Host: "10.0.3.7", MaxRate: 60}}, "refused: 10.0.3.8 is not a loopback", 0},
		"by address":                        {"http://10.0.3.7/", []Outside{{Host: "10.0.3.7", MaxRate: 60}}, "", 60},
		"another name for the same address": {"http://10.0.3.7/", []Outside{{Host: "shop.example", MaxRate: 60}}, "refused: 10.0.3.7 is not", 0},
		"a name that is also here":          {"http://half.example/", []Outside{{Host: "10.0.3.7", MaxRate: 60}}, "refused: 10.9.9.9 is not", 0},
		"here, whatever is allowed":         {"http://local.example/", []Outside{{Host: "local.example", MaxRate: 1}}, "", MaxRate},
		"IPv6":                              {"http://six.example/", []Outside{{Host: "fd00::/8", MaxRate: 70}}, "", 70},
		"more than it may get":              {"http://shop.example/", []Outside{{Host: "shop.example", MaxRate: 39}}, "refused: it sends up to 40/s to shop.example:80; load.hosts allows 39/s", 39},
		"the first that is about it is what counts": {"http://shop.example/", []Outside{{Host: "shop.example", MaxRate: 50}, {Host: "10.0.0.0/8", MaxRate: 1}}, "", 50},
	} {
		t.Run(name, func(t *testing.T) {
			p := planOf(40, time.Second).withDefaults()
			p.Targets[0].URL, p.Outside = c.url, c.allowed
			ends, _, err := p.resolve(t.Context(), names)
			if c.says != "" {
				require.ErrorIs(t, err, ErrRefused)
				require.ErrorContains(t, err, c.says)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.most, p.rateCap(ends))
			p.Stages[0].To = 1e4
			p.Closed = true
			require.NoError(t, p.withinCap(ends), "users are held to it as they send")
		})
	}
	for env, production := range map[string]bool{"": true, " ": true, "prod": true, "Production": true, "LIVE": true, "staging": false, "nonprod": false} {
		require.Equal(t, production, Outside{Env: env}.Production(), env)
	}
	for host, says := range map[string]string{"": "is no name", "http://x": "is no name", "a b": "is no name", "10.0.3.0/40": "is no prefix", "x/y": "is no prefix"} {
		key, err := Outside{Host: host, MaxRate: 1}.Valid()
		require.Equal(t, "host", key)
		require.ErrorContains(t, err, says)
	}
	for _, rate := range []float64{0, -1, MaxRate + 1} {
		key, err := Outside{Host: "x", MaxRate: rate}.Valid()
		require.Equal(t, "max_rate", key)
		require.Error(t, err)
	}
	_, err := Outside{Host: "10.0.3.0/24", MaxRate: MaxRate}.Valid()
	require.NoError(t, err)
}

// TestLoadLeavesThisMachine, as far as a namespace goes in which an address that is not
// loopback is this machine's all the same. A redirect leads no further than to this machine.
func TestLoadLeavesThisMachine(t *testing.T) {
	const inside, there = "SITREP_TEST_OUTSIDE", "192.0.2.7"
	if os.Getenv(inside) == "" {
		exe, err := os.Executable()
		require.NoError(t, err)
		cmd := exec.Command(exe, "-test.run=^TestLoadLeavesThisMachine$", "-test.v")
		cmd.Env = append(os.Environ(), inside+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Contains(t, string(out), "--- PASS: TestLoadLeavesThisMachine")
		return
	}
	for _, args := range [][]string{{"link", "set", "lo", "up"}, {"addr", "add", there + "/32", "dev", "lo"}, {"addr", "add", "192.0.2.8/32", "dev", "lo"}} {
		out, err := exec.Command("ip", args...).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	var had, elsewhere atomic.Int64
	serve := func(address string, count *atomic.Int64, to string) string {
		l, err := net.Listen("tcp", address+":0")
		require.NoError(t, err)
		s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			count.Add(1)
			if to != "" {
				http.Redirect(w, r, to, http.StatusFound)
			}
		})}
		go func() { _ = s.Serve(l) }()
		t.Cleanup(func() { _ = s.Close() })
		return "http://" + l.Addr().String() + "/"
	}
	far := serve("192.0.2.8", &elsewhere, "")
	plan := planOf(50, 200*time.Millisecond)
	plan.Targets[0].URL = serve(there, &had, "")
	_, err := Run(t.Context(), plan, func(Progress) {})
	require.ErrorIs(t, err, ErrRefused)
	require.Zero(t, had.Load())

	plan.Outside = []Outside{{Host: "192.0.2.0/24", MaxRate: 50}}
	r, err := Run(t.Context(), plan, func(Progress) {})
	require.NoError(t, err)
	require.EqualValues(t, 10, r.Requests)
	require.Zero(t, r.Errors, "%v", r.ErrorsByClass)
	require.EqualValues(t, 10, had.Load())

	plan.Targets[0].URL, plan.HTTP.Redirects = serve(there, &had, far), 3
	r, err = Run(t.Context(), plan, func(Progress) {})
	require.NoError(t, err)
	require.EqualValues(t, 10, r.Errors)
	require.Zero(t, elsewhere.Load())
}

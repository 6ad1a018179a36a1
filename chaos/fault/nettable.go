package fault

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
)

// table holds a table of nftables by `nft -i`, a child that has the kernel's socket to
// it. That child ends with this process, and the table with the child.
type table struct {
	Netns   chaos.Netns `json:"netns"`
	Name    string      `json:"name"`
	Script  []string    `json:"script"`
	Reach   string      `json:"reach,omitempty"`   // address and port that the fault is about, if it is one
	Cuts    bool        `json:"cuts,omitempty"`    // nothing gets to Reach
	Control []string    `json:"control,omitempty"` // must stay reachable from here

	do      func(func() error) error // inside
	reached bool                     // Reach, before
	said    complaints
}

// nftReady is how often to look whether nft has done what it was told.
const nftReady = 10 * time.Millisecond

// Hold is chaos.Holder's.
func (t *table) Hold(ctx context.Context) (string, error) {
	var err error
	if t.do, err = t.Netns.Stay(); err != nil {
		return "", err
	}
	return t.put(ctx)
}

// put makes the table, from the thread inside.
func (t *table) put(ctx context.Context) (string, error) {
	before := reachable(ctx, t.Control)
	t.reached = t.reaches(ctx)
	in, err := t.start()
	if err != nil {
		return "", err
	}
	if _, err := io.WriteString(in, strings.Join(t.Script, "\n")+"\n"); err != nil {
		return "", fmt.Errorf("nft: %w: %s", err, t.said.String())
	}
	for {
		now, err := t.look(ctx)
		if err == nil && now.live {
			if want := t.rules(); now.rules != want {
				return "", fmt.Errorf("nft made %d of %d rules: %s", now.rules, want, t.said.String())
			}
			return fmt.Sprintf("table inet %s is in %s", t.Name, t.Netns), stillReachable(ctx, before)
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("nft did not make the table: %w: %s", ctx.Err(), t.said.String())
		case <-time.After(nftReady):
		}
	}
}

// rules is how many the script makes that hurt.
func (t *table) rules() (n int) {
	for _, line := range t.Script {
		if strings.HasSuffix(line, ` comment "`+faultComment+`"`) {
			n++
		}
	}
	return n
}

// start runs nft on the thread inside. Whatever ends it ends us: the fault is over.
func (t *table) start() (in io.WriteCloser, err error) {
	path, err := chaos.FindTool("nft")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, "-i")
	cmd.Env = append(os.Environ(), "LC_ALL=C", "HOME=/dev/null") // it would write a history
	cmd.Stdout, cmd.Stderr = &t.said, &t.said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := t.do(cmd.Start); err != nil {
		return nil, err
	}
	go func() {
		err := cmd.Wait()
		fmt.Fprintf(os.Stderr, "nft ended: %v: %s\n", err, t.said.String())
		os.Exit(1)
	}()
	return in, nil
}

// Observe is chaos.Holder's: packets were counted by the rules, and where a connection
// of our own can show it, it does not come about.
func (t *table) Observe(ctx context.Context) (string, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*reachTime)
	defer cancel()
	reached := t.reaches(ctx)
	now, err := t.look(ctx)
	if err != nil {
		return "", false, err
	}
	effect := fmt.Sprintf("%d packets met the fault", now.packets)
	switch {
	case !t.Cuts || !t.reached:
		return effect, now.packets > 0, nil
	case reached:
		return effect + "; " + t.Reach + " can still be reached", false, nil
	}
	return effect + "; " + t.Reach + " cannot be reached", now.packets > 0, nil
}

// reaches says whether a connection from inside comes about. There is none to try
// where the fault is not about one address.
func (t *table) reaches(ctx context.Context) bool {
	if t.Reach == "" {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, reachTime/4)
	defer cancel()
	return t.do(func() error { return connects(ctx, t.Reach) }) == nil
}

// tableState is what a table has done.
type tableState struct {
	live    bool // the set has its elements
	rules   int  // that hurt
	packets int64
}

// ruleCounter is what nft prints of a rule of ours that hurts.
var ruleCounter = regexp.MustCompile(`(?m) counter packets ([0-9]+) bytes [0-9]+.* comment "` + faultComment + `"$`)

// look reads the table as text; see chaos.NftAbsent for why.
func (t *table) look(ctx context.Context) (s tableState, err error) {
	var out string
	err = t.do(func() (err error) {
		out, err = chaos.ToolCall{Name: "nft", Args: []string{"list", "table", "inet", t.Name}}.Run(ctx)
		return err
	})
	if err != nil {
		return s, err
	}
	s.live = strings.Contains(out, "elements = {")
	for _, m := range ruleCounter.FindAllStringSubmatch(out, -1) {
		n, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil {
			return s, fmt.Errorf("nft list table inet %s: %w", t.Name, err)
		}
		s.rules, s.packets = s.rules+1, s.packets+n
	}
	return s, nil
}

// complaints keep the end of what a child says.
type complaints struct {
	mu   sync.Mutex
	text []byte
}

const longestComplaint = 512

// Write is io.Writer's.
func (c *complaints) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text = append(c.text, b...)
	c.text = c.text[max(0, len(c.text)-longestComplaint):]
	return len(b), nil
}

func (c *complaints) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(strings.Fields(string(bytes.ToValidUTF8(c.text, []byte("?")))), " ")
}

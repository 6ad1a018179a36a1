package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// End is the undo of a fault that a process of ours holds: to end that process.
func End(holder Process, id string) Op { return Op{Do: "end", Process: &holder, ID: id} }

// Ended is true when the process runs no more.
func Ended(holder Process) Check { return Check{Is: "ended", Process: &holder} }

var endOp = opKind{
	valid: func(o Op) error {
		if o.ID == "" {
			return errors.New("end: no fault that the process would hold")
		}
		return validProcess(o.Process)
	},
	text: func(o Op) string { return fmt.Sprintf("kill -KILL %d, which holds %s", o.Process.PID, o.ID) },
	do:   func(_ context.Context, o Op) (string, error) { return endHolder(*o.Process, o.ID) },
}

var endedCheck = checkKind{
	valid: func(c Check) error { return validProcess(c.Process) },
	text:  func(c Check) string { return fmt.Sprintf("process %d has ended", c.Process.PID) },
	look: func(_ context.Context, c Check) (string, bool, error) {
		_, err := c.Process.State()
		if errors.Is(err, ErrProcessGone) {
			return err.Error(), true, nil
		}
		return fmt.Sprintf("process %d has not ended", c.Process.PID), false, err
	},
}

// endHolder kills a process that says by its arguments that it holds the fault. No
// other is ever killed, whatever a journal says.
func endHolder(p Process, id string) (string, error) {
	args, err := os.ReadFile("/proc/" + strconv.Itoa(p.PID) + "/cmdline")
	if _, gone := p.State(); errors.Is(gone, ErrProcessGone) { // after the reading: what was read is this very process's
		return gone.Error(), nil
	}
	words := strings.Split(string(args), "\x00")
	at := slices.Index(words, holdCommand)
	if err != nil || at < 0 || at+1 >= len(words) || words[at+1] != id {
		return "", fmt.Errorf("process %d does not hold %s: it is left alone", p.PID, id)
	}
	if err := p.kill(undoTimeout); err != nil && !errors.Is(err, ErrProcessGone) {
		return "", err
	}
	return fmt.Sprintf("ended process %d", p.PID), nil
}

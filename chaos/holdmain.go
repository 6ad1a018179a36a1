package chaos

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// HoldMain is the body of `sitrep __chaos-hold ID KIND`: it does what its standard
// input asks of it until that ends, the fault's time is over, or somebody ends it;
// its end is the fault's. holders are the kinds that the program knows. It returns
// the exit code of the process.
func HoldMain(args []string, stdin io.Reader, stdout io.Writer, holders map[string]NewHolder) int {
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGPIPE)
	if len(args) != 2 {
		fmt.Fprintln(os.Stderr, "a holder is started by sitrep itself")
		return 2
	}
	in := bufio.NewReaderSize(stdin, 64<<10)
	out := json.NewEncoder(stdout)
	var h Holder
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return 0
		}
		var o holdOrder
		if err := json.Unmarshal(line, &o); err != nil {
			fmt.Fprintln(os.Stderr, "read order:", err)
			return 1
		}
		if h, err = obey(&o, h, holders, out); err != nil {
			return 0 // nobody listens
		}
	}
}

// obey does what one order asks, and answers.
func obey(o *holdOrder, h Holder, holders map[string]NewHolder, out *json.Encoder) (Holder, error) {
	ctx, cancel := context.WithTimeout(context.Background(), injectTimeout)
	defer cancel()
	a := holdAnswer{N: o.N, OK: true}
	var err error
	switch {
	case o.Do == "ready" && h == nil:
		h, err = readied(o, holders)
	case o.Do == "hold" && h != nil:
		a.Text, err = h.Hold(ctx)
	case o.Do == "observe" && h != nil:
		a.Text, a.OK, err = h.Observe(ctx)
	default:
		err = fmt.Errorf("cannot %q now", o.Do)
	}
	if err != nil {
		a.OK, a.Error = false, err.Error()
	}
	return h, out.Encode(a)
}

func readied(o *holdOrder, holders map[string]NewHolder) (Holder, error) {
	build, ok := holders[o.Kind]
	if !ok {
		return nil, fmt.Errorf("nothing here holds %q", o.Kind)
	}
	h, err := build(o.Spec)
	if err == nil && !o.Until.IsZero() {
		time.AfterFunc(time.Until(o.Until), func() { os.Exit(0) }) // whoever hangs: the fault's time is over
	}
	return h, err
}

package chaos

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// holdCommand is the first argument of a process that holds a fault; the fault's
// ID is the second.
const holdCommand = "__chaos-hold"

// HeldFault is the Injector of a fault that a process of its own holds (`sitrep
// __chaos-hold ID KIND`): the kernel takes the fault back when that process ends,
// however it ends. Everything that can be asked of it is asked over its standard
// input, whose end is its end too. It is used by one run, once.
type HeldFault struct {
	id, kind string
	spec     any // for the NewHolder of kind, as JSON

	cmd     *exec.Cmd
	process Process
	stderr  *tail
	orders  io.WriteCloser
	answers chan holdAnswer
	ended   chan struct{}
	why     string // it ended, once ended is closed
	asked   int
}

// holdOrder is a line that a holder reads. The first has the kind and the spec.
type holdOrder struct {
	N     int             `json:"n"`
	Do    string          `json:"do"` // "ready", "hold", "observe"
	Kind  string          `json:"kind,omitempty"`
	Spec  json.RawMessage `json:"spec,omitempty"`
	Until time.Time       `json:"until,omitzero"`
}

// holdAnswer is a line that a holder writes.
type holdAnswer struct {
	N     int    `json:"n"`
	Text  string `json:"text,omitempty"`
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
}

// Hold is a fault of a kind, as the holders of the program know it.
func Hold(id, kind string, spec any) *HeldFault {
	return &HeldFault{id: id, kind: kind, spec: spec, stderr: &tail{}, answers: make(chan holdAnswer, 16), ended: make(chan struct{})}
}

// Prepare is Preparer's: it starts the process, which does nothing yet.
func (h *HeldFault) Prepare(ctx context.Context, armed Armed) (undo []Op, gone []Check, err error) {
	spec, err := json.Marshal(h.spec)
	if err != nil {
		return nil, nil, err
	}
	h.cmd = exec.Command(ownExecutable(), holdCommand, h.id, h.kind)
	h.cmd.Stderr = h.stderr
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	h.cmd.WaitDelay = reapPatience
	if h.orders, err = h.cmd.StdinPipe(); err != nil {
		return nil, nil, err
	}
	lines, err := h.cmd.StdoutPipe()
	if err == nil {
		err = startAttached(h.cmd)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("start the holder of %s: %w", h.kind, err)
	}
	go h.listen(lines)
	if h.process, err = Identify(h.cmd.Process.Pid); err == nil {
		_, err = h.ask(ctx, holdOrder{Do: "ready", Kind: h.kind, Spec: spec, Until: armed.Until})
	}
	return []Op{End(h.process, h.id)}, []Check{Ended(h.process)}, err
}

// Inject is Injector's.
func (h *HeldFault) Inject(ctx context.Context, _ Armed) (evidence string, err error) {
	a, err := h.ask(ctx, holdOrder{Do: "hold"})
	return a.Text, err
}

// Observe is Injector's.
func (h *HeldFault) Observe(ctx context.Context) (effect string, ok bool, err error) {
	a, err := h.ask(ctx, holdOrder{Do: "observe"})
	return a.Text, a.OK, err
}

// Watch is Preparer's.
func (h *HeldFault) Watch(ctx context.Context) string {
	select {
	case <-h.ended:
		return h.why
	case <-ctx.Done():
		return ""
	}
}

// Release is Preparer's.
func (h *HeldFault) Release() {
	if h.cmd == nil || h.cmd.Process == nil {
		return
	}
	_ = h.orders.Close()
	_ = h.cmd.Process.Kill()
	t := time.NewTimer(undoTimeout) // it may wait in the kernel for a disk, say
	defer t.Stop()
	select {
	case <-h.ended:
	case <-t.C:
	}
}

// ask sends one order and waits for its answer.
func (h *HeldFault) ask(ctx context.Context, o holdOrder) (holdAnswer, error) {
	h.asked++
	o.N = h.asked
	line, err := json.Marshal(o)
	if err == nil && !h.order(ctx, line) {
		err = errors.New(h.why)
	}
	for err == nil {
		select {
		case a := <-h.answers:
			switch {
			case a.N != o.N: // to a question that was given up
			case a.Error != "":
				return a, errors.New(a.Error)
			default:
				return a, nil
			}
		case <-h.ended:
			err = errors.New(h.why)
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	return holdAnswer{}, fmt.Errorf("the process that holds %s: %w", h.kind, err)
}

// order says whether the holder could be told. Of one that could not, why it ended is
// known then, or ctx has ended.
func (h *HeldFault) order(ctx context.Context, line []byte) bool {
	if _, err := h.orders.Write(append(line, '\n')); err == nil {
		return true
	}
	return h.Watch(ctx) == ""
}

// listen passes answers on until the process has ended, and says so.
func (h *HeldFault) listen(lines io.Reader) {
	in := bufio.NewScanner(lines)
	for in.Scan() {
		var a holdAnswer
		if json.Unmarshal(in.Bytes(), &a) == nil {
			select {
			case h.answers <- a:
			default: // nobody has asked that much
			}
		}
	}
	h.why = "it ended"
	if err := h.cmd.Wait(); err != nil {
		h.why = "it died: " + err.Error()
	}
	if s := h.stderr.String(); s != "" {
		h.why += ": " + s
	}
	close(h.ended)
}

// startAttached starts a command that asks for a signal at its parent's death. The
// kernel sends that when the thread ends that has started it (golang/go#27505), so
// that all of them are started by one thread, which never ends.
func startAttached(cmd *exec.Cmd) error {
	done := make(chan error, 1)
	attaching() <- func() { done <- cmd.Start() }
	return <-done
}

var attaching = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go attach(work)
	return work
})

func attach(work <-chan func()) {
	runtime.LockOSThread()
	for f := range work {
		f()
	}
}

package fault

import (
	"fmt"
	"os"
	"runtime"
)

// onLastingThread does something on a thread that lives as long as the process: what
// the kernel ties to a thread (a tracer, the parent of a child that is to die with it)
// ends with the holder and not before.
func onLastingThread(do func()) {
	done := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		do()
		close(done)
		select {}
	}()
	<-done
}

// expendable makes the holder the first that the kernel ends when there is no memory
// left: nobody else is to die for an experiment. Source: proc(5), oom_score_adj.
func expendable() error {
	if err := os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0); err != nil {
		return fmt.Errorf("become the first to be killed: %w", err)
	}
	return nil
}

// giveUp ends the holder when it cannot go on: its fault is over then, and the run says
// why.
func giveUp(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
